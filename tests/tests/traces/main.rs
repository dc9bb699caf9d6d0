//! One trace leads from the request to the read model, the e-mail, the saga's step and the timer: with the real crates
//! of OpenTelemetry, which export to memory.
//!
//! In a binary of its own, because the subscriber and the hook are those of the process. The tests share both, and
//! each looks at the trace of its own request.

mod app;
#[allow(
    unreachable_pub,
    reason = "the page on observability shows it to applications"
)]
mod hook;

use app::{ConfirmOrder, FulfilOrder, Mailer, Order, OrderTotals, Place, Reminder};
use es_decisions::Decisions;
use es_projections::{AnyReadDatabase, Projections, WaitFor};
use es_runtime::{
    AnyStore, EventFilter, EventStore, Metadata, Position, ReadLimit, RecordedEvent, Repository,
    TraceContext, set_trace_context,
};
use es_sagas::Sagas;
use es_sqlite::SqliteStore;
use hook::OpenTelemetry;
use metrics::{Counter, Gauge, Histogram, KeyName, SharedString, Unit};
use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{SpanId, TraceId, TracerProvider},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData},
};
use std::{
    collections::HashMap,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// Installs what an application installs, once.
fn exporter() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        // The usual sampler of services: whoever begins a trace decides. Requests named `quiet` are not sampled.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        assert!(set_trace_context(Panicking(OpenTelemetry)), "the first one");
        assert!(!set_trace_context(OpenTelemetry), "there is one");
        metrics::set_global_recorder(Broken).expect("the first one");
        exporter
    })
}

/// The hook of the page. It panics at one text, and the commands of one aggregate.
struct Panicking(OpenTelemetry);

impl TraceContext for Panicking {
    fn current(&self) -> Option<String> {
        let current = self.0.current();
        let is_bad = current.as_ref().is_some_and(|of| of.contains("0bad0bad"));
        assert!(!is_bad, "a hook that panics");
        current
    }

    fn continue_trace(&self, span: &Span, traceparent: &str) {
        assert!(traceparent != "panic", "a hook that panics");
        self.0.continue_trace(span, traceparent);
    }
}

/// A recorder that panics at each metric. All tests here run with it.
struct Broken;

impl metrics::Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> Counter {
        CALLED.fetch_add(1, Ordering::Relaxed);
        panic!("{key}")
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> Gauge {
        panic!("{key}")
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> Histogram {
        panic!("{key}")
    }
}

static CALLED: AtomicU64 = AtomicU64::new(0);

/// A store, and the runners that a server has.
struct App {
    _folder: TempDir,
    store: AnyStore,
    projections: Projections,
    sagas: Sagas,
}

impl App {
    async fn open() -> Self {
        exporter();
        let folder = es_tests::tiers::folder();
        let store = SqliteStore::open(folder.path().join("shop.db"))
            .await
            .expect("opens");
        let read = AnyReadDatabase::new(store.read_database());
        let store = AnyStore::new(store);
        let none = Duration::ZERO;
        let projections = Projections::new(store.clone(), read)
            .attempts(1, none, none)
            .with(OrderTotals)
            .with_subscription(Mailer);
        // The first build is live.
        projections.catch_up().await.expect("caught up");
        let sagas = Sagas::new(store.clone())
            .from_the_beginning(true)
            .with::<FulfilOrder>(())
            .with_process_manager::<Reminder>();
        Self {
            _folder: folder,
            store,
            projections,
            sagas,
        }
    }

    async fn run(&self) {
        self.projections.catch_up().await.expect("caught up");
        self.sagas.run_until_idle().await.expect("idle");
        self.projections.catch_up().await.expect("caught up");
    }

    async fn place(&self, cents: i64) {
        let orders = Repository::<Order>::new(self.store.clone());
        orders.execute("4711", Place(cents)).await.expect("placed");
    }

    async fn events(&self) -> Vec<RecordedEvent> {
        let (start, all) = (Position::START, EventFilter::all());
        let page = self.store.read_feed(start, &all, ReadLimit::default());
        page.await.expect("read").events
    }
}

/// The finished spans of a trace.
fn spans_of(trace: TraceId) -> Vec<SpanData> {
    let spans = exporter().get_finished_spans().expect("spans").into_iter();
    spans
        .filter(|span| span.span_context.trace_id() == trace)
        .collect()
}

fn trace_of(span: &Span) -> TraceId {
    use opentelemetry::trace::TraceContextExt;
    span.context().span().span_context().trace_id()
}

/// Each span below its parent, with the field that says whose it is.
fn tree(spans: &[SpanData], of: SpanId) -> Vec<String> {
    let mut lines = Vec::new();
    for span in spans.iter().filter(|span| span.parent_span_id == of) {
        let field = |name: &str| {
            let mut found = span.attributes.iter();
            found.find_map(|of| (of.key.as_str() == name).then(|| of.value.to_string()))
        };
        let names = ["aggregate", "projection", "saga", "step", "name", "event"];
        let whose: Vec<String> = names.into_iter().filter_map(field).collect();
        lines.push(
            format!("{} {}", span.name, whose.join(" "))
                .trim_end()
                .to_owned(),
        );
        let below = tree(spans, span.span_context.span_id());
        lines.extend(below.into_iter().map(|line| format!("  {line}")));
    }
    lines
}

#[tokio::test]
async fn one_trace_leads_from_the_request_to_all_that_follows() {
    let app = App::open().await;
    let request = info_span!("POST /orders");
    let trace = trace_of(&request);
    app.place(2_933).instrument(request.clone()).await;
    drop(request);
    app.run().await;
    let mut found = tree(&spans_of(trace), SpanId::INVALID);
    // Projections, sagas and timers come in an order of their own.
    found.sort();
    let mut expected = [
        "POST /orders",
        "  command order",
        "    handle order_totals order.placed",
        "    handle mailer order.placed",
        "      SMTP",
        "    handle fulfil-order order.placed",
        "    step fulfil-order charge",
        "      POST /charges",
        "    step fulfil-order completed",
        "    handle reminder order.placed",
        "    due reminder",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    // Whatever was written belongs to it, also what the saga wrote.
    let events = app.events().await;
    assert!(events.iter().any(|event| &*event.name == "order.confirmed"));
    assert!(events.iter().any(|event| &*event.name == "reminder.sent"));
    for event in events {
        let traceparent = event.metadata.traceparent.expect("a trace");
        assert!(traceparent.contains(&trace.to_string()), "{traceparent}");
    }
}

#[tokio::test]
async fn a_decision_has_a_trace_too() {
    let app = App::open().await;
    let request = info_span!("POST /confirmations");
    let trace = trace_of(&request);
    let order = "4711".to_owned();
    let decisions = Decisions::new(app.store.clone());
    decisions
        .execute(ConfirmOrder { order })
        .into_future()
        .instrument(request)
        .await
        .expect("confirmed");
    let found = tree(&spans_of(trace), SpanId::INVALID);
    assert_eq!(found, ["POST /confirmations", "  decision confirm-order"]);
    let events = app.events().await;
    let traceparent = events[0].metadata.traceparent.as_deref();
    assert!(traceparent.expect("a trace").contains(&trace.to_string()));
}

/// The caller may know the trace from elsewhere, such as the header of a message.
#[tokio::test]
async fn a_trace_in_the_metadata_stays() {
    const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let app = App::open().await;
    let orders = Repository::<Order>::new(app.store.clone());
    let metadata = Metadata::new().with_traceparent(OTHER);
    let placed = orders.execute("4711", Place(1)).metadata(metadata);
    placed.await.expect("placed");
    let events = app.events().await;
    assert_eq!(events[0].metadata.traceparent.as_deref(), Some(OTHER));
    app.run().await;
    let trace = TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").expect("an id");
    let spans = spans_of(trace);
    let parent = SpanId::from_hex("b7ad6b7169203331").expect("an id");
    assert!(
        spans
            .iter()
            .filter(|span| span.parent_span_id == parent)
            .count()
            > 3
    );
}

/// What is stored is not of this program, and may be anything.
#[tokio::test]
async fn a_trace_that_cannot_be_parsed_is_ignored() {
    let app = App::open().await;
    let orders = Repository::<Order>::new(app.store.clone());
    for (id, text) in ["", "panic", "00-zz-zz-01", "\u{1f980}", &"0".repeat(1_000)]
        .into_iter()
        .enumerate()
    {
        let metadata = Metadata::new().with_traceparent(text);
        let placed = orders.execute(id.to_string(), Place(1)).metadata(metadata);
        placed.await.expect("placed");
    }
    app.run().await;
    let status = app.projections.status().await.expect("read");
    assert!(
        status
            .iter()
            .all(|of| of.position == of.head && of.parked == 0)
    );
}

/// Whether a trace is exported was decided where it began, and stays so: its events do not bring it back.
#[tokio::test]
async fn a_trace_that_is_not_sampled_stays_so() {
    let app = App::open().await;
    let orders = Repository::<Order>::new(app.store.clone());
    let metadata =
        Metadata::new().with_traceparent("00-1bf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    let placed = orders.execute("4711", Place(1)).metadata(metadata);
    placed.await.expect("placed");
    app.run().await;
    let trace = TraceId::from_hex("1bf7651916cd43dd8448eb211c80319c").expect("an id");
    assert_eq!(spans_of(trace).len(), 0);
}

/// A rebuild handles all events once more. Their traces ended long ago.
#[tokio::test]
async fn a_rebuild_adds_nothing_to_old_traces() {
    let app = App::open().await;
    let request = info_span!("POST /orders");
    let trace = trace_of(&request);
    app.place(2_933).instrument(request).await;
    app.projections.catch_up().await.expect("caught up");
    let before = spans_of(trace).len();
    let rebuilt = app.projections.rebuild_now("order_totals").await;
    rebuilt.expect("rebuilt");
    assert_eq!(spans_of(trace).len(), before);
}

/// The span of a handler that panics ends, and the event after it is not in its trace.
#[tokio::test]
async fn a_span_ends_where_its_handler_panics() {
    let app = App::open().await;
    let (bad, good) = (info_span!("bad"), info_span!("good"));
    let traces = [trace_of(&bad), trace_of(&good)];
    app.place(13).instrument(bad).await;
    let orders = Repository::<Order>::new(app.store.clone());
    let placed = orders.execute("4712", Place(14)).into_future();
    placed.instrument(good).await.expect("placed");
    app.projections.catch_up().await.expect("caught up");
    for trace in traces {
        let spans = spans_of(trace);
        let handled = spans.iter().filter(|span| {
            let name = |of: &opentelemetry::KeyValue| of.value.as_str() == "order_totals";
            span.name == "handle" && span.attributes.iter().any(name)
        });
        assert!(handled.count() >= 1, "{spans:#?}");
    }
}

/// A command without a request around it is a trace of its own, as every span is; and one that nobody traces has none.
#[tokio::test]
async fn a_command_alone_begins_a_trace() {
    let app = App::open().await;
    app.place(1).await;
    let events = app.events().await;
    let traceparent = events[0].metadata.traceparent.as_deref();
    assert!(traceparent.is_some_and(|of| of.starts_with("00-") && of.ends_with("-01")));
}

/// What is measured goes on, whatever the recorder does: here it runs on the thread that writes, too.
#[tokio::test]
async fn a_recorder_that_panics_harms_nothing() {
    let app = App::open().await;
    for _ in 0..3 {
        app.place(1).await;
    }
    let running = app.projections.start().expect("starts");
    let sagas = app.sagas.start().await.expect("starts");
    let end = app.store.head().await.expect("read");
    app.projections
        .read_database()
        .wait_for::<OrderTotals>(end, Duration::from_secs(120))
        .await
        .expect("there");
    app.projections.record_metrics().await.expect("read");
    app.sagas.record_metrics().await.expect("read");
    running.shutdown().await;
    sagas.shutdown().await;
    assert!(
        CALLED.load(Ordering::Relaxed) > 0,
        "the recorder was called"
    );
}

/// The hook runs where commands run.
#[tokio::test]
async fn a_hook_that_panics_harms_nothing() {
    let app = App::open().await;
    let request = info_span!("POST /orders");
    let bad = TraceContextPropagator::new().extract(&HashMap::from([(
        "traceparent".to_owned(),
        "00-0bad0bad0bad0bad0bad0bad0bad0bad-b7ad6b7169203331-01".to_owned(),
    )]));
    request.set_parent(bad).expect("set");
    app.place(1).instrument(request).await;
    assert_eq!(app.events().await[0].metadata.traceparent, None);
}
