//! What may stand around the calls of steps.

use crate::definition::{Fail, StepCx};
use serde_json::Value;
use std::{future::Future, pin::Pin};

/// A call of a step on its way: what it gives as JSON, or how it failed.
pub type StepCall<'a> = Pin<Box<dyn Future<Output = Result<Value, Fail>> + Send + 'a>>;

/// Stands around every call of a step or an undo: it may look at the outcome, take the time, or, in
/// tests, not call at all.
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
