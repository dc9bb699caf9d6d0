//! Sagas and process managers for event-sourced applications on es-runtime.
//!
//! A saga is a sequence of steps that call other systems: charge a card, reserve stock, order a
//! shipment. Most steps have an undo. When a step fails, the steps before it are undone in reverse order.
//! The runtime stores each call before it makes it, retries it, and continues after a crash.
//!
//! # When to use what
//!
//! - **A saga**, when a fixed sequence of steps calls other systems, and earlier steps must be undone when
//!   a later one fails. Write it with [`#[saga]`](macro@saga).
//! - **A process manager**, when events of several aggregates lead to commands and timers within one store,
//!   in no fixed order. It calls no other system, and each input is one transaction. See
//!   [`ProcessManager`].
//! - **Neither**, when one aggregate can decide by itself, or when a single call without an undo follows
//!   from an event. A subscription of es-projections is enough for that call.
//!
//! # Example
//!
//! An order is paid and shipped. No carrier takes it, so the payment is refunded.
//!
//! ```
//! use es_runtime::{Envelope, Event, MemoryStore, Repository};
//! use es_sagas::{Effect, Fail, Sagas, Start, StepCx, saga};
//! use serde::{Deserialize, Serialize};
//! # use es_runtime::{Aggregate, Apply, Events, Handle};
//! # use std::convert::Infallible;
//! # #[derive(Clone)]
//! # struct Place { cents: u64 }
//! # #[derive(Aggregate, Default)]
//! # #[aggregate("order", id = u32, error = Infallible, events(OrderPlaced))]
//! # struct Order {}
//! # impl Apply<OrderPlaced> for Order { fn apply(&mut self, _: &OrderPlaced) {} }
//! # impl Handle<Place> for Order {
//! #     fn handle(&self, place: Place) -> Result<Events<Self>, Infallible> {
//! #         Ok(OrderPlaced { cents: place.cents }.into())
//! #     }
//! # }
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("order.placed")]
//! struct OrderPlaced {
//!     cents: u64,
//! }
//!
//! struct Services; // clients of the payment provider and the carriers
//!
//! #[derive(Serialize, Deserialize)]
//! struct FulfilOrder {
//!     cents: u64,
//! }
//!
//! #[saga("fulfil-order", version = 1, deps = Services)]
//! impl FulfilOrder {
//!     #[start]
//!     fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
//!         Some(Start::new(placed.stream.id(), Self { cents: placed.event.cents }))
//!     }
//!
//!     #[step(undo = refund)]
//!     async fn charge(&self, _services: &Services, cx: &StepCx) -> Result<String, Fail> {
//!         Ok(format!("{} cents, idempotency key {}", self.cents, cx.key()))
//!     }
//!
//!     #[undo]
//!     async fn refund(&self, _services: &Services, did: Effect<&String>) -> Result<(), Fail> {
//!         println!("refund the payment with key {}", did.key());
//!         Ok(())
//!     }
//!
//!     #[step(no_undo)]
//!     async fn ship(&self) -> Result<(), Fail> {
//!         Err(Fail::fatal("no carrier takes it"))
//!     }
//! }
//!
//! # futures_executor::block_on(async {
//! let store = MemoryStore::new();
//! let sagas = Sagas::new(store.clone()).from_the_beginning(true).with::<FulfilOrder>(Services);
//! Repository::<Order, _>::new(store).execute(&7, Place { cents: 500 }).await?;
//! sagas.run_until_idle().await?;
//!
//! let order = sagas.show("fulfil-order", "7").await?;
//! assert_eq!(order.state.phase_text(), "compensated");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`Sagas`] runs sagas and process managers, shows them to operators and repairs them. [`Saga`] shows the
//! same without the attribute. [`log`] has the stored events. es-testkit tests sagas with its feature
//! `sagas`.
//!
//! # Guarantees
//!
//! 1. **Record before call.** The runtime stores that it will call a step before it calls it. After a crash
//!    it knows which call may have happened.
//! 2. **Unknown is undone.** [`Fail::fatal`] says that the effect did not happen, so the step is not undone.
//!    After a timeout, or when all attempts are used up, the outcome is unknown, and the step is undone. A
//!    crash does not count as an attempt. [`StepRetry::interruptions`] limits how often a call may be
//!    interrupted.
//! 3. **Retry before undo.** Technical errors are retried. A saga is undone after a fatal failure, when the
//!    attempts are used up, after its deadline, on cancellation, or when an operator says so.
//! 4. **Reverse order.** Undos run in the reverse order of the steps.
//! 5. **No undo is dropped.** An undo is retried. When its attempts are used up, the saga is parked until an
//!    operator repairs it.
//! 6. **Point of no return.** After its pivot step a saga only goes forward.
//! 7. **Late successes are undone.** When a step turns out to have succeeded after it was undone, it is
//!    undone again with the same key.
//! 8. **Inputs count once.** Repeated and late inputs are recorded and change nothing.
//! 9. **No lock during a call.** No database transaction and no database lock is open while a step runs.
//! 10. **Pinned definitions.** An instance runs by the version and hash of the definition with which it
//!     started. When a program does not have that definition, the instance is parked.
//!
//! # What the called systems must do
//!
//! A step is called at least once, always with the same [`Key`]. So a provider must:
//!
//! - treat the key as an idempotency key: a second call with the same key has no second effect;
//! - accept an undo for a key that it has never seen;
//! - reject a step's key after its undo, because the call itself may arrive later.
//!
//! A command to an aggregate of the same store needs none of this. Its events and the progress of the saga
//! are one transaction.
//!
//! # Features
//!
//! | Feature | Default | Contents |
//! |---|---|---|
//! | `derive` | yes | the derive `ProcessManager` and the attribute `saga` |
//! | `runner` | yes | [`Sagas::start`]: the workers as tasks of tokio |
//! | `metrics` | no | counters and gauges of the workers, through the facade `metrics` |
//! | `tracing` | no | spans of inputs and steps, which continue the traces of events |

extern crate self as es_sagas;

#[doc(hidden)]
pub mod __private;
mod clock;
mod decide;
mod definition;
mod engine;
mod error;
mod key;
pub mod log;
mod metrics;
mod names;
#[cfg(feature = "metrics")]
mod observe;
mod operator;
mod outline;
mod process;
mod state;
mod trace;

pub use definition::{
    Cx, Definition, Effect, Fail, InvalidDefinition, NewStep, Saga, SagaData, Start, StepCx,
    StepOutput, StepRetry,
};
#[cfg(feature = "runner")]
pub use engine::RunningSagas;
pub use engine::{Idle, Interceptor, Sagas, StepCall};
pub use error::SagaError;
#[cfg(feature = "derive")]
pub use es_macros::{ProcessManager, saga};
pub use es_runtime::command::AggregateCommand;
pub use key::{Key, StepDirection};
pub use log::{Cause, Failure, ParkedWhy, Verb};
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
pub use names::stream_of;
pub use operator::{
    DefinitionView, ParkedInput, ProcessView, RowsRebuilt, SagaView, WorkCounts, WorkPage,
};
pub use outline::{CommandTo, CommandType, ProcessOutline, SagaOutline, StepAction, StepOutline};
pub use process::{
    HasRejections, HasTimers, Inputs, InputsOf, OnRejected, OnTimer, ProcessManager, ProcessState,
    ReactTo, Reactions, ReactsTo, Rejected, SendsTo,
};
pub use state::{Pending, Phase, SagaState, StepState, StepStatus};
