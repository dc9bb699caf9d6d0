//! Projections in SQLite: exactly once, in order, whatever fails; rebuilds next to the live tables; parked events.

use es_projections::WaitFor;
use es_projections::{HandlerError, Measure, ProjectionError, Projections, WaitError, WorkerState};
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, Position, ReadLimit, StreamId};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_tests::accounts::{Balances, Turnover, balances, deposit, withdraw};
use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

const SOON: Duration = Duration::from_secs(20);

struct Place {
    folder: TempDir,
    store: SqliteStore,
    read: SqliteReadDatabase,
}

async fn place() -> Place {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let read = SqliteReadDatabase::open(folder.path().join("read.db"))
        .await
        .expect("opens");
    Place {
        folder,
        store,
        read,
    }
}

fn quick(
    store: &SqliteStore,
    read: &SqliteReadDatabase,
) -> Projections<SqliteStore, SqliteReadDatabase> {
    Projections::new(store.clone(), read.clone()).attempts(
        3,
        Duration::from_millis(1),
        Duration::from_millis(5),
    )
}

async fn fill(store: &SqliteStore, events: i64) -> Position {
    let mut last = Position::START;
    for number in 0..events {
        let account = format!("a{}", number % 7);
        last = if number % 3 == 2 {
            withdraw(store, &account, number).await.expect("stored")
        } else {
            deposit(store, &account, number).await.expect("stored")
        };
    }
    last
}

#[tokio::test]
async fn rows_follow_the_events() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    deposit(&store, "alice", 500).await.expect("stored");
    withdraw(&store, "alice", 200).await.expect("stored");
    deposit(&store, "bob", 7).await.expect("stored");
    let projections = quick(&store, &read).with(Balances::new()).with(Turnover);
    projections.catch_up().await.expect("caught up");
    let (accounts, entries) = balances(&read).await.expect("rows");
    assert_eq!(accounts, [("alice".into(), 300), ("bob".into(), 7)]);
    assert_eq!(entries.len(), 3);
    let turnover: Vec<i64> = read
        .select("SELECT cents FROM turnover", [], |row| row.get(0))
        .await
        .expect("rows");
    assert_eq!(turnover, [507]);
    // Again: nothing more.
    projections.catch_up().await.expect("caught up");
    assert_eq!(balances(&read).await.expect("rows").1.len(), 3);
    let status = projections.status().await.expect("status");
    assert_eq!(status.len(), 2);
    for partition in status {
        assert!(partition.live);
        assert_eq!(partition.events_behind, Some(0));
        assert_eq!(partition.state, WorkerState::Idle);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_projection_follows_and_can_be_waited_for() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    let projections = quick(&store, &read)
        .poll_every(Duration::from_secs(3600))
        .with(Balances::new());
    let running = projections.start().expect("started");
    for number in 1..=20 {
        // The poll is far away: what wakes it is the append.
        let position = deposit(&store, "alice", 1).await.expect("stored");
        read.wait_for::<Balances>(position, SOON)
            .await
            .expect("in the read model");
        let (accounts, _) = balances(&read).await.expect("rows");
        assert_eq!(accounts, [("alice".into(), number)]);
    }
    running.shutdown().await;
    let after = deposit(&store, "alice", 1).await.expect("stored");
    let missing = read
        .wait_for::<Balances>(after, Duration::from_millis(50))
        .await;
    assert!(
        matches!(missing, Err(WaitError::TimedOut { .. })),
        "{missing:?}"
    );
    // The lease was given back: another runner goes on at once, and so may the same.
    quick(&store, &read)
        .lease(Duration::from_secs(3600))
        .with(Balances::new())
        .catch_up()
        .await
        .expect("caught up");
    let running = projections.start().expect("started again");
    let last = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    running.shutdown().await;
}

#[tokio::test]
async fn what_other_processes_append_is_found_by_polling() {
    let Place {
        store,
        read,
        folder,
    } = place().await;
    let other = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let running = quick(&store, &read)
        .with(Balances::new())
        .start()
        .expect("started");
    let position = deposit(&other, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(position, SOON)
        .await
        .expect("found");
    running.shutdown().await;
}

/// Handlers that fail for one account and keep a list of what they did for the others.
fn poisoned(broken: &Arc<AtomicBool>, from: u64) -> Balances {
    let broken = Arc::clone(broken);
    Balances::hooked(move |place, stream, version| {
        if place == "between"
            && stream.id() == "bad"
            && version == from
            && broken.load(Ordering::Relaxed)
        {
            return Err(HandlerError::new("the row does not fit"));
        }
        Ok(())
    })
}

#[tokio::test]
async fn a_poison_event_parks_its_key_and_nothing_else() {
    for poison in 1..=4 {
        let Place {
            store,
            read,
            folder: _folder,
        } = place().await;
        let (clean_store, clean) = (store.clone(), place().await);
        let broken = Arc::new(AtomicBool::new(true));
        let projections = quick(&store, &read).with(poisoned(&broken, poison));
        for number in 1..=4 {
            deposit(&store, "bad", number).await.expect("stored");
            deposit(&store, "good", number).await.expect("stored");
        }
        projections.catch_up().await.expect("caught up");
        let (accounts, _) = balances(&read).await.expect("rows");
        let bad = (1..poison.cast_signed()).sum::<i64>();
        let good = accounts.iter().find(|(name, _)| name == "good");
        assert_eq!(good.map(|(_, cents)| *cents), Some(10), "the rest flows");
        let found = accounts.iter().find(|(name, _)| name == "bad");
        assert_eq!(found.map_or(0, |(_, cents)| *cents), bad);
        let parked = projections.parked("balances").await.expect("parked");
        let versions: Vec<u64> = parked.iter().map(|p| p.event.version).collect();
        assert_eq!(versions, (poison..=4).collect::<Vec<_>>(), "in order");
        assert_eq!(parked[0].event.attempts, 3);
        assert_eq!(parked[0].event.reason, "the row does not fit");
        assert!(parked[1..].iter().all(|p| p.event.attempts == 0));
        assert_eq!(parked[0].key, "account/bad");
        let status = projections.status().await.expect("status");
        assert_eq!((status[0].parked, status[0].parked_keys), (5 - poison, 1));

        // Later events of the key wait behind, and a retry that fails changes nothing.
        deposit(&store, "bad", 5).await.expect("stored");
        projections.catch_up().await.expect("caught up");
        let again = projections.retry("balances", "account/bad").await;
        let again = again.expect("tried");
        assert_eq!(again.handled, 0);
        assert_eq!(again.failed.map(|p| p.event.version), Some(poison));
        let count = projections.parked("balances").await.expect("parked").len();
        assert_eq!(u64::try_from(count), Ok(6 - poison));

        // Mended: the same rows as without the poison.
        broken.store(false, Ordering::Relaxed);
        let mended = projections.retry("balances", "account/bad").await;
        assert_eq!(mended.expect("tried").handled, 6 - poison);
        deposit(&store, "bad", 6).await.expect("stored");
        projections.catch_up().await.expect("caught up");
        assert_eq!(projections.parked("balances").await.expect("parked"), []);
        let never = quick(&clean_store, &clean.read).with(Balances::new());
        never.catch_up().await.expect("caught up");
        assert_eq!(
            balances(&read).await.expect("rows"),
            balances(&clean.read).await.expect("rows")
        );
        let status = projections.status().await.expect("status");
        assert_eq!(status[0].parked, 0);
    }
}

#[tokio::test]
async fn a_parked_event_can_be_given_up_with_a_reason() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    let broken = Arc::new(AtomicBool::new(true));
    let projections = quick(&store, &read).with(poisoned(&broken, 1));
    let mut last = Position::START;
    for number in 1..=3 {
        last = deposit(&store, "bad", number).await.expect("stored");
    }
    projections.catch_up().await.expect("caught up");
    let waited = read.wait_for::<Balances>(last, SOON).await;
    assert!(
        matches!(waited, Err(WaitError::Parked { .. })),
        "{waited:?}"
    );
    // Another one than the first is not given up, and the first one not in its stead.
    let first = projections.parked("balances").await.expect("read")[0]
        .event
        .position;
    let why = "a test deposit";
    let other = projections
        .discard_at("balances", "account/bad", last, why)
        .await;
    assert_eq!(other.expect("done"), None);
    assert_eq!(projections.parked("balances").await.expect("read").len(), 3);
    let given_up = projections
        .discard_at("balances", "account/bad", first, why)
        .await;
    assert_eq!(
        given_up.expect("discarded").map(|p| p.event.version),
        Some(1)
    );
    // Whoever comes a second time meant that one, not the next.
    let again = projections
        .discard_at("balances", "account/bad", first, why)
        .await;
    assert_eq!(again.expect("done"), None);
    assert_eq!(projections.parked("balances").await.expect("read").len(), 2);
    let given_up = projections
        .discard("balances", "account/bad", "a test deposit")
        .await
        .expect("discarded");
    assert_eq!(given_up.map(|p| p.event.version), Some(2));
    let retried = projections.retry("balances", "account/bad").await;
    assert_eq!(retried.expect("tried").handled, 1);
    assert_eq!(balances(&read).await.expect("rows").0, [("bad".into(), 3)]);
    let kept: Vec<String> = read
        .select(
            "SELECT discarded_why FROM es_parked WHERE discarded_at IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .await
        .expect("rows");
    assert_eq!(kept, ["a test deposit", "a test deposit"]);
    let nothing = projections.discard("balances", "account/bad", "again");
    assert_eq!(nothing.await.expect("done"), None);
    let unknown = projections.parked("nobody").await;
    assert!(matches!(unknown, Err(ProjectionError::Unknown { .. })));
}

#[tokio::test]
async fn a_panic_and_a_foreign_commit_are_errors_of_one_event() {
    for how in ["panic", "commit"] {
        let Place {
            store,
            read,
            folder: _folder,
        } = place().await;
        let projections = quick(&store, &read).with(Balances::hooked(move |place, stream, _| {
            assert!(
                !(how == "panic" && place == "between" && stream.id() == "bad"),
                "on purpose"
            );
            Ok(())
        }));
        deposit(&store, "good", 1).await.expect("stored");
        deposit(&store, "bad", 1).await.expect("stored");
        deposit(&store, "good", 1).await.expect("stored");
        projections.catch_up().await.expect("caught up");
        let (accounts, _) = balances(&read).await.expect("rows");
        if how == "panic" {
            assert_eq!(accounts, [("good".into(), 2)]);
            let parked = projections.parked("balances").await.expect("parked");
            assert_eq!(parked.len(), 1);
            assert_eq!(parked[0].event.reason, "it panicked");
        } else {
            assert_eq!(accounts.len(), 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_its_past_is_noticed() {
    let Place {
        store,
        read,
        folder,
    } = place().await;
    fill(&store, 10).await;
    store.close().await;
    let backup = folder.path().join("backup.db");
    std::fs::copy(folder.path().join("events.db"), &backup).expect("copied");
    let store = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    fill(&store, 10).await;
    quick(&store, &read)
        .with(Balances::new())
        .catch_up()
        .await
        .expect("caught up");
    let before = balances(&read).await.expect("rows");

    let restored = SqliteStore::open(&backup).await.expect("opens");
    let projections = quick(&restored, &read).with(Balances::new());
    let stopped = projections.catch_up().await;
    assert!(
        matches!(
            stopped,
            Err(ProjectionError::StoreBehind { checkpoint, head, .. }) if checkpoint > head
        ),
        "{stopped:?}"
    );
    // It goes on from the copy, past the checkpoint: other events at the same places.
    fill(&restored, 30).await;
    let stopped = projections.catch_up().await;
    assert!(
        matches!(stopped, Err(ProjectionError::OtherHistory { version, .. }) if version > 0),
        "{stopped:?}"
    );
    let status = projections.status().await.expect("status");
    assert!(matches!(&status[0].state, WorkerState::Stopped(why) if why.contains("rebuild")));
    assert_eq!(
        balances(&read).await.expect("rows"),
        before,
        "nothing moved"
    );
    // A running one stops alone and says why; whoever waits hears it.
    let running = projections.start().expect("started");
    let head = restored.head().await.expect("head");
    let waited = read.wait_for::<Balances>(head, SOON).await;
    assert!(
        matches!(waited, Err(WaitError::Stopped { .. })),
        "{waited:?}"
    );
    // The way out that the message names, while it runs and without.
    projections.rebuild("balances").await.expect("asked for");
    let began = std::time::Instant::now();
    while balances(&read).await.expect("rows") == before {
        assert!(began.elapsed() < SOON);
        tokio::task::yield_now().await;
    }
    running.shutdown().await;
    let fresh = place().await;
    quick(&restored, &fresh.read)
        .with(Balances::new())
        .catch_up()
        .await
        .expect("caught up");
    let expected = balances(&fresh.read).await.expect("rows");
    assert_eq!(balances(&read).await.expect("rows"), expected);
    store.close().await;
    let older = SqliteStore::open(folder.path().join("older.db"))
        .await
        .expect("opens");
    fill(&older, 3).await;
    let projections = quick(&older, &read).with(Balances::new());
    let refused = projections.rebuild_now("balances").await;
    assert!(
        matches!(refused, Err(ProjectionError::OtherStore { .. })),
        "{refused:?}"
    );
    assert_eq!(balances(&read).await.expect("rows"), expected);
}

/// Appends as often as it is let, so that it does not outrun the rebuild on a fast disk, until it is to end.
fn load(store: &SqliteStore) -> (Arc<Semaphore>, tokio::task::JoinHandle<i64>) {
    let turns = Arc::new(Semaphore::new(1));
    let (store, more) = (store.clone(), Arc::clone(&turns));
    let task = es_tests::spawn(async move {
        let mut sum = 0;
        while let Ok(turn) = more.acquire().await {
            turn.forget();
            deposit(&store, "live", 1).await.expect("stored");
            sum += 1;
        }
        sum
    });
    (turns, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_goes_on_beside_the_tables_that_answer() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    fill(&store, 400).await;
    let page = ReadLimit::events(50);
    let projections = quick(&store, &read).page(page).with(Balances::new());
    projections.catch_up().await.expect("caught up");
    let running = projections.start().expect("started");
    let (turns, appending) = load(&store);
    let mut seen = 0;
    for _ in 0..3 {
        let asked = projections.rebuild("balances").await.expect("asked for");
        let mut least = 0_i64;
        let began = std::time::Instant::now();
        loop {
            let (count, sums): (i64, i64) = read
                .snapshot(|rows| {
                    let count =
                        rows.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
                    let sum = rows.query_row(
                        "SELECT (SELECT sum(cents) FROM entries) - (SELECT sum(cents) FROM \
                         balances)",
                        [],
                        |row| row.get(0),
                    )?;
                    Ok((count, sum))
                })
                .await
                .expect("there are tables at every moment");
            assert!(
                count >= least,
                "{count} after {least}: half built tables were shown"
            );
            assert_eq!(sums, 0, "the two tables always belong together");
            least = count;
            seen += 1;
            turns.add_permits(1);
            let status = projections.status().await.expect("status");
            if status.iter().any(|s| s.live && s.build == asked.number) {
                break;
            }
            assert!(began.elapsed() < SOON, "it does not end: {status:#?}");
        }
    }
    turns.close();
    let live = appending.await.expect("appended");
    let head = store.head().await.expect("head");
    read.wait_for::<Balances>(head, SOON).await.expect("there");
    running.shutdown().await;
    let (accounts, entries) = balances(&read).await.expect("rows");
    assert!(accounts.contains(&("live".into(), live)));
    assert_eq!(i64::try_from(entries.len()), Ok(400 + live));
    // The tables of the builds before are gone.
    let tables: Vec<String> = read
        .select(
            "SELECT name FROM sqlite_schema WHERE name LIKE 'balances%' ORDER BY name",
            [],
            |row| row.get(0),
        )
        .await
        .expect("rows");
    assert_eq!(tables, ["balances", "balances__b4"]);
    assert!(seen > 3);
}

#[tokio::test]
async fn measures_are_taken() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    fill(&store, 25).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let broken = Arc::new(AtomicBool::new(true));
    deposit(&store, "bad", 1).await.expect("stored");
    quick(&store, &read)
        .page(ReadLimit::events(10))
        .meter(move |measure: &Measure<'_>| {
            let note = match measure {
                Measure::Batch {
                    events,
                    events_behind,
                    behind,
                    took,
                    ..
                } => {
                    assert!(behind.is_some_and(|behind| behind < SOON) && *took < SOON);
                    format!("batch {events}, {} behind", events_behind.expect("known"))
                }
                Measure::Retry { poison, .. } => format!("retry {}", poison.attempts),
                Measure::Parked { events, keys, .. } => format!("parked {events} of {keys}"),
                Measure::WentLive { .. } => "swapped".into(),
                _ => return,
            };
            notes.lock().expect("notes").push(note);
        })
        .with(poisoned(&broken, 1))
        .catch_up()
        .await
        .expect("caught up");
    let seen = seen.lock().expect("notes").clone();
    assert_eq!(
        seen,
        [
            "batch 10, 16 behind",
            "batch 10, 6 behind",
            "batch 5, 1 behind",
            "retry 1",
            "retry 2",
            "batch 1, 0 behind",
            "parked 1 of 1",
            "swapped"
        ]
    );
}

#[tokio::test]
async fn one_file_may_hold_both() {
    let folder = es_tests::tiers::folder();
    let path: &Path = &folder.path().join("all.db");
    let store = SqliteStore::open(path).await.expect("opens");
    let read = store.read_database();
    fill(&store, 50).await;
    let projections = quick(&store, &read).with(Balances::new()).with(Turnover);
    projections.catch_up().await.expect("caught up");
    assert_eq!(balances(&read).await.expect("rows").1.len(), 50);
    store.close().await;
    let again = SqliteStore::open(path).await.expect("opens");
    let read = again.read_database();
    assert_eq!(balances(&read).await.expect("rows").1.len(), 50);
}

#[tokio::test]
async fn what_is_not_listed_is_not_decoded_and_what_is_must_be_good() {
    let Place {
        store,
        read,
        folder: _folder,
    } = place().await;
    let stream = StreamId::new("account", "alice").expect("a name");
    let append = |name: &'static str| {
        let event = NewEvent::json(name, 1, "{ nonsense");
        Append::new(stream.clone(), ExpectedVersion::Any).with_event(event)
    };
    store
        .append(append("account.painted"))
        .await
        .expect("stored");
    deposit(&store, "alice", 1).await.expect("stored");
    let projections = quick(&store, &read).with(Balances::new());
    projections.catch_up().await.expect("caught up");
    assert_eq!(projections.parked("balances").await.expect("parked"), []);
    assert_eq!(balances(&read).await.expect("rows").1.len(), 1);
    let status = projections.status().await.expect("status");
    assert_eq!((status[0].events, status[0].events_behind), (1, Some(0)));

    store
        .append(append("account.deposited"))
        .await
        .expect("stored");
    deposit(&store, "bob", 1).await.expect("stored");
    projections.catch_up().await.expect("caught up");
    let parked = projections.parked("balances").await.expect("parked");
    assert_eq!(parked.len(), 1);
    let reason = &parked[0].event.reason;
    assert!(
        reason.contains("`account.deposited` does not fit version 1"),
        "{reason}"
    );
    assert_eq!(balances(&read).await.expect("rows").1.len(), 2);
}

#[tokio::test]
async fn state_of_another_version_is_left_alone() {
    let Place {
        store,
        read,
        folder,
    } = place().await;
    let projections = quick(&store, &read).with(Turnover);
    projections.catch_up().await.expect("caught up");
    let other = rusqlite::Connection::open(folder.path().join("read.db")).expect("opens");
    for (version, says) in [
        (4, "has version 4, this program knows up to version 3"),
        (2, "has version 2, and there is no migration to version 3"),
    ] {
        other
            .execute("UPDATE es_projection_schema SET version = ?1", [version])
            .expect("changed");
        let refused = projections.catch_up().await.expect_err("refused");
        assert!(refused.to_string().contains(says), "{refused}");
    }
}
