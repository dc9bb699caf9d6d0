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
//!    was cut off too often ([`StepRetry::interruptions`]) has used them up.
//! 3. Technical errors are retried first; what undoes a saga is a no, a deadline, or a cancellation.
//! 4. Undos run in the reverse order of the steps.
//! 5. An undo is tried again, long, and then the saga is parked for an operator. Never silently given up.
//! 6. Past the pivot a saga only goes forward.
//! 7. A step that turns out to have been done after it was undone is undone once more, under the same key.
//! 8. Inputs that come twice or too late are recorded and change nothing.
//! 9. No transaction and no lock is leased while a step is called.
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
mod decide;
mod definition;
mod engine;
mod error;
mod key;
pub mod log;
mod names;
mod operator;
mod process;
mod state;

pub use definition::{
    Cx, Definition, Effect, Fail, InvalidDefinition, NewStep, Saga, Start, StepCx, StepOutput,
    StepRetry,
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
pub use names::stream_of;
pub use operator::{ProcessView, SagaView};
pub use process::{
    HasRejections, HasTimers, Inputs, OnRejected, OnTimer, ProcessManager, ProcessState, ReactTo,
    Reactions, ReactsTo, Rejected,
};
pub use state::{Pending, Phase, SagaState, StepState, StepStatus};
