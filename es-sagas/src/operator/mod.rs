//! What operators see and do. Every repair is an event that says who did it and why.

mod inputs;
mod verbs;
mod views;

pub use inputs::ParkedInput;
pub use views::{ProcessView, SagaView, WorkCounts, WorkPage};
