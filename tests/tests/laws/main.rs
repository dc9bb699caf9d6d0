//! The laws of aggregates: what they find, what passes them, and how a failure is kept and shown.

mod faults;
mod kept;
mod values;
