//! Cached states where other caches of aggregates went wrong: processes that write past each other, a history that is
//! replaced, events that decode to none or several.

use es_runtime::{
    Append, AppendError, Appended, EventStore, ExecuteError, ExpectedVersion, MemoryStore,
    NewEvent, Repository, StreamId,
};
use es_testkit::{Layered, StoreLayer};
use es_tests::{
    halls::{HALLS, Hall, SEATS},
    orders::{Cancel, Order, OrderError, Place},
    places::{self, line_of},
    renamed::{Paid, Parcel, Store, both_releases},
};
use std::{
    collections::BTreeMap,
    io::Write,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

async fn append(store: &impl EventStore, stream: &StreamId, name: &'static str, payload: &str) {
    let event = NewEvent::json(name, 1, payload);
    let append = Append::new(stream.clone(), ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("appended");
}

/// The version of a state counts stored events, however many they decode to.
#[tokio::test]
async fn events_that_are_dropped_or_split_count_as_they_are_stored() {
    let store = MemoryStore::new();
    both_releases(&store, 7).await.expect("stored");
    let parcels = Repository::<Parcel, _>::new(store.clone()).cached(10);
    let stream = StreamId::of::<Parcel>(7).expect("an id");
    let pay = || parcels.execute(7, Store(vec![Paid { cents: 1 }.into()]));
    let mut before = pay().await.expect("stored");
    for (name, payload, cents) in [
        ("parcel.blinked", "{}", 1),
        ("parcel.sent-and-paid", r#"{"tracking":9,"cents":5}"#, 6),
    ] {
        append(&store, &stream, name, payload).await;
        for (events, cents) in [(2, cents), (1, 1)] {
            let after = pay().await.expect("stored");
            let cents = before.state.cents + cents;
            assert_eq!(
                (after.version, after.attempts),
                (before.version + events, 1)
            );
            assert_eq!(after.state.cents, cents, "{name}");
            before = after;
        }
    }
}

/// What failed leaves no aggregate that is not there, and no lock.
#[tokio::test]
async fn an_aggregate_that_another_process_made_first_is_seen() {
    let store = MemoryStore::new();
    let mine = Repository::<Order, _>::new(store.clone()).cached(10);
    let theirs = Repository::<Order, _>::new(store.clone()).cached(10);
    mine.execute("1", Cancel)
        .await
        .expect("cancelled before it is there");
    theirs.execute("2", Cancel).await.expect("cancelled");
    for (first, second, id) in [(&mine, &theirs, "1"), (&theirs, &mine, "2")] {
        first.execute(id, Place { cents: 1 }).await.expect("placed");
        for _ in 0..2 {
            let twice = second.execute(id, Place { cents: 2 }).await;
            let rejection = twice.expect_err("it is there");
            assert_eq!(rejection.rejection(), Some(&OrderError::Placed));
        }
        let done = second.execute(id, Cancel).await.expect("cancelled");
        assert!(done.state.placed);
        assert_eq!((done.version, done.attempts), (3, 1));
    }
}

/// A store whose events can be replaced by those of a backup. It can be made to refuse appends.
#[derive(Clone)]
struct Restored {
    now: MemoryStore,
    backup: MemoryStore,
    is_restored: Arc<AtomicBool>,
    refuses: Arc<AtomicBool>,
}

impl StoreLayer for Restored {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        if self.is_restored.load(Ordering::SeqCst) {
            &self.backup
        } else {
            &self.now
        }
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        if self.refuses.load(Ordering::SeqCst) {
            let (stream, rule, event) = (append.stream, "a rule".into(), "an event".into());
            return Err(AppendError::UniqueRuleUnknown {
                stream,
                rule,
                event,
            });
        }
        self.inner().append(append).await
    }
}

fn restored() -> Layered<Restored> {
    Layered(Restored {
        now: MemoryStore::new(),
        backup: MemoryStore::new(),
        is_restored: Arc::default(),
        refuses: Arc::default(),
    })
}

/// A state that is ahead of its stream, or has another last event, is not decided on in the end.
#[tokio::test]
async fn a_state_of_a_history_that_is_gone_answers_nothing() {
    for other in [0, 5] {
        let store = restored();
        let orders = Repository::<Order, _>::new(store.clone()).cached(10);
        let stream = StreamId::of::<Order>("1").expect("an id");
        orders
            .execute("1", Place { cents: 1 })
            .await
            .expect("placed");
        // In the backup the order is not placed, and other events come first.
        for _ in 0..other {
            let others = StreamId::new("order", "2").expect("an id");
            append(&store.backup, &others, "order.cancelled", "{}").await;
            append(&store.backup, &stream, "order.cancelled", "{}").await;
        }
        store.is_restored.store(true, Ordering::SeqCst);
        let done = orders.execute("1", Place { cents: 1 }).await;
        let done = done.expect("it is not placed");
        assert_eq!((done.version, done.attempts), (other + 1, 1));
    }
}

/// An append that is refused for another reason than its version may have been decided on a stale state.
#[tokio::test]
async fn a_refusal_of_the_store_is_no_answer_to_a_decision_on_a_stale_state() {
    let store = restored();
    let orders = Repository::<Order, _>::new(store.clone()).cached(10);
    orders.execute("1", Cancel).await.expect("cancelled");
    let others = Repository::<Order, _>::new(store.clone());
    others
        .execute("1", Place { cents: 1 })
        .await
        .expect("placed");
    store.refuses.store(true, Ordering::SeqCst);
    let twice = orders.execute("1", Place { cents: 1 }).await;
    assert_eq!(
        twice.expect_err("it is placed").rejection(),
        Some(&OrderError::Placed)
    );
    let refused = orders.execute("1", Cancel).await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Append(AppendError::UniqueRuleUnknown { .. }))
    ));
}

const PROCESSES: usize = 3;

/// Fills the halls by processes with caches of their own. Returns how many seats they say that they took, and how many
/// are taken in each hall.
async fn fill(address: &str, mode: &str) -> (usize, BTreeMap<u64, usize>) {
    let start = |by: usize| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        command.args(["hall_filler", address, mode, &by.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("starts")
    };
    let mut processes: Vec<Child> = (0..PROCESSES).map(start).collect();
    for process in &mut processes {
        assert_eq!(line_of(process), "ready");
    }
    for process in &mut processes {
        let input = process.stdin.as_mut().expect("its input");
        input.write_all(b"go\n").expect("written");
    }
    let mut said = 0;
    for process in &mut processes {
        let taken: usize = line_of(process).parse().expect("a number");
        said += taken;
        assert!(process.wait().expect("ended").success());
    }
    let store = places::open(address, None).await;
    let halls = Repository::<Hall>::new(store.clone());
    let mut taken = BTreeMap::new();
    for hall in 0..HALLS {
        let loaded = halls.load(hall).await.expect("loads");
        taken.insert(hall, loaded.state.taken.len());
    }
    store.close().await;
    (said, taken)
}

async fn processes_with_caches_keep_the_rule(place: places::Place) {
    let (said, taken) = fill(&place.address(), "careful").await;
    assert!(taken.values().all(|taken| *taken == SEATS), "{taken:?}");
    assert_eq!(said, SEATS * taken.len());
}

async fn the_same_without_the_check_of_versions_breaks_it(place: places::Place) {
    let (_, taken) = fill(&place.address(), "careless").await;
    assert!(taken.values().any(|taken| *taken > SEATS), "{taken:?}");
}

#[tokio::test]
async fn processes_on_sqlite() {
    processes_with_caches_keep_the_rule(places::Place::sqlite()).await;
}

#[tokio::test]
async fn careless_processes_on_sqlite() {
    the_same_without_the_check_of_versions_breaks_it(places::Place::sqlite()).await;
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn processes_on_postgresql() {
    processes_with_caches_keep_the_rule(places::Place::postgres()).await;
}
