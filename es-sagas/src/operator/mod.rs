//! What operators see and do. Every repair is an event that says who did it and why.

mod verbs;
mod views;

pub use views::{ProcessView, SagaView};
