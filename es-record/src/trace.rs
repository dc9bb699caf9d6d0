//! The hook that carries traces through stored events.
//!
//! `tracing` knows spans and no trace ids. Those belong to what exports the spans, such as OpenTelemetry. So the
//! application says once how a span becomes a `traceparent`, and how a span continues one.

use crate::Metadata;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

static CONTEXT: OnceLock<Box<dyn TraceContext>> = OnceLock::new();

/// How traces are carried through stored events. Applications implement it for the crate that exports their spans, and
/// pass it to [`set_trace_context`].
///
/// ```
/// use es_record::{Metadata, TraceContext, set_trace_context};
///
/// struct Fixed;
///
/// impl TraceContext for Fixed {
///     fn current(&self) -> Option<String> {
///         Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned())
///     }
///
///     fn continue_trace(&self, _span: &tracing::Span, _traceparent: &str) {}
/// }
///
/// assert!(set_trace_context(Fixed));
/// assert!(Metadata::new().with_current_trace().traceparent.is_some());
/// ```
pub trait TraceContext: Send + Sync + 'static {
    /// The current span as a [W3C traceparent](https://www.w3.org/TR/trace-context/), `None` outside of a trace. It is
    /// stored with the events of a command.
    fn current(&self) -> Option<String>;

    /// Makes a new span, which was not entered yet, the child of a stored `traceparent`, or links it. The text comes
    /// from the store: ignore one that cannot be parsed.
    fn continue_trace(&self, span: &tracing::Span, traceparent: &str);
}

/// Sets the hook of this process. Returns `false` when there is one already; that one stays.
///
/// Call it where the subscriber of `tracing` is installed, before the first command.
pub fn set_trace_context(context: impl TraceContext) -> bool {
    CONTEXT.set(Box::new(context)).is_ok()
}

impl Metadata {
    /// With the trace of the current span, as the [`TraceContext`] of this process knows it. A trace that the metadata
    /// has already stays. Repositories and decisions call it for each command.
    #[must_use]
    pub fn with_current_trace(mut self) -> Self {
        if self.traceparent.is_none() {
            // The hook is foreign code: its panic must not end the command.
            let current = || CONTEXT.get().and_then(|context| context.current());
            self.traceparent = catch_unwind(AssertUnwindSafe(current)).ok().flatten();
        }
        self
    }

    /// A new span that continues the trace of an event with this metadata. There is none without a trace. The runners of
    /// projections and sagas call it.
    ///
    /// ```
    /// use es_record::Metadata;
    ///
    /// let span = Metadata::new().continued(|| tracing::info_span!("handle"));
    /// assert!(span.is_none());
    /// ```
    pub fn continued(&self, new: impl FnOnce() -> tracing::Span) -> tracing::Span {
        let Some(traceparent) = &self.traceparent else {
            return tracing::Span::none();
        };
        let span = new();
        if let Some(context) = CONTEXT.get() {
            let continued = || context.continue_trace(&span, traceparent);
            let _ = catch_unwind(AssertUnwindSafe(continued));
        }
        span
    }
}
