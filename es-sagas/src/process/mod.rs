//! Process managers: they have state and react to events of several aggregates with commands, timers and
//! events. They call no other systems.
//!
//! Users write pure functions, and [`Sagas`](crate::Sagas) runs them. Each input is one transaction: the record
//! of the input, the events of the process manager, the events of the aggregates that it sends commands to, its
//! timers, and the move of the cursor. Independent inputs may share a transaction.

mod input;
mod kind;
mod reactions;
mod repair;
mod run;
mod state;
mod work;

pub(crate) use input::{read_on, take_parked};
pub(crate) use kind::{ErasedProcess, Manager};
pub use kind::{Inputs, InputsOf, ReactsTo, SendsTo};
pub use reactions::{Reactions, Rejected};
pub(crate) use repair::{repair, row_of_state};
pub use state::ProcessState;
pub(crate) use state::decode_step;
pub(crate) use work::work_on;

use es_runtime::{Aggregate, Envelope, EventSet};

/// A process manager: it has state and reacts to events of other streams with commands, timers and events.
///
/// Use it when several aggregates of one store work together, and no other system is called. For calls to other
/// systems use a [`Saga`](crate::Saga).
///
/// Its state, its own events and its id are those of an [`Aggregate`], so derive both traits. List the events
/// that it reacts to in `reacts(..)`, and implement [`ReactTo`] for each. It never reacts to its own events, and
/// it receives no commands. [`Sagas`](crate::Sagas) writes its stream, `saga:<name>/<id>`.
///
/// When an instance cannot react to an input (an aggregate rejects a command, or a function panics), it is
/// parked. The input and all later ones wait until an operator [repairs](crate::Sagas::repair) the instance.
/// Other instances are not affected.
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
/// /// Reminders for a bill started.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("dunning.begun")]
/// struct DunningBegun {
///     bill: u32,
/// }
///
/// /// Reminds customers of unpaid bills.
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
    /// The inputs. The derive writes it. By hand, call [`Inputs::on`] for each event.
    fn inputs() -> Inputs<Self>;
}

/// The reaction of a process manager to one event, or to one event set.
///
/// Both functions must be pure: no clock and no I/O. They run again when another writer was first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how it reacts to it",
    label = "there is no `impl ReactTo<{E}> for {Self}`",
    note = "write `impl ReactTo<{E}> for {Self}` with the functions `correlate` and `react`, or take the event out of `reacts(..)`"
)]
pub trait ReactTo<E: EventSet>: ProcessManager + ReactsTo<E> {
    /// The id of the instance that receives the event, `None` for no instance. The first event creates the
    /// instance.
    fn correlate(event: &Envelope<E>) -> Option<Self::Id>;

    /// The reactions to the event. When an upcaster turns one stored event into several, each is handled on the
    /// state before them.
    fn react(&self, event: &Envelope<E>) -> Reactions<Self>;
}

/// The reaction of a process manager to its timers. Add `timers` to its attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it reacts to its timers",
    label = "there is no `impl OnTimer for {Self}`",
    note = "write `impl OnTimer for {Self} {{ fn timer(&self, name: &str) -> Reactions<Self> {{ .. }} }}`, and `timers` in its `#[process_manager(..)]`"
)]
pub trait OnTimer: ProcessManager + HasTimers {
    /// The reactions to a timer that fired. A timer that was cancelled or replaced does not fire at its old time.
    fn timer(&self, name: &str) -> Reactions<Self>;
}

/// The reaction of a process manager to a command that an aggregate rejected, or whose unique value is taken. Add
/// `rejections` to its attribute. Without it, a rejection parks the instance.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it reacts to rejected commands",
    label = "there is no `impl OnRejected for {Self}`",
    note = "write the impl, or take `rejections` out of its `#[process_manager(..)]`"
)]
pub trait OnRejected: ProcessManager + HasRejections {
    /// The reactions that replace all earlier reactions to the input. When one of these commands is rejected
    /// too, the instance is parked.
    fn rejected(&self, rejected: &Rejected) -> Reactions<Self>;
}

/// Marks a process manager that has timers. The derive implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` implements `OnTimer` but does not declare `timers`, so no timer would fire",
    label = "`timers` is not in the `#[process_manager(..)]` of `{Self}`",
    note = "add `timers` to it, or remove this impl"
)]
pub trait HasTimers {}

/// Marks a process manager that handles rejections. The derive implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` implements `OnRejected` but does not declare `rejections`",
    label = "`rejections` is not in the `#[process_manager(..)]` of `{Self}`",
    note = "add `rejections` to it, or remove this impl"
)]
pub trait HasRejections {}
