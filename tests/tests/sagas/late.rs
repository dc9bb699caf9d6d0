//! A worker that lost its lease in a call: what the call did is undone, however far the others are, and the worker calls
//! nothing more.

use es_runtime::{
    Aggregate, AnyStore, AppendId, Commit, CommitError, CommitStore, Committed, Event, Events,
    Handle, Metadata, Outcome, StorageError, StorageErrorKind,
};
use es_sagas::{
    AggregateCommand, Cx, Definition, Effect, Fail, Interceptor, Phase, Saga, Sagas, Start,
    StepCall, StepCx, StepDirection, StepRetry, Verb,
    log::{SagaEvent, Verdict},
};
use es_testkit::{Layered, StoreLayer};
use es_tests::faulty::{Fault, Faulty};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::JoinHandle};

on_each_store! {
    a_step_that_comes_through_during_its_undo_is_undone_again
    a_step_that_comes_through_after_its_undo_whose_answer_was_lost_is_undone_again
    a_worker_without_the_lease_calls_nothing_more
}

#[derive(Event, Serialize, Deserialize)]
#[event("room.noted")]
struct Noted {}

#[derive(Clone)]
struct Note;

#[derive(Aggregate, Clone, Default)]
#[aggregate("room", id = String, error = Infallible, events(ignore(Noted)))]
struct Room {}

impl Handle<Note> for Room {
    fn handle(&self, _: Note) -> Result<Events<Self>, Infallible> {
        Ok(Noted {}.into())
    }
}

/// The requests by which rooms are held. It does not know what was taken back, so a request that comes late holds a room again.
type Rooms = Arc<Mutex<BTreeSet<String>>>;

/// A room for something that cannot be sold.
#[derive(Serialize, Deserialize)]
struct HoldRoom {}

impl Saga for HoldRoom {
    const NAME: &'static str = "hold-room";
    type Deps = Rooms;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.step("hold", |cx: Cx<Self>| async move {
            let mut rooms = cx.deps().lock().expect("not poisoned");
            rooms.insert(cx.key().to_string());
            Ok::<u32, Fail>(1)
        })
        .undo_retry(StepRetry::times(3).first(Duration::ZERO))
        .undo(|cx, did: Effect<u32>| async move {
            let mut rooms = cx.deps().lock().expect("not poisoned");
            rooms.remove(&did.key().to_string());
            Ok(())
        });
        saga.command("note", |cx| {
            Ok(AggregateCommand::new::<Room, _>(cx.id(), Note))
        })
        .no_undo();
        saga.step("sell", |_| async {
            Err::<u32, Fail>(Fail::fatal("nobody wants it"))
        })
        .no_undo();
        saga
    }
}

/// A worker. The first of its calls with this name waits: that of a step before it is made, and that of an undo when it is made.
#[derive(Clone)]
struct Worker {
    at: &'static str,
    /// Which of its undos fails.
    fails: usize,
    calls: Arc<Mutex<Vec<String>>>,
    reached: Arc<Notify>,
    go: Arc<Notify>,
}

impl Worker {
    fn waits(at: &'static str, fails: usize) -> Self {
        Self {
            at,
            fails,
            calls: Arc::default(),
            reached: Arc::default(),
            go: Arc::default(),
        }
    }

    /// Starts it, and returns when it waits.
    async fn begins(&self, sagas: &Sagas) -> JoinHandle<()> {
        let sagas = sagas.clone().intercept(self.clone());
        let works = es_tests::spawn(async move {
            sagas.run_until_idle().await.expect("runs");
        });
        within(self.at, self.reached.notified()).await;
        works
    }

    async fn goes_on(&self, works: JoinHandle<()>) {
        self.go.notify_one();
        within("the end", works).await.expect("no panic");
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("not poisoned").clone()
    }

    async fn wait(&self) {
        self.reached.notify_one();
        self.go.notified().await;
    }
}

impl Interceptor for Worker {
    fn call<'a>(&'a self, cx: &'a StepCx, call: StepCall<'a>) -> StepCall<'a> {
        Box::pin(async move {
            let name = format!("{} {}", cx.direction().as_str(), cx.step());
            let number = {
                let mut calls = self.calls.lock().expect("not poisoned");
                calls.push(name.clone());
                calls.iter().filter(|call| **call == name).count()
            };
            let waits = number == 1 && name == self.at;
            if cx.direction() == StepDirection::Undo {
                if number == self.fails {
                    return Err(Fail::transient("busy"));
                }
                let undone = call.await;
                if waits {
                    self.wait().await;
                }
                return undone;
            }
            if waits {
                self.wait().await;
            }
            call.await
        })
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(20), future).await;
    done.unwrap_or_else(|_| panic!("{what}: not in time"))
}

/// A saga of this id, and a worker at whose call the lease is taken from it.
async fn slow_worker(sagas: &Sagas, id: &str, at: &'static str) -> (Worker, JoinHandle<()>) {
    let request = AppendId::new("start").expect("an id");
    let begun = sagas.begin(Start::new(id, HoldRoom {}), request, Metadata::new());
    begun.await.expect("begun");
    let slow = Worker::waits(at, 1);
    let works = slow.begins(sagas).await;
    let taken = sagas.repair("hold-room", id, Verb::TakeOver {}, "ada", "it hangs");
    taken.await.expect("taken over");
    (slow, works)
}

fn runner(store: &AnyStore, rooms: &Rooms, faults: &[Fault]) -> Sagas {
    Sagas::new(Faulty::store(store.clone(), faults)).with::<HoldRoom>(rooms.clone())
}

fn held(rooms: &Rooms) -> usize {
    rooms.lock().expect("not poisoned").len()
}

/// How often an undo that failed is to be tried again.
async fn retried(sagas: &Sagas, id: &str) -> usize {
    let view = sagas.show("hold-room", id).await.expect("shown");
    assert_eq!(view.state.phase, Phase::Compensated);
    let retried = view.history.iter().filter(|(_, event)| {
        matches!(event, SagaEvent::StepFailed(failed)
            if failed.to == StepDirection::Undo && matches!(failed.verdict, Verdict::Retry { .. }))
    });
    retried.count()
}

/// The request comes through between the undo and its answer. Nobody knows which of them came first.
async fn a_step_that_comes_through_during_its_undo_is_undone_again(store: AnyStore) {
    for (id, faults) in [("1", [].as_slice()), ("2", &[Fault::LosesLateSuccesses])] {
        let rooms = Rooms::default();
        let sagas = runner(&store, &rooms, faults);
        let (slow, late) = slow_worker(&sagas, id, "do hold").await;
        let new = Worker::waits("undo hold", 2);
        let undoing = new.begins(&runner(&store, &rooms, &[])).await;
        assert_eq!(held(&rooms), 0);
        slow.goes_on(late).await;
        assert_eq!(held(&rooms), 1, "it came through");
        assert_eq!(slow.calls(), ["do hold"], "it has lost the lease");
        new.goes_on(undoing).await;
        if !faults.is_empty() {
            assert_eq!(held(&rooms), 1, "the control saw nothing");
            continue;
        }
        assert_eq!(held(&rooms), 0);
        // As any undo it was tried again.
        let undo = "undo hold";
        let calls = ["do hold", "do note", "do sell", undo, undo, undo];
        assert_eq!(new.calls(), calls);
        assert_eq!(retried(&sagas, id).await, 1);
    }
}

/// A store that stores the first commit of an event and keeps its answer back until it is asked for it. The answer is an unknown outcome.
#[derive(Clone)]
struct Unsure {
    store: AnyStore,
    event: &'static str,
    is_stored: Arc<AtomicBool>,
    stored: Arc<Notify>,
    answers: Arc<Notify>,
}

impl Unsure {
    fn of(store: &AnyStore, event: &'static str) -> Self {
        Self {
            store: store.clone(),
            event,
            is_stored: Arc::default(),
            stored: Arc::default(),
            answers: Arc::default(),
        }
    }

    fn store(&self) -> AnyStore {
        AnyStore::without_snapshots(Layered(self.clone()))
    }
}

impl StoreLayer for Unsure {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.store
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut events = commit.appends.iter().flat_map(|append| &append.events);
        let is_it = events.any(|event| event.name == self.event);
        let done = self.store.commit(commit).await?;
        if !is_it || self.is_stored.swap(true, Ordering::SeqCst) {
            return Ok(done);
        }
        self.stored.notify_one();
        self.answers.notified().await;
        Err(CommitError::Storage {
            outcome: Outcome::Unknown,
            error: StorageError::new(StorageErrorKind::Unreachable, "the answer is lost"),
        })
    }
}

/// The worker looks whether its undo is stored, and finds that the step is to be undone once more.
async fn a_step_that_comes_through_after_its_undo_whose_answer_was_lost_is_undone_again(
    store: AnyStore,
) {
    let rooms = Rooms::default();
    let reports = Unsure::of(&store, "saga.late_success");
    let sagas = runner(&reports.store(), &rooms, &[]);
    let (slow, late) = slow_worker(&sagas, "1", "do hold").await;
    let undoes = Unsure::of(&store, "saga.step_undone");
    let sagas = runner(&undoes.store(), &rooms, &[]);
    let new = Worker::waits("undo hold", 2);
    let undoing = new.begins(&sagas).await;
    new.go.notify_one();
    within("the undo", undoes.stored.notified()).await;
    slow.go.notify_one();
    within("the report", reports.stored.notified()).await;
    assert_eq!(held(&rooms), 1, "it came through");
    late.abort();
    undoes.answers.notify_one();
    within("the end", undoing).await.expect("no panic");
    assert_eq!(held(&rooms), 0);
    assert_eq!(retried(&sagas, "1").await, 1);
}

/// Whoever finds that another worker was first may have lost the lease.
async fn a_worker_without_the_lease_calls_nothing_more(store: AnyStore) {
    for (id, calls) in [
        ("1", ["do hold"].as_slice()),
        ("2", &["do hold", "do note"]),
    ] {
        let rooms = Rooms::default();
        let sagas = runner(&store, &rooms, &[]);
        let (slow, late) = slow_worker(&sagas, id, calls[calls.len() - 1]).await;
        let new = Worker::waits("do sell", 2);
        let selling = new.begins(&runner(&store, &rooms, &[])).await;
        slow.goes_on(late).await;
        assert_eq!(slow.calls(), calls);
        new.goes_on(selling).await;
        assert_eq!(retried(&sagas, id).await, 0);
        assert_eq!(held(&rooms), 0);
    }
}
