//! Code around the calls of steps.

use crate::definition::{Fail, StepCx};
use serde_json::Value;
use std::{future::Future, pin::Pin};

/// The future of a call: its output as JSON, or its error.
pub type StepCall<'a> = Pin<Box<dyn Future<Output = Result<Value, Fail>> + Send + 'a>>;

/// Wraps every call of a step or an undo.
///
/// Implement it to measure or log calls, or to inject faults in tests. Register it with
/// [`Sagas::intercept`](crate::Sagas::intercept).
///
/// ```
/// use es_sagas::{Interceptor, StepCall, StepCx};
///
/// struct Printed;
///
/// impl Interceptor for Printed {
///     fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
///         Box::pin(async move {
///             let outcome = call.await;
///             println!("{} {}: {}", cx.id(), cx.step(), outcome.is_ok());
///             outcome
///         })
///     }
/// }
/// # let _ = Printed;
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Calls the step, usually by awaiting `call`.
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a>;
}
