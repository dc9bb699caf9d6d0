//! Work items that were lost or damaged are made anew from the streams, and sagas go on as if nothing had happened.

use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, Claim, Commit, CommitStore, Envelope, Event, EventStore, ExpectedVersion,
    MemoryStore, NewEvent, Position, StreamId, Timestamp, WorkFilter, WorkQueue, WorkStatus,
};
use es_sagas::{Cx, Definition, Fail, Saga, Sagas, Start, StepRetry};
use es_sqlite::SqliteStore;
use es_testkit::{Layered, StoreLayer};
use es_tests::fulfilment::{Fulfilment, hold, pay, place};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);

/// `how` says what becomes of it.
#[derive(Event, Serialize, Deserialize, Clone)]
#[event("box.sent")]
struct Sent {
    how: String,
}

#[derive(Serialize, Deserialize)]
struct Deliver {
    how: String,
}

impl Saga for Deliver {
    const NAME: &'static str = "deliver";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Sent>(|sent: &Envelope<Sent>| {
            let how = sent.event.how.clone();
            let id = if how.starts_with("nobody") { "" } else { &how };
            Some(Start::new(id, Self { how: how.clone() }))
        });
        saga.retry(StepRetry::times(3).first(HOUR));
        saga.undo_retry(StepRetry::times(1));
        saga.step("load", |_: Cx<Self>| async { Ok::<_, Fail>(()) })
            .undo(|_, _| async { Err(Fail::fatal("it does not fit through the door")) });
        saga.step("drive", |cx: Cx<Self>| async move {
            match cx.saga().how.as_str() {
                "waits" => Err(Fail::transient("no petrol")),
                "parks" => Err(Fail::fatal("no driver")),
                _ => Ok(()),
            }
        })
        .no_undo();
        saga
    }
}

async fn send(store: &AnyStore, how: &str) -> Position {
    let payload = serde_json::json!({ "how": how }).to_string();
    let stream = StreamId::new("box", how).expect("usable");
    let event = NewEvent::json("box.sent", 1, payload);
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored").position
}

fn sagas(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<Deliver>(())
        .with_process_manager::<Fulfilment>()
}

type Row = (
    StreamId,
    String,
    WorkStatus,
    String,
    Option<String>,
    Option<Timestamp>,
);

async fn rows(store: &AnyStore) -> Vec<Row> {
    let rows = store
        .work_items(&WorkFilter::default())
        .await
        .expect("listed");
    let rows = rows.into_iter().map(|row| {
        (
            row.instance,
            row.definition,
            row.status,
            row.phase,
            row.reason,
            row.due_at,
        )
    });
    rows.collect()
}

/// Instances in every state, and inputs that were parked.
async fn in_every_state(store: &AnyStore) -> Vec<Row> {
    for how in ["ends", "waits", "parks", "nobody 1", "nobody 2"] {
        send(store, how).await;
    }
    for number in [1, 2, 3] {
        place(store, number, HOUR, HOUR).await;
    }
    hold(store, 1, true).await;
    for number in [1, 2] {
        pay(store, number + 10, number).await;
    }
    let sagas = sagas(store);
    sagas.run_until_idle().await.expect("runs");
    let parked = sagas.parked_inputs("deliver").await.expect("listed");
    assert_eq!(parked.len(), 2);
    let skipped = sagas.skip_event("deliver", parked[1].position, "ada", "a mistake");
    skipped.await.expect("skipped");
    let rows = rows(store).await;
    let count = |status| rows.iter().filter(|row| row.2 == status).count();
    let statuses = [WorkStatus::Running, WorkStatus::Parked, WorkStatus::Done];
    assert_eq!(statuses.map(count), [2, 3, 3], "{rows:?}");
    rows
}

/// Loses and damages rows by `sql`, in which `{work}` is the table.
async fn lost_and_damaged_rows_come_back(store: AnyStore, sql: impl Fn(&str)) {
    let before = in_every_state(&store).await;
    let sagas = sagas(&store);
    let nothing = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!((nothing.added, nothing.corrected), (0, 0));
    assert!(nothing.streams >= 8 && nothing.unreadable.is_empty());
    // A worker has one of them, and loses it.
    sql("UPDATE {work} SET due_at = NULL WHERE status = 'running'");
    sql("UPDATE {work} SET status = 'running', due_at = updated_at WHERE aggregate_id = 'ends'");
    let claim = || Claim::new(vec!["saga:deliver".to_owned()], "worker", HOUR, 10);
    let claimed = store.claim(claim()).await.expect("claimed");
    assert_eq!(claimed.len(), 1);
    sql("DELETE FROM {work}");
    assert_eq!(rows(&store).await, []);
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!(
        (idle.running, idle.parked),
        (0, 0),
        "without rows nothing goes on"
    );

    let rebuilt = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!((rebuilt.added, rebuilt.corrected), (8, 0));
    assert_eq!(rows(&store).await, before);
    let again = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!((again.added, again.corrected), (0, 0));
    // The worker of before is fenced.
    assert!(!store.renew(&claimed[0], HOUR).await.expect("answered"));
    let mut late = es_runtime::WorkChange::new(claimed[0].instance.clone(), "1:x");
    late.epoch = Some(claimed[0].epoch);
    assert!(store.commit(Commit::new().work(late)).await.is_err());

    for damage in [
        "UPDATE {work} SET status = 'done', due_at = NULL WHERE aggregate_id = 'waits'",
        "UPDATE {work} SET status = 'running' WHERE aggregate_id = 'parks'",
        "UPDATE {work} SET phase = 'nonsense' WHERE aggregate_id = '1'",
        "UPDATE {work} SET reason = NULL WHERE aggregate LIKE 'saga-input:%' AND status = 'parked'",
        "UPDATE {work} SET definition = '9:9' WHERE aggregate_id = 'ends'",
        "UPDATE {work} SET due_at = NULL WHERE aggregate_id = '3'",
    ] {
        sql(damage);
        assert_ne!(rows(&store).await, before, "{damage}");
        let rebuilt = sagas.rebuild_rows().await.expect("rebuilt");
        assert_eq!((rebuilt.added, rebuilt.corrected), (0, 1), "{damage}");
        assert_eq!(rows(&store).await, before, "{damage}");
    }
    // Repairs are possible again.
    let repaired = sagas.retry_all("deliver", "ada", "again", |_| true).await;
    assert_eq!(repaired.expect("repaired"), 1);
}

/// The row of an instance whose stream nobody can read is parked, so that an operator sees it.
async fn an_unreadable_stream_is_parked(store: AnyStore, sql: impl Fn(&str)) {
    send(&store, "waits").await;
    let sagas = sagas(&store);
    sagas.run_until_idle().await.expect("runs");
    let instance = StreamId::new("saga:deliver", "waits").expect("usable");
    let event = NewEvent::json("saga.of-a-newer-program", 1, "{}");
    let append = Append::new(instance.clone(), ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
    let before = rows(&store).await;
    let rebuilt = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!(rebuilt.unreadable, std::slice::from_ref(&instance));
    assert_eq!(rows(&store).await, before, "a row that is there stays");
    sql("DELETE FROM {work}");
    let rebuilt = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!((rebuilt.added, rebuilt.unreadable), (1, vec![instance]));
    let row = &rows(&store).await[0];
    assert_eq!((row.2, row.3.as_str()), (WorkStatus::Parked, "unreadable"));
    assert_eq!(
        row.1, before[0].1,
        "a program that can read it goes on with it"
    );
}

macro_rules! on_each_database {
    ($($name:ident)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let folder = es_tests::tiers::folder();
                let path = folder.path().join("events.db");
                let store = SqliteStore::open(&path).await.expect("opens");
                let sql = |sql: &str| {
                    let connection = rusqlite::Connection::open(&path).expect("opens");
                    connection.execute_batch(&sql.replace("{work}", "es_work")).expect("done");
                };
                super::$name(AnyStore::new(store), sql).await;
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
                let store = PostgresStore::open(&database.url()).await.expect("opens");
                let sql = |sql: &str| {
                    database.query(&sql.replace("{work}", "es.work")).expect("done");
                };
                super::$name(AnyStore::new(store), sql).await;
            })*
        }
    };
}

on_each_database! {
    lost_and_damaged_rows_come_back
    an_unreadable_stream_is_parked
}

/// A store that loses work items.
#[derive(Clone)]
struct Lossy {
    inner: MemoryStore,
    loses: Arc<AtomicBool>,
}

impl StoreLayer for Lossy {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn commit(
        &self,
        mut commit: Commit,
    ) -> Result<es_runtime::Committed, es_runtime::CommitError> {
        if self.loses.load(Ordering::SeqCst) {
            commit.work.clear();
        }
        self.inner.commit(commit).await
    }
}

#[tokio::test]
async fn what_was_started_without_rows_goes_on_with_them() {
    let loses = Arc::new(AtomicBool::new(true));
    let store = AnyStore::new(Layered(Lossy {
        inner: MemoryStore::new(),
        loses: Arc::clone(&loses),
    }));
    send(&store, "ends").await;
    send(&store, "nobody").await;
    place(&store, 1, HOUR, HOUR).await;
    let sagas = sagas(&store);
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(rows(&store).await, []);
    loses.store(false, Ordering::SeqCst);
    let rebuilt = sagas.rebuild_rows().await.expect("rebuilt");
    assert_eq!((rebuilt.streams, rebuilt.added), (3, 3));
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (1, 1));
    let view = sagas.show("deliver", "ends").await.expect("shown");
    assert_eq!(view.state.phase_text(), "completed");
}
