//! Process managers: state of their own that reacts to events of several aggregates with commands,
//! timers and events, without steps that call out.
//!
//! What users write is pure; [`Sagas`](super::Sagas) runs it beside sagas. All of an input is one
//! transaction: the record that it was taken, the events of the process manager, those of all
//! aggregates that it commands, its timers and the place in the feed. Inputs that have nothing to do
//! with each other may share it.

mod input;
mod kind;
mod reactions;
mod repair;
mod run;
mod state;
mod work;

pub(crate) use input::read_on;
pub(crate) use kind::{ErasedProcess, Manager};
pub use kind::{Inputs, ReactsTo};
pub use reactions::{Reactions, Rejected};
pub(crate) use repair::{repair, resume};
pub use state::ProcessState;
pub(crate) use state::decode_step;
pub(crate) use work::work_on;

use es_runtime::{Aggregate, Envelope, EventSet};

/// State that reacts to events of other streams.
///
/// Its state, its own events, their versions and its id are those of an [`Aggregate`]; derive both.
/// What it reacts to stands in `reacts(..)`, and for each event there is one [`ReactTo`]; its own events
/// are never among them. It is never sent commands: its stream is `saga:<name>/<id>`, and
/// [`Sagas`](super::Sagas) writes it.
///
/// An input that it cannot react to (an aggregate rejects, a function panics) parks this one instance:
/// the input waits there with the reason, and those that come later behind it, until an operator
/// [repairs](super::Sagas::repair) it. Other instances go on.
///
/// ```
/// use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle, MemoryStore, Repository};
/// use es_sagas::{ProcessManager, Sagas, OnTimer, ReactTo, Reactions};
/// use serde::{Deserialize, Serialize};
/// use std::{convert::Infallible, time::Duration};
/// # #[derive(Clone)]
/// # struct Open;
/// # #[derive(Clone)]
/// # struct Remind;
/// # /// The customer was reminded.
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event("bill.reminded")]
/// # struct Reminded {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("bill", id = u32, error = Infallible, events(BillOpened, Reminded))]
/// # struct Bill {}
/// # impl Apply<BillOpened> for Bill { fn apply(&mut self, _: &BillOpened) {} }
/// # impl Apply<Reminded> for Bill { fn apply(&mut self, _: &Reminded) {} }
/// # impl Handle<Open> for Bill {
/// #     fn handle(&self, _: Open) -> Result<Events<Self>, Infallible> { Ok(BillOpened {}.into()) }
/// # }
/// # impl Handle<Remind> for Bill {
/// #     fn handle(&self, _: Remind) -> Result<Events<Self>, Infallible> { Ok(Reminded {}.into()) }
/// # }
///
/// /// A bill was opened.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("bill.opened")]
/// struct BillOpened {}
///
/// /// A bill has to be paid.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("dunning.begun")]
/// struct DunningBegun {
///     bill: u32,
/// }
///
/// /// Reminds of bills.
/// #[derive(Aggregate, ProcessManager, Default)]
/// #[aggregate("dunning", id = u32, error = Infallible, events(DunningBegun))]
/// #[process_manager(reacts(BillOpened), timers)]
/// struct Dunning {
///     bill: u32,
/// }
///
/// impl Apply<DunningBegun> for Dunning {
///     fn apply(&mut self, event: &DunningBegun) {
///         self.bill = event.bill;
///     }
/// }
///
/// impl ReactTo<BillOpened> for Dunning {
///     fn correlate(opened: &Envelope<BillOpened>) -> Option<u32> {
///         opened.stream.id().parse().ok()
///     }
///
///     fn react(&self, opened: &Envelope<BillOpened>) -> Reactions<Self> {
///         let bill = opened.stream.id().parse().unwrap_or_default();
///         Reactions::none()
///             .event(DunningBegun { bill })
///             .timer("remind", Duration::ZERO)
///     }
/// }
///
/// impl OnTimer for Dunning {
///     fn timer(&self, _name: &str) -> Reactions<Self> {
///         Reactions::none().command::<Bill, _>(&self.bill, Remind).end()
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let store = MemoryStore::new();
/// let sagas = Sagas::new(store.clone())
///     .from_the_beginning(true)
///     .with_process_manager::<Dunning>();
/// let bills = Repository::<Bill, _>::new(store);
/// bills.execute(&7, Open).await?;
/// sagas.run_until_idle().await?;
///
/// assert_eq!(bills.load(&7).await?.version, 2);
/// assert!(sagas.show_process("dunning", "7").await?.state.ended);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process manager",
    label = "`{Self}` does not implement `ProcessManager`",
    note = "add `#[derive(es_sagas::ProcessManager)]` and `#[process_manager(reacts(..))]` to `{Self}`"
)]
pub trait ProcessManager: Aggregate {
    /// Everything that it reacts to. Derived; by hand it is [`Inputs::on`] for each event.
    fn inputs() -> Inputs<Self>;
}

/// How a process manager reacts to one kind of event.
///
/// Both functions are pure: no clock, no I/O. They run again when another writer was first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how it reacts to it",
    label = "there is no `impl ReactTo<{E}> for {Self}`",
    note = "write the impl, or take the event out of `reacts(..)`"
)]
pub trait ReactTo<E: EventSet>: ProcessManager + ReactsTo<E> {
    /// The instance that the event is for, `None` when it is for none. The first event makes the
    /// instance.
    fn correlate(event: &Envelope<E>) -> Option<Self::Id>;

    /// What follows from the event. Where one stored event stands for several of today's, each is
    /// asked on the state before them.
    fn react(&self, event: &Envelope<E>) -> Reactions<Self>;
}

/// What a process manager does when one of its timers has run out. Say `timers` in its attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what follows when a timer has run out",
    label = "there is no `impl OnTimer for {Self}`",
    note = "write the impl, and `timers` in its `#[process_manager(..)]`"
)]
pub trait OnTimer: ProcessManager + HasTimers {
    /// What follows. A timer that was cancelled, or set anew, never gets here at its old time.
    fn timer(&self, name: &str) -> Reactions<Self>;
}

/// What a process manager does when an aggregate rejects a command of it. Say `rejections` in its
/// attribute. Without it the instance is parked with the reason.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what follows when an aggregate rejects",
    label = "there is no `impl OnRejected for {Self}`",
    note = "write the impl, or take `rejections` out of its `#[process_manager(..)]`"
)]
pub trait OnRejected: ProcessManager + HasRejections {
    /// What follows instead of all that was decided on the input, in the same transaction. When one of
    /// these commands is rejected too, the instance is parked.
    fn rejected(&self, rejected: &Rejected) -> Reactions<Self>;
}

/// Says that a process manager has timers. Derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says what its timers do but not that it has some, so none would run",
    label = "`timers` is not in the `#[process_manager(..)]` of `{Self}`",
    note = "add `timers` to it, or remove this impl"
)]
pub trait HasTimers {}

/// Says that a process manager is told of rejections. Derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says what follows from rejections but not that it is told of them",
    label = "`rejections` is not in the `#[process_manager(..)]` of `{Self}`",
    note = "add `rejections` to it, or remove this impl"
)]
pub trait HasRejections {}
