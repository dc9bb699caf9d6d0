//! What a subscriber of `tracing` sees of a projection: a span for its partition, and in it what happens.
//!
//! In a binary of its own: while one subscriber exists, `tracing` asks the thread that first meets a
//! place whether it is of interest, and the threads of other tests say no.

use es_projections::{HandlerError, Projections};
use es_runtime::ReadLimit;
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_tests::accounts::{Balances, deposit};
use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Spans by their number, which of them are entered, and one line an event.
#[derive(Default)]
struct Seen {
    spans: Vec<String>,
    entered: Vec<u64>,
    lines: Vec<String>,
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Seen>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Times differ from run to run.
        if !["took_us", "behind_ms"].contains(&field.name()) {
            write!(self.0, " {}={value:?}", field.name()).expect("text");
        }
    }
}

impl Subscriber for Notes {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target().starts_with("es_projections")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        let mut seen = self.0.lock().expect("notes");
        seen.spans.push(text.0);
        Id::from_u64(seen.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        let mut seen = self.0.lock().expect("notes");
        let span = seen.entered.last().and_then(|&id| {
            let index = usize::try_from(id - 1).ok()?;
            seen.spans.get(index).cloned()
        });
        seen.lines
            .push(format!("[{}] {}", span.unwrap_or_default(), text.0));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().expect("notes").entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().expect("notes").entered.pop();
    }
}

#[tokio::test]
async fn what_happens_is_traced_in_the_span_of_its_partition() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let read = SqliteReadDatabase::open(folder.path().join("read.db"))
        .await
        .expect("opens");
    for account in ["alice", "alice", "bad"] {
        deposit(&store, account, 4_711).await.expect("stored");
    }
    let notes = Notes::default();
    let _guard = tracing::subscriber::set_default(notes.clone());
    Projections::new(store, read)
        .page(ReadLimit::events(2))
        .attempts(2, Duration::from_millis(1), Duration::from_millis(1))
        .with(Balances::hooked(|_, stream, _| match stream.id() {
            "bad" => Err(HandlerError::new("the row does not fit")),
            _ => Ok(()),
        }))
        .catch_up()
        .await
        .expect("caught up");
    let seen = notes.0.lock().expect("notes");
    assert_eq!(
        seen.spans,
        [r#"projection name="balances" build=1 partition=0"#]
    );
    let of = |what: &str| {
        let mut found = seen.lines.iter().filter(|line| line.contains(what));
        let line = found.next().unwrap_or_else(|| panic!("{:#?}", seen.lines));
        assert!(line.starts_with(&format!("[{}] ", seen.spans[0])), "{line}");
        line.split_once("] ").expect("a span").1
    };
    let page = of("page committed");
    assert!(
        page.starts_with("DEBUG") && page.contains("events=2 events_behind=1"),
        "{page}"
    );
    let retry = of("is tried again");
    assert!(
        retry.starts_with("WARN") && retry.contains(r#"reason="the row does not fit""#),
        "{retry}"
    );
    assert!(of("waits").starts_with("WARN"));
    assert!(of("events parked").contains("events=1 keys=1"));
    assert!(of("a new build answers queries").starts_with("INFO"));
    // No payload.
    assert!(seen.lines.iter().all(|line| !line.contains("4711")));
}
