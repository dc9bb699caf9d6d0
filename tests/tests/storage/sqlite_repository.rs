//! The repository on a real SQLite file: dropped, raced, damaged, and met by a newer program.

use es_runtime::{
    Aggregate, AppendId, Apply, DecodeError, Event, Events, ExecuteError, Handle, LoadError,
    Outcome, Repository, SnapshotDropped, SnapshotUse,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::{
    future::{IntoFuture, poll_fn},
    path::Path,
    task::Poll,
};

#[derive(Event, Serialize, Deserialize)]
#[event("seat.taken")]
struct SeatTaken {
    by: u64,
}

#[derive(Clone)]
struct TakeSeat {
    by: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("all seats are taken")]
struct Full;

/// A hall of so many seats, with a snapshot every 10.
#[derive(Aggregate, Default, Clone, PartialEq, Serialize, Deserialize)]
#[aggregate("hall", id = String, error = Full, events(SeatTaken), snapshot(every = 10))]
struct Hall {
    taken: Vec<u64>,
}

const SEATS: usize = 40;

impl Apply<SeatTaken> for Hall {
    fn apply(&mut self, event: &SeatTaken) {
        self.taken.push(event.by);
    }
}

impl Handle<TakeSeat> for Hall {
    fn handle(&self, command: TakeSeat) -> Result<Events<Self>, Full> {
        if self.taken.len() == SEATS {
            return Err(Full);
        }
        Ok(SeatTaken { by: command.by }.into())
    }
}

fn id() -> String {
    "h1".to_owned()
}

/// With cached states, or without: both must be right.
async fn open(folder: &Path, cached: bool) -> (SqliteStore, Repository<Hall, SqliteStore>) {
    let store = SqliteStore::open(folder.join("halls.db"))
        .await
        .expect("opens");
    let halls = Repository::new(store.clone());
    (store, if cached { halls.cached(100) } else { halls })
}

/// Runs SQL on the file past the store.
fn sql(folder: &Path, statements: &str) {
    let db = rusqlite::Connection::open(folder.join("halls.db")).expect("opens");
    db.execute_batch("DROP TRIGGER events_are_not_changed")
        .expect("is there");
    db.execute_batch(statements).expect("runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_commands_keep_the_rule_of_the_aggregate() {
    for cached in [false, true] {
        race(cached).await;
    }
}

async fn race(cached: bool) {
    let folder = es_tests::tiers::folder();
    let (_, halls) = open(folder.path(), cached).await;
    let mut tasks = tokio::task::JoinSet::new();
    for by in 0..100 {
        let halls = halls.clone();
        tasks.spawn(async move {
            // A conflict after all attempts wrote nothing, so the command is simply sent again.
            for _ in 0..100 {
                match halls.execute(id(), TakeSeat { by }).await {
                    Ok(_) => return true,
                    Err(ExecuteError::Rejected(Full)) => return false,
                    Err(ExecuteError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            panic!("no attempt came through");
        });
    }
    let answers = tasks.join_all().await;
    let seated = answers.iter().filter(|seated| **seated).count();
    assert_eq!((answers.len(), seated), (100, SEATS));
    let hall = halls.load(&id()).await.expect("loads");
    let mut taken = hall.state.taken.clone();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(
        (hall.version, taken.len()),
        (40, SEATS),
        "each seat has one guest"
    );
}

#[tokio::test]
async fn execute_can_be_dropped_after_any_number_of_polls() {
    for cached in [false, true] {
        drop_everywhere(cached).await;
    }
}

async fn drop_everywhere(cached: bool) {
    let folder = es_tests::tiers::folder();
    let (store, halls) = open(folder.path(), cached).await;
    let (mut dropped, mut whole) = (0, 0);
    for polls in 0..12_u32 {
        let hall = format!("dropped-{polls}");
        let request = AppendId::new("r1").expect("a good id");
        let mut future = halls
            .execute(&hall, TakeSeat { by: 7 })
            .append_id(request.clone())
            .into_future();
        let mut left = polls;
        let finished = poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            match future.as_mut().poll(context) {
                Poll::Ready(done) => {
                    done.expect("executes");
                    Poll::Ready(true)
                }
                // The store wakes the task when it has an answer: each poll is one await further.
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        drop(future);
        // Writes that come later wait behind the dropped one, so it is decided after them.
        halls
            .execute(format!("marker-{polls}"), TakeSeat { by: 1 })
            .await
            .expect("works");
        let there = halls.load(&hall).await.expect("loads").version;
        assert!(there <= 1, "{there} events after {polls} polls");
        assert!(!finished || there == 1, "an answered command is stored");
        dropped += u32::from(!finished);
        whole += there;
        let again = halls
            .execute(&hall, TakeSeat { by: 7 })
            .append_id(request)
            .await;
        let again = again.expect("works");
        assert_eq!((again.version, again.repeated), (1, there == 1));
    }
    // An answer may be there before the task is polled again, so the number of polls of a whole command varies.
    assert!(
        (1..12).contains(&dropped),
        "{dropped} of 12 were dropped on their way"
    );
    println!("{dropped} of 12 commands dropped on their way, {whole} stored, 0 half");
    store.close().await;
}

#[tokio::test]
async fn damage_and_newer_programs_stop_the_load_at_their_place() {
    for (change, expected) in [
        ("payload = '{\"by\":\"canary\"}'", "Payload"),
        ("payload = '{\"by\":'", "Payload"),
        ("payload = x'00ff'", "Payload"),
        ("schema_version = 2", "NewerVersion"),
        ("event = 'seat.sold'", "UnknownEvent"),
        ("content_type = 'text/plain'", "UnknownContentType"),
    ] {
        let folder = es_tests::tiers::folder();
        let (_, halls) = open(folder.path(), false).await;
        for by in 0..3 {
            halls.execute(id(), TakeSeat { by }).await.expect("works");
        }
        sql(
            folder.path(),
            &format!("UPDATE events SET {change} WHERE version = 2"),
        );
        let error = match halls.load(&id()).await {
            Err(error) => error,
            Ok(_) => panic!("{change} goes unnoticed"),
        };
        let LoadError::Decode {
            version, source, ..
        } = &error
        else {
            panic!("{change}: {error}");
        };
        assert_eq!(*version, 2);
        let kind = match source {
            DecodeError::Payload { .. } => "Payload",
            DecodeError::NewerVersion {
                stored: 2,
                known: 1,
                ..
            } => "NewerVersion",
            DecodeError::UnknownEvent { .. } => "UnknownEvent",
            DecodeError::UnknownContentType { .. } => "UnknownContentType",
            other => panic!("{change}: {other}"),
        };
        assert_eq!(kind, expected, "{change}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "the payload is quoted"
        );
        let Err(refused) = halls.execute(id(), TakeSeat { by: 9 }).await else {
            panic!("{change}: decided on half a history");
        };
        assert_eq!(refused.outcome(), Outcome::NotApplied);
    }
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_dropped() {
    let dropped = SnapshotUse::Dropped;
    for (change, expected) in [
        (
            "fingerprint = '0000000000000007'",
            dropped(SnapshotDropped::OtherShape),
        ),
        ("state = '{\"taken\":'", dropped(SnapshotDropped::Damaged)),
        ("version = 99", dropped(SnapshotDropped::NotOfThisStream)),
        ("position = '99'", dropped(SnapshotDropped::NotOfThisStream)),
        ("fingerprint = 'what?'", SnapshotUse::None),
    ] {
        let folder = es_tests::tiers::folder();
        let (_, halls) = open(folder.path(), false).await;
        for by in 0..12 {
            halls.execute(id(), TakeSeat { by }).await.expect("works");
        }
        let used = halls.load(&id()).await.expect("loads").snapshot;
        assert_eq!(used, SnapshotUse::Used { version: 10 });
        sql(folder.path(), &format!("UPDATE snapshots SET {change}"));
        let loaded = halls.load(&id()).await.expect("loads");
        assert_eq!(loaded.snapshot, expected, "{change}");
        assert_eq!(
            (loaded.version, loaded.state.taken.len()),
            (12, 12),
            "{change}"
        );
    }
}
