//! Sagas: long transactions out of steps, each with its way back, that survive whatever crashes.
//!
//! A saga is a list of steps. Each step calls a provider or sends a command to an aggregate; most have
//! an undo. When one cannot be done, those before it are undone in reverse order. The runtime owns
//! order, retries, timeouts and what becomes of calls whose outcome nobody knows.
//!
//! [`Saga`] has a whole example; [`Sagas`] runs them.
//!
//! # What holds
//! 1. A step is called only after it was stored that it will be, so one whose outcome was lost is known.
//! 2. [`Fail::fatal`] means that it did not happen: it is not undone. After timeouts, crashes and used up
//!    attempts the outcome is unknown, and what is unknown is undone. A crash is no attempt, but a call that
//!    was cut off too often ([`Retry::interruptions`]) has used them up.
//! 3. Technical errors are retried first; what undoes a saga is a no, a deadline, or a cancellation.
//! 4. Undos run in the reverse order of the steps.
//! 5. An undo is tried again, long, and then the saga is parked for an operator. Never silently given up.
//! 6. Past the pivot a saga only goes forward.
//! 7. A step that turns out to have been done after it was undone is undone once more, under the same key.
//! 8. Inputs that come twice or too late are recorded and change nothing.
//! 9. No transaction and no lock is held while a step is called.
//! 10. An instance runs by the definition that it began with, by version and hash; one whose definition
//!     is not there is parked, never guessed.
//!
//! # What providers owe
//! A step is called at least once, always with the same [`Key`]; so the provider has to recognise keys.
//! An undo must succeed for a key that the provider never saw, and the provider must reject that key
//! afterwards: the call may still be on its way.

extern crate self as es_sagas;

#[doc(hidden)]
pub mod __private;
mod commit;
mod decide;
mod definition;
mod error;
mod events;
mod fail;
mod info;
mod input;
mod interceptor;
mod key;
mod load;
mod mermaid;
mod names;
mod process;
mod repair;
mod retry;
mod runner;
#[cfg(feature = "runner")]
mod running;
mod state;
mod work;

pub use definition::{Cx, Definition, InvalidDefinition, NewStep, Start, StepCx, StepOutput};
pub use error::SagaError;
#[cfg(feature = "derive")]
pub use es_macros::{ProcessManager, saga};
pub use es_runtime::command::AggregateCommand;
pub use events::{
    CancelRequested, Cause, Compensated, Completed, EventSkipped, Failed, Failure, InputIgnored,
    Interrupted, LateSuccess, Parked, ParkedWhy, Repaired, SagaEvent, Scheduled, Started,
    Succeeded, Undone, UnwindStarted, Verb, Verdict,
};
pub use fail::{Effect, Fail};
pub use interceptor::{Interceptor, StepCall};
pub use key::{Direction, Key};
pub use names::stream_of;
pub use process::{
    HasRejections, HasTimers, Inputs, OnRejected, OnTimer, ProcessCause, ProcessManager,
    ProcessOutcome, ProcessState, ProcessView, ReactTo, Reactions, ReactsTo, Rejected, Stepped,
};
pub use repair::SagaView;
pub use retry::Retry;
pub use runner::{Idle, Sagas};
#[cfg(feature = "runner")]
pub use running::RunningSagas;
pub use state::{Pending, Phase, SagaState, StepState, StepStatus};

use serde::{Serialize, de::DeserializeOwned};

/// A saga: what it is about, what its steps need, and what it consists of.
///
/// The type itself is what one saga is about; it is stored when the saga begins. `Deps` are clients and
/// the like; they are injected and never stored.
///
/// [`#[saga]`](macro@saga) on an `impl` block writes this trait; without it:
///
/// ```
/// use es_runtime::{Event, MemoryStore, Repository};
/// use es_sagas::{Cx, Definition, Effect, Fail, Saga, Sagas, Start};
/// # use es_runtime::{Aggregate, Apply, Events, Handle};
/// use serde::{Deserialize, Serialize};
/// # #[derive(Clone)]
/// # struct Place;
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("trip", id = u32, error = std::convert::Infallible, events(TripPlanned))]
/// # struct Trip {}
/// # impl Apply<TripPlanned> for Trip { fn apply(&mut self, _: &TripPlanned) {} }
/// # impl Handle<Place> for Trip {
/// #     fn handle(&self, _: Place) -> Result<Events<Self>, std::convert::Infallible> {
/// #         Ok(TripPlanned { to: "Rome".into() }.into())
/// #     }
/// # }
///
/// /// A trip was planned.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("trip.planned")]
/// struct TripPlanned {
///     to: String,
/// }
///
/// /// Books what a trip needs, or nothing of it.
/// #[derive(Serialize, Deserialize)]
/// struct BookTrip {
///     to: String,
/// }
///
/// struct Agencies; // clients of the airline and of hotels
///
/// impl Saga for BookTrip {
///     const NAME: &'static str = "book-trip";
///     type Deps = Agencies;
///
///     fn definition() -> Definition<Self> {
///         let mut saga = Definition::new();
///         saga.starts_on::<TripPlanned>(|planned| {
///             let to = planned.event.to.clone();
///             Some(Start::new(planned.stream.id(), BookTrip { to }))
///         });
///         let flight = saga
///             .step("flight", |cx: Cx<Self>| async move {
///                 Ok(format!("seat to {} under {}", cx.saga().to, cx.key()))
///             })
///             .undo(|_, seat: Effect<String>| async move {
///                 println!("given back: {:?}", seat.known());
///                 Ok(())
///             });
///         saga.step("hotel", move |cx: Cx<Self>| async move {
///             let seat = cx.output(flight)?;
///             Err::<(), _>(Fail::fatal(format!("no room for whoever has {seat}")))
///         })
///         .needs(flight)
///         .no_undo();
///         saga
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let store = MemoryStore::new();
/// let sagas = Sagas::new(store.clone()).from_the_beginning(true).with::<BookTrip>(Agencies);
/// # Repository::<Trip, _>::new(store).execute(&7, Place).await?;
/// sagas.run_until_idle().await?;
///
/// let trip = sagas.show("book-trip", "7").await?;
/// assert_eq!(trip.state.phase_text(), "compensated");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub trait Saga: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stored name. It never changes.
    const NAME: &'static str;
    /// The version of the definition; raise it when steps, their order or what is stored change, and
    /// keep the old one, [frozen](Definition::frozen), while instances of it run.
    const VERSION: u32 = 1;
    /// What the steps need: clients, settings. Never stored.
    type Deps: Send + Sync + 'static;

    /// The steps in their order, what starts and cancels it, and its times.
    fn definition() -> Definition<Self>;
}
