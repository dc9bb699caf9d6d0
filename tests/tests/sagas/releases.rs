//! Releases of one process manager that read different events and share a cursor.

use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, Event, EventStore, ExpectedVersion, MemoryStore, NewEvent, StreamId,
};
use es_sagas::{SagaError, Sagas};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};

/// The same test on each store.
macro_rules! on_each_store {
    ($($name:ident)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(AnyStore::new(MemoryStore::new())).await; })*
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let folder = es_tests::tiers::folder();
                let store = SqliteStore::open(folder.path().join("events.db")).await;
                super::$name(AnyStore::new(store.expect("opens"))).await;
            })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let database = es_tests::server::database();
                let store = PostgresStore::open(&database.url()).await;
                super::$name(AnyStore::new(store.expect("opens"))).await;
            })*
        }
    };
}

on_each_store! {
    a_release_gets_the_events_that_only_it_reads
    a_release_that_comes_late_is_asked_about_old_events
}

#[derive(Event, Serialize, Deserialize)]
#[event("gate.opened")]
pub struct Opened {}

#[derive(Event, Serialize, Deserialize)]
#[event("gate.closed")]
pub struct Closed {}

#[derive(Event, Serialize, Deserialize)]
#[event("keeper.saw")]
pub struct Saw {}

mod one {
    use super::{Opened, Saw};
    use es_runtime::{Aggregate, Envelope};
    use es_sagas::{ProcessManager, ReactTo, Reactions};
    use std::convert::Infallible;

    /// It only records its inputs.
    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("keeper", id = String, error = Infallible, events(ignore(Saw)))]
    #[process_manager(reacts(Opened))]
    pub struct Keeper {}

    impl ReactTo<Opened> for Keeper {
        fn correlate(event: &Envelope<Opened>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Opened>) -> Reactions<Self> {
            Reactions::none()
        }
    }
}

mod two {
    use super::{Closed, Opened, Saw};
    use es_runtime::{Aggregate, Envelope};
    use es_sagas::{ProcessManager, ReactTo, Reactions};
    use std::convert::Infallible;

    /// It only records its inputs.
    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("keeper", id = String, error = Infallible, events(ignore(Saw)))]
    #[process_manager(reacts(Closed, Opened))]
    pub struct Keeper {}

    impl ReactTo<Closed> for Keeper {
        fn correlate(event: &Envelope<Closed>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Closed>) -> Reactions<Self> {
            Reactions::none()
        }
    }

    impl ReactTo<Opened> for Keeper {
        fn correlate(event: &Envelope<Opened>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Opened>) -> Reactions<Self> {
            Reactions::none()
        }
    }
}

async fn happens(store: &AnyStore, event: &'static str) {
    let stream = StreamId::new("gate", "1").expect("usable");
    let event = NewEvent::json(event, 1, "{}");
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
}

async fn run(sagas: &Sagas) {
    sagas.run_until_idle().await.expect("runs");
}

/// The inputs of the one instance.
async fn seen(sagas: &Sagas) -> String {
    let Ok(view) = sagas.show_process("keeper", "1").await else {
        return String::new();
    };
    let seen = view.history.iter().map(|(_, step)| step.cause.name());
    seen.map(|name| name.trim_start_matches("gate."))
        .collect::<Vec<_>>()
        .join(" ")
}

fn old(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone()).with_process_manager::<one::Keeper>()
}

fn new(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone()).with_process_manager::<two::Keeper>()
}

async fn a_release_gets_the_events_that_only_it_reads(store: AnyStore) {
    let (old, new) = (old(&store), new(&store));
    run(&old).await;
    run(&new).await;
    happens(&store, "gate.opened").await;
    happens(&store, "gate.closed").await;
    happens(&store, "gate.opened").await;
    // The old one is ahead of the new one, and passes the event that it does not read.
    run(&old).await;
    assert_eq!(seen(&new).await, "opened opened");
    run(&new).await;
    assert_eq!(seen(&new).await, "opened opened closed");

    // The new one is ahead. What it took is not taken again.
    happens(&store, "gate.closed").await;
    happens(&store, "gate.opened").await;
    run(&new).await;
    let all = "opened opened closed closed opened";
    assert_eq!(seen(&new).await, all);
    for sagas in [&old, &new, &old, &new] {
        run(sagas).await;
        assert_eq!(seen(&new).await, all);
    }
    // A release that goes back, and comes again, finds what happened in between.
    happens(&store, "gate.closed").await;
    run(&old).await;
    run(&self::old(&store)).await;
    assert_eq!(seen(&new).await, all);
    run(&self::new(&store)).await;
    assert_eq!(seen(&new).await, format!("{all} closed"));
}

async fn a_release_that_comes_late_is_asked_about_old_events(store: AnyStore) {
    happens(&store, "gate.closed").await; // before it began
    let old = old(&store);
    run(&old).await;
    happens(&store, "gate.opened").await;
    happens(&store, "gate.closed").await;
    run(&old).await;
    // Nobody says whether the new one reacts to the old event.
    let asked = new(&store).run_until_idle().await.expect_err("it asks");
    assert!(
        matches!(&asked, SagaError::NewInput { event, .. } if event == "gate.closed"),
        "{asked}"
    );
    let asked = new(&store).start().await.map(|_| ()).expect_err("it asks");
    assert!(asked.to_string().contains("new_inputs_from_now"), "{asked}");
    happens(&store, "gate.opened").await;
    run(&old).await;
    assert_eq!(seen(&old).await, "opened opened");
    let new = new(&store).from_the_beginning(true);
    run(&new).await;
    assert_eq!(seen(&new).await, "opened opened closed");
}

#[tokio::test]
async fn a_release_may_leave_old_events_out() {
    let store = AnyStore::new(MemoryStore::new());
    let old = old(&store);
    run(&old).await;
    happens(&store, "gate.closed").await;
    run(&old).await;
    let new = new(&store).new_inputs_from_now(true);
    run(&new).await;
    assert_eq!(seen(&new).await, "");
    happens(&store, "gate.closed").await;
    run(&old).await;
    run(&new).await;
    assert_eq!(seen(&new).await, "closed");
}
