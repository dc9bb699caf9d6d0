//! Runs sagas and process managers: reads the feed, claims due work, calls steps and commits.

mod ahead;
pub(crate) mod commit;
pub(crate) mod core;
pub(crate) mod cursor;
mod idle;
pub(crate) mod input;
mod interceptor;
pub(crate) mod load;
pub(crate) mod parked;
pub(crate) mod resume;
mod runner;
#[cfg(feature = "runner")]
mod running;
pub(crate) mod unreadable;
mod work;

pub use idle::Idle;
pub use interceptor::{Interceptor, StepCall};
pub use runner::Sagas;
#[cfg(feature = "runner")]
pub use running::RunningSagas;
