#![doc = include_str!("../README.md")]

#[cfg(feature = "projections")]
mod after;
mod call;
mod etag;
mod execute;
mod feed;
mod fingerprint;
mod middleware;
pub mod problem;
mod receipt;
mod seen;
mod trace;

#[cfg(feature = "projections")]
pub use after::After;
pub use call::{Call, JsonCall};
pub use etag::EntityTag;
pub use execute::ExecuteCall;
pub use feed::{EventFeed, LastEventId, Message};
pub use middleware::{problem_details, request_id};
pub use problem::{Problem, Rejection};
pub use receipt::{EVENT_POSITION, Receipt};
pub use seen::IfNoneMatch;
