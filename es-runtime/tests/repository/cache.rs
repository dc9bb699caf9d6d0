//! The state cache: it changes no result, queues the commands to one stream, and forgets what it must.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use crate::support::{
    Add, AddAll, AddOnceAt, Added, Counter, Fault, Measure, Nothing, OtherTotal, PanicInHandler,
    Scripted, added, append_id, append_raw, stream,
};
use es_runtime::{
    Aggregate, Append, Apply, EventStore, Events, ExecuteError, Executed, ExpectedVersion, Handle,
    Loaded, MemoryStore, NewEvent, Repository, RetryPolicy, command::encode_events,
};
use fastrand::Rng;
use futures_executor::block_on;
use std::{
    collections::HashMap,
    future::IntoFuture,
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

type Counters = Repository<Counter, Scripted>;

fn counters(store: &Scripted) -> Counters {
    Repository::new(store.clone()).with_retry(
        RetryPolicy::default()
            .with_attempts(NonZeroU32::MIN.saturating_add(3))
            .with_first(Duration::from_micros(1))
            .with_longest(Duration::from_micros(10)),
    )
}

/// What is done to a counter, and how.
#[derive(Clone, Debug)]
struct Step {
    to: &'static str,
    who: usize,
    does: Does,
    id: Option<usize>,
    request: Option<usize>,
    expects: Option<u64>,
    fault: Option<Fault>,
}

#[derive(Clone, Debug)]
enum Does {
    Add(Vec<i64>),
    AddAt(i64),
    Nothing,
    Unreadable,
    Panic,
    /// An event that no repository knows of.
    Raw,
}

impl Handle<Does> for Counter {
    fn handle(&self, does: Does) -> Result<Events<Self>, OtherTotal> {
        match does {
            Does::Add(amounts) => self.handle(AddAll(amounts)),
            Does::AddAt(total) => self.handle(AddOnceAt(total)),
            Does::Nothing | Does::Raw => self.handle(Nothing),
            Does::Unreadable => self.handle(Measure(f64::NAN)),
            Does::Panic => self.handle(PanicInHandler),
        }
    }
}

/// A random step. It aims at the totals and versions there are, so that all answers occur. Where the store has
/// faults there is one writer: an append on a stale state would meet the fault of another one.
fn step(dice: &mut Rng, faults: bool, total: i64, version: u64) -> Step {
    let does = match dice.u8(..20) {
        0..6 => Does::Add((0..dice.usize(1..3)).map(|_| dice.i64(0..3)).collect()),
        6..12 => Does::AddAt(total - dice.i64(0..2)),
        12..15 => Does::Nothing,
        15 => Does::Unreadable,
        16 if dice.u8(..8) == 0 => Does::Panic,
        _ if faults => Does::Add(vec![5]),
        _ => Does::Raw,
    };
    let fault = match dice.u8(..24) {
        0 => Some(Fault::Competitor),
        1 => Some(Fault::AnswerLost),
        2 => Some(Fault::RequestLost),
        3 => Some(Fault::Full),
        _ => None,
    };
    Step {
        to: ["c1", "c2"][dice.usize(..2)],
        who: if faults { 0 } else { dice.usize(..3) },
        does,
        id: (dice.u8(..4) == 0).then(|| dice.usize(..12)),
        request: (dice.u8(..3) == 0).then(|| dice.usize(..2)),
        expects: (dice.u8(..5) == 0).then(|| version.saturating_sub(dice.u64(..2))),
        fault: fault.filter(|_| faults),
    }
}

async fn execute(counters: &Counters, step: &Step) -> String {
    let mut command = counters.execute(step.to, step.does.clone());
    if let Some(id) = step.id {
        command = command.append_id(append_id(&format!("r{id}")));
        if let Some(request) = step.request {
            command = command.request(request.to_string());
        }
    }
    if let Some(version) = step.expects {
        command = command.expect_version(version);
    }
    // A competitor that comes to an attempt on a stale state is seen by one attempt less.
    let attempts = !matches!(step.fault, Some(Fault::Competitor));
    text(command.await, attempts)
}

fn text(done: Result<Executed<Counter>, ExecuteError<OtherTotal>>, attempts: bool) -> String {
    match done {
        Ok(done) => format!(
            "{:?} at {}, {:?}, events {:?}, repeated {}, attempts {:?}, snapshot {:?}",
            done.state,
            done.version,
            done.position,
            done.events,
            done.repeated,
            attempts.then_some(done.attempts),
            done.snapshot_failure,
        ),
        Err(error) => format!("{error} ({})", error.outcome()),
    }
}

/// Takes the same random steps with a subject on one store and without a cache on another one. Returns the first
/// step with another answer, or what the streams differ in.
async fn difference(
    seed: u64,
    steps: usize,
    faults: bool,
    store: Scripted,
    subject: impl AsyncFn(&Step) -> String,
) -> Option<String> {
    let twin = Scripted::default();
    let plain = counters(&twin);
    let mut dice = Rng::with_seed(seed);
    for number in 0..steps {
        let loaded = plain.load(["c1", "c2"][dice.usize(..2)]).await.unwrap();
        let step = step(&mut dice, faults, loaded.state.total, loaded.version);
        if matches!(step.does, Does::Raw) {
            for store in [&store, &twin] {
                append_raw(&store.inner, step.to, added(5)).await;
            }
            continue;
        }
        for store in [&store, &twin] {
            store.faults.lock().unwrap().extend(step.fault.clone());
        }
        let (found, right) = (subject(&step).await, execute(&plain, &step).await);
        if !right.starts_with(&found) {
            return Some(format!("{number}: {step:?}\n{found}\n{right}"));
        }
        for store in [&store, &twin] {
            store.faults.lock().unwrap().clear();
        }
    }
    for id in ["c1", "c2"] {
        let found = counters(&store).load(id).await.unwrap();
        let right = plain.load(id).await.unwrap();
        if (&found.state, found.version) != (&right.state, right.version) {
            return Some(format!("{found:?}\n{right:?}"));
        }
    }
    None
}

const STEPS: usize = 400;

#[test]
fn a_cache_changes_no_result() {
    for seed in 0..20 {
        let store = Scripted::default();
        // Two processes with caches of their own, one of which forgets most, and one without.
        let subjects = [
            counters(&store).cached(10),
            counters(&store).cached(1),
            counters(&store),
        ];
        let subject = async |step: &Step| execute(&subjects[step.who], step).await;
        let difference = block_on(difference(seed, STEPS, seed % 2 == 0, store, subject));
        assert_eq!(difference, None, "seed {seed}");
    }
}

/// A cache by hand that leaves something out.
struct Careless {
    store: Scripted,
    states: Mutex<HashMap<&'static str, Loaded<Counter>>>,
    /// Whether the append names the version that was decided on.
    compares: bool,
    /// Whether only the newest state rejects, or answers without an event.
    looks: bool,
}

impl Careless {
    /// The beginning of the answer.
    async fn execute(&self, step: &Step) -> String {
        let plain = counters(&self.store);
        let is_simple = step.id.is_none() && step.expects.is_none();
        if !is_simple || matches!(step.does, Does::Unreadable | Does::Panic) {
            return execute(&plain, step).await;
        }
        let known = self.states.lock().unwrap().remove(step.to);
        let mut loaded = match known {
            Some(known) => known,
            None => plain.load(step.to).await.unwrap(),
        };
        let mut decided = loaded.state.handle(step.does.clone());
        if self.looks && !decided.as_ref().is_ok_and(|events| !events.is_empty()) {
            loaded = plain.load(step.to).await.unwrap();
            decided = loaded.state.handle(step.does.clone());
        }
        let events = match decided {
            Ok(events) => events,
            Err(rejected) => return text(Err(ExecuteError::Rejected(rejected)), true),
        };
        let stream = stream(step.to);
        let stored = encode_events(&stream, &events).unwrap();
        if !stored.is_empty() {
            let expected = if self.compares {
                ExpectedVersion::Exact(loaded.version)
            } else {
                ExpectedVersion::Any
            };
            let append = Append::new(stream, expected).with_events(stored);
            match self.store.append(append).await {
                Ok(appended) => loaded.version = appended.version,
                Err(_) => return execute(&plain, step).await,
            }
        }
        for event in events {
            loaded.state.apply_event(&event);
        }
        let answer = format!("{:?} at {}", loaded.state, loaded.version);
        self.states.lock().unwrap().insert(step.to, loaded);
        answer
    }

    fn is_found(compares: bool, looks: bool) -> bool {
        let store = Scripted::default();
        let careless = Self {
            store: store.clone(),
            states: Mutex::default(),
            compares,
            looks,
        };
        let subject = async |step: &Step| careless.execute(step).await;
        block_on(difference(1, STEPS, false, store, subject)).is_some()
    }
}

#[test]
fn a_cache_that_skips_a_check_is_found() {
    assert!(!Careless::is_found(true, true), "this one is careful");
    assert!(Careless::is_found(false, true), "the check of the append");
    assert!(
        Careless::is_found(true, false),
        "the look before a rejection"
    );
}

/// Polls the commands in turn until all are done, so that all of them are under way at once.
fn all<T>(mut commands: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut context = Context::from_waker(Waker::noop());
    let mut done = Vec::new();
    while !commands.is_empty() {
        commands.retain_mut(|command| match command.as_mut().poll(&mut context) {
            Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            Poll::Pending => true,
        });
    }
    done
}

const COMMANDS: u32 = 3;

/// The attempts that so many callers of one counter needed at most, each with some commands, and the appends that the
/// store got. They share as many repositories.
fn attempts(callers: usize, repositories: usize, make: fn(Counters) -> Counters) -> (u32, u64) {
    let store = Scripted::default();
    let patient = RetryPolicy::default().with_attempts(NonZeroU32::MAX);
    let patient = patient.with_longest(Duration::from_secs(60));
    let one = |_| make(Repository::new(store.clone()).with_retry(patient.clone()));
    let all_of_them: Vec<_> = (0..repositories).map(one).collect();
    let shared = all_of_them.iter().cycle().take(callers);
    let caller = |counters: &Counters| {
        let counters = counters.clone();
        Box::pin(async move {
            let mut most = 0;
            for _ in 0..COMMANDS {
                most = most.max(counters.execute("c1", Add(1)).await.unwrap().attempts);
            }
            most
        }) as _
    };
    let most = all(shared.map(caller).collect());
    let loaded = block_on(all_of_them[0].load("c1")).unwrap();
    let commands = callers * COMMANDS as usize;
    assert_eq!(loaded.state.total, i64::try_from(commands).unwrap());
    (most.into_iter().max().unwrap(), store.appends())
}

#[test]
fn callers_of_one_aggregate_queue() {
    let cached = attempts(400, 1, |counters| counters.cached(10));
    assert_eq!(cached, (1, 1_200));
    // Without cached states they queue after their first conflict, and who comes later waits, too. One began before
    // that, and overtakes the first one of the queue.
    let plain = attempts(400, 1, |counters| counters);
    assert_eq!(plain, (3, 1_200 + 399 + 1));
    // The control: each has a queue of its own.
    let (most, appends) = attempts(20, 20, |counters| counters);
    assert!(most > 2 && appends > 60 + 19, "{most}, {appends}");
}

/// The answer of a command that is polled some times.
fn polled<T>(command: &mut Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    (0..100).find_map(|_| match command.as_mut().poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    })
}

#[test]
fn a_rejection_keeps_nobody_waiting() {
    let store = Scripted::default();
    let patient = RetryPolicy::default().with_longest(Duration::from_secs(60));
    let counters = counters(&store).with_retry(patient);
    let mut context = Context::from_waker(Waker::noop());
    let [mut first, mut second] = [(); 2].map(|()| counters.execute("c1", Add(1)).into_future());
    let rejected = || counters.execute("c1", AddOnceAt(99)).into_future();
    let [mut third, mut fourth, mut fifth] = [(); 3].map(|()| rejected());
    // It began before there was a queue, and ends none.
    let early = &mut rejected();
    assert!(early.as_mut().poll(&mut context).is_pending());
    while store.reads() < 2 {
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
    }
    block_on(first).unwrap();
    // It meets the first one, and has the turn now.
    while store.appends() < 2 {
        assert!(second.as_mut().poll(&mut context).is_pending());
    }
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(polled(early).expect("it has no turn").is_err());
    assert!(polled(&mut third).is_none(), "it waits for the second one");
    block_on(second).unwrap();
    assert!(third.as_mut().poll(&mut context).is_pending());
    assert!(polled(&mut fourth).is_none(), "it waits for the third one");
    assert!(block_on(third).is_err());
    assert!(fourth.as_mut().poll(&mut context).is_pending());
    // The fourth one has the turn, and nobody polls it.
    let fifth = polled(&mut fifth).expect("it waits for nobody");
    assert!(matches!(fifth, Err(ExecuteError::Rejected(_))));
}

#[test]
fn a_command_that_is_dropped_leaves_no_wrong_state_and_no_lock() {
    dropped(|counters| counters.cached(10));
    dropped(|counters| counters);
}

fn dropped(make: fn(Counters) -> Counters) {
    let mut context = Context::from_waker(Waker::noop());
    for polls in 0..100 {
        let store = Scripted::default();
        let counters = make(counters(&store));
        block_on(counters.execute("c1", Add(1)).into_future()).unwrap();
        let mut dropped = counters.execute("c1", Add(1)).into_future();
        let mut waits = counters.execute("c1", Add(1)).into_future();
        let finished = (0..polls).any(|_| {
            let ready = dropped.as_mut().poll(&mut context).is_ready();
            ready || waits.as_mut().poll(&mut context).is_ready()
        });
        drop(dropped);
        drop(waits);
        let total = block_on(counters.load("c1")).unwrap().state.total;
        let done = block_on(counters.execute("c1", AddOnceAt(total)).into_future()).unwrap();
        assert_eq!((done.state.total, done.attempts), (total + 1, 1));
        if finished {
            assert!(polls > 2, "only {polls} awaits were met");
            return;
        }
    }
    panic!("the command never ends");
}

#[test]
fn a_command_that_nobody_polls_holds_up_nobody() {
    let store = Scripted::default();
    let counters = counters(&store).cached(10);
    let mut context = Context::from_waker(Waker::noop());
    let mut asleep = counters.execute("c1", Add(1)).into_future();
    assert!(asleep.as_mut().poll(&mut context).is_pending());
    // It has its turn and does not use it.
    for total in 1..4 {
        let done = block_on(counters.execute("c1", Add(1)).into_future()).unwrap();
        assert_eq!(done.state.total, total);
    }
    let done = block_on(asleep).unwrap();
    assert_eq!(done.state.total, 4);
    let done = block_on(counters.execute("c1", Add(1)).into_future()).unwrap();
    assert_eq!((done.state.total, done.attempts), (5, 1));
}

/// Alone it would lose against the others again and again: they are in a queue in which the next one begins at once.
#[test]
fn who_was_left_behind_queues_with_the_others() {
    let store = Scripted::default();
    let retry = RetryPolicy::default().with_first(Duration::ZERO);
    let patient = retry.clone().with_longest(Duration::from_secs(60));
    let patient = counters(&store).with_retry(patient).cached(10);
    let hasty = patient
        .clone()
        .with_retry(retry.with_longest(Duration::from_micros(1)));
    let mut context = Context::from_waker(Waker::noop());
    let mut left = patient.execute("c1", Add(1)).into_future();
    while store.reads() < 1 {
        assert!(left.as_mut().poll(&mut context).is_pending());
    }
    block_on(hasty.execute("c1", Add(1)).into_future()).unwrap();
    let mut next = patient.execute("c1", Add(1)).into_future();
    assert!(next.as_mut().poll(&mut context).is_pending(), "its turn");
    assert!(polled(&mut left).is_none(), "it waits for the next one");
    assert_eq!(block_on(next).unwrap().attempts, 1);
    let done = block_on(left).unwrap();
    assert_eq!((done.state.total, done.attempts), (3, 2));
}

/// A store that is slow makes queues look dead. The third command leaves the second one alone for longer.
#[test]
fn a_queue_after_one_that_was_given_up_gets_more_time() {
    let store = Scripted::default();
    // Long: the third one is looked at after 1.1 of it and waits for twice of it, also where the machine is busy.
    let patience = Duration::from_millis(1_500);
    let retry = RetryPolicy::default().with_longest(patience);
    let counters = counters(&store).with_retry(retry).cached(10);
    let mut context = Context::from_waker(Waker::noop());
    let [mut first, mut second, mut third] =
        [(); 3].map(|()| counters.execute("c1", Add(1)).into_future());
    while store.reads() < 1 {
        assert!(first.as_mut().poll(&mut context).is_pending());
    }
    assert!(second.as_mut().poll(&mut context).is_pending());
    std::thread::sleep(patience);
    while store.reads() < 2 {
        assert!(second.as_mut().poll(&mut context).is_pending(), "its turn");
    }
    assert!(third.as_mut().poll(&mut context).is_pending());
    std::thread::sleep(patience + patience / 10);
    assert!(polled(&mut third).is_none());
    assert_eq!(store.reads(), 2, "it waits for the second one");
    block_on(second).unwrap();
    assert_eq!(block_on(third).unwrap().attempts, 1);
}

#[test]
fn callers_queue_who_do_not_try_again() {
    let never = RetryPolicy::never();
    assert_eq!(never.longest, RetryPolicy::default().longest);
    let store = Scripted::default();
    let never = never.with_longest(Duration::from_secs(60));
    let counters = counters(&store).with_retry(never).cached(10);
    let mut context = Context::from_waker(Waker::noop());
    let [mut first, mut second] = [(); 2].map(|()| counters.execute("c1", Add(1)).into_future());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(polled(&mut second).is_none(), "it waits for the first one");
    block_on(first).unwrap();
    assert_eq!(block_on(second).unwrap().version, 2);
}

#[test]
fn a_command_waits_as_long_as_the_queue_moves() {
    let store = Scripted::default();
    let patience = Duration::from_millis(80);
    let retry = RetryPolicy::default().with_longest(patience);
    let counters = counters(&store).with_retry(retry).cached(10);
    block_on(counters.execute("c1", Add(1)).into_future()).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let [mut first, mut second, mut third] =
        [(); 3].map(|()| counters.execute("c1", Add(1)).into_future());
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    block_on(first).unwrap();
    assert!(second.as_mut().poll(&mut context).is_pending(), "its turn");
    // More than the third one would wait without a move.
    std::thread::sleep(patience);
    assert!(third.as_mut().poll(&mut context).is_pending());
    assert_eq!(block_on(second).unwrap().attempts, 1);
    assert_eq!(block_on(third).unwrap().attempts, 1);
    assert_eq!(store.appends(), 4, "no append was refused");
    assert_eq!(store.reads(), 1, "each left its state to the next one");
}

#[test]
fn a_cached_state_that_another_writer_overtook_costs_no_attempt() {
    let store = Scripted::default();
    let never = RetryPolicy::never();
    let counters = counters(&store).with_retry(never).cached(10);
    block_on(async {
        for total in [1, 7, 13] {
            let done = counters.execute("c1", Add(1)).await.unwrap();
            assert_eq!((done.state.total, done.attempts), (total, 1));
            append_raw(&store.inner, "c1", added(5)).await;
        }
    });
}

#[test]
fn a_cached_state_is_not_loaded_again() {
    let store = Scripted::default();
    let counters = Repository::<Counter, _>::new(store.clone()).cached(10);
    block_on(async {
        counters.execute("c1", Add(1)).await.unwrap();
        append_raw(&store.inner, "c1", NewEvent::json("counter.added", 1, "{")).await;
        // The damaged event is found when something has to be read.
        let error = counters.execute("c1", Add(1)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Load(_)), "{error}");
        let reads = store.reads();
        for total in 1..10 {
            let done = counters.execute("c2", Add(1)).await.unwrap();
            assert_eq!(done.state.total, total);
        }
        assert_eq!(store.reads() - reads, 1);
        // A clone shares the states.
        counters.clone().execute("c2", Add(1)).await.unwrap();
        assert_eq!(store.reads() - reads, 1);
        // The first result is read, and the state stays.
        for repeated in [false, true] {
            let again = counters
                .execute("c2", Add(1))
                .append_id(append_id("twice"))
                .await;
            assert_eq!(again.unwrap().repeated, repeated);
        }
        let reads = store.reads();
        counters.execute("c2", Add(1)).await.unwrap();
        assert_eq!(store.reads(), reads);
    });
}

#[test]
fn a_failure_is_returned_and_leaves_nothing_in_the_way() {
    let store = Scripted::default();
    let counters = counters(&store).cached(10);
    block_on(async {
        let mut first = counters.execute("c1", Add(1)).await.unwrap();
        // What a caller does to its state is not seen by the next one.
        first.state.total = 99;
        for fault in [Fault::Full, Fault::RequestLost] {
            store.faults.lock().unwrap().push_back(fault);
            let error = counters.execute("c1", Add(1)).await.unwrap_err();
            assert!(matches!(error, ExecuteError::Append(_)), "{error}");
        }
        let done = counters.execute("c1", AddOnceAt(1)).await.unwrap();
        assert_eq!((done.version, done.state.total, done.attempts), (2, 2, 1));
        assert_eq!(first.state.total, 99);
        append_raw(&store.inner, "c1", NewEvent::json("counter.added", 1, "{")).await;
        for _ in 0..3 {
            let error = counters.execute("c1", Add(1)).await.unwrap_err();
            assert!(matches!(error, ExecuteError::Load(_)), "{error}");
        }
    });
}

#[test]
fn snapshots_are_taken_as_often_as_without_a_cache() {
    let store = Scripted::default();
    let counters = Repository::<Counter, _>::new(store.clone()).cached(10);
    for _ in 0..20 {
        block_on(counters.execute("c1", Add(1)).into_future()).unwrap();
    }
    assert_eq!(store.snapshots(), 4);
}

/// How many states there are in memory.
static ALIVE: AtomicI64 = AtomicI64::new(0);

#[derive(Aggregate, Default)]
#[aggregate("counted", id = u32, error = std::convert::Infallible, events(Added))]
struct Counted(Alive);

struct Alive(());

impl Default for Alive {
    fn default() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self(Alive::default())
    }
}

impl Apply<Added> for Counted {
    fn apply(&mut self, _: &Added) {}
}

impl Handle<Add> for Counted {
    fn handle(&self, Add(amount): Add) -> Result<Events<Self>, std::convert::Infallible> {
        Ok(Added { amount }.into())
    }
}

#[test]
fn a_cache_is_bounded() {
    for (capacity, most) in [(0, 1), (1, 1), (2, 2), (3, 3), (100, 100)] {
        let store = MemoryStore::new();
        let counted = Repository::<Counted, _>::without_snapshots(store).cached(capacity);
        for id in 0..500 {
            block_on(counted.execute(id % 300, Add(1)).into_future()).unwrap();
            let alive = ALIVE.load(Ordering::SeqCst);
            assert!(alive <= most, "{alive} states where {capacity} may be");
        }
        let alive = ALIVE.load(Ordering::SeqCst);
        assert!(
            alive * 2 >= capacity.try_into().unwrap(),
            "only {alive} of {capacity} are kept"
        );
        drop(counted);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }
}
