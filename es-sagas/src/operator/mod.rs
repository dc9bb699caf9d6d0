//! What operators see and do. Every repair is an event that says who did it and why.

mod definitions;
mod inputs;
mod rebuild;
mod verbs;
mod views;

pub use definitions::DefinitionView;
pub use inputs::ParkedInput;
pub use rebuild::RowsRebuilt;
pub use views::{ProcessView, SagaView, WorkCounts, WorkPage};
