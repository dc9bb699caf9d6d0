use es_runtime::TraceContext;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub struct OpenTelemetry;

impl TraceContext for OpenTelemetry {
    fn current(&self) -> Option<String> {
        let mut headers = HashMap::new();
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
        headers.remove("traceparent")
    }

    fn continue_trace(&self, span: &Span, traceparent: &str) {
        let headers = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        // The span's trace is that of the request. `add_link` instead would begin a trace of its own.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&headers));
    }
}
