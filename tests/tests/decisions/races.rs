//! Decisions over tags at the same time, on every store. Each rule has a control: a store that ignores guards breaks it.

use crate::tables::IssueInvoice;
use es_decisions::{Decide, Decided, Decision, DecisionError, Decisions, Emitted, Fold};
use es_runtime::{
    AnyStore, Apply, Event, MemoryStore, Position, ReadError, ReadLimit, RetryPolicy,
    SnapshotStore, Tag, TagQuery, TaggedBackward, TaggedPage, WorkQueue,
};
use es_testkit::{Layered, StoreLayer};
use es_tests::{
    courses::{CourseError, Define, Load, Seats, course, student, subscribe},
    faulty::{Fault, Faulty},
};
use futures_executor::block_on;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    future::IntoFuture,
    num::NonZeroU32,
    ops::Bound,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

const RACERS: usize = 16;

/// Lets others go on after each read, as the way to a server does.
#[derive(Clone, Debug)]
struct Yielding<S>(S);

impl<S: WorkQueue> StoreLayer for Yielding<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.0
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let page = self.0.read_tagged(query, after, limit).await;
        tokio::task::yield_now().await;
        page
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let read = self.0.read_tagged_backward(query, after, until, limit);
        let page = read.await;
        tokio::task::yield_now().await;
        page
    }
}

pub(crate) fn on(store: impl WorkQueue + SnapshotStore) -> Decisions {
    Decisions::new(Layered(Yielding(store)))
}

async fn define(decisions: &Decisions, id: &str, capacity: u32) {
    let course = course(id);
    let define = Define { course, capacity };
    decisions.execute(define).await.expect("defined");
}

/// The results of decisions that are made at once.
pub(crate) async fn all<D: Decide<Error: Send, Reads: Send>>(
    decisions: &Decisions,
    racers: impl IntoIterator<Item = D>,
) -> Vec<Result<Decided<D>, DecisionError<D::Error>>> {
    let start = |racer| {
        let decisions = decisions.clone();
        es_tests::spawn(async move { decisions.execute(racer).await })
    };
    let tasks: Vec<_> = racers.into_iter().map(start).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}

/// The students in a course with one seat for which all race.
async fn taken(store: impl WorkQueue + SnapshotStore, id: &str) -> usize {
    let decisions = on(store);
    define(&decisions, id, 1).await;
    let racers = (0..RACERS).map(|number| subscribe(format!("{id}-{number}"), id));
    let mut taken = 0;
    for result in all(&decisions, racers).await {
        match result {
            Ok(_) => taken += 1,
            Err(DecisionError::Rejected(CourseError::FullyBooked)) => {}
            Err(wrong) => panic!("{wrong}"),
        }
    }
    taken
}

fn patient() -> RetryPolicy {
    let policy = RetryPolicy::default().with_attempts(NonZeroU32::MAX);
    policy.with_longest(Duration::from_secs(60))
}

/// The attempts that so many callers of one course needed at most, each for three students. They share as many
/// `Decisions`.
fn attempts(callers: usize, decisions: usize) -> Option<u32> {
    let store = MemoryStore::new();
    let one = |_| on(store.clone()).with_retry(patient());
    let made: Vec<_> = (0..decisions).map(one).collect();
    block_on(define(&made[0], "c1", 1_000));
    let shared = made.iter().cycle().take(callers).enumerate();
    let calls = shared.map(|(number, decisions)| async move {
        let mut most = 0;
        for again in 0..3 {
            let subscribe = subscribe(format!("s{number}-{again}"), "c1");
            let done = decisions.execute(subscribe).await.expect("a seat");
            most = most.max(done.attempts);
        }
        most
    });
    let calls: FuturesUnordered<_> = calls.collect();
    block_on(calls.collect::<Vec<_>>()).into_iter().max()
}

#[test]
fn callers_of_one_course_queue_after_the_first_conflict() {
    assert!(attempts(100, 1) <= Some(3));
    // The control: each has a queue of its own. Pauses keep them apart, now and then.
    assert!((0..20).any(|_| attempts(20, 20) > Some(3)));
}

/// Who is rejected keeps nobody waiting who comes later, and those of another course wait for nobody.
#[test]
fn a_rejected_student_keeps_nobody_waiting() {
    let decisions = on(MemoryStore::new()).with_retry(patient());
    block_on(define(&decisions, "c1", 1));
    block_on(define(&decisions, "c2", 9));
    let mut context = Context::from_waker(Waker::noop());
    let student = |id: &str| decisions.execute(subscribe(id, "c1")).into_future();
    let [mut first, mut second, mut third, mut fourth] = ["s1", "s2", "s3", "s4"].map(student);
    // Both read the course, the student and the pair, each with a pause. Then the first one has the seat and the second one the turn.
    for _read in 0..3 {
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
    }
    block_on(first).expect("a seat");
    assert!(second.as_mut().poll(&mut context).is_pending());
    let mut polled = |call: &mut Pin<Box<dyn Future<Output = _> + Send + '_>>| {
        (0..100).find_map(|_| match call.as_mut().poll(&mut context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    };
    assert!(polled(&mut third).is_none(), "it waits for the second one");
    let mut elsewhere = decisions.execute(subscribe("s6", "c2")).into_future();
    assert!(polled(&mut elsewhere).expect("another course").is_ok());
    assert!(block_on(second).is_err());
    assert!(polled(&mut fourth).is_some(), "it waits for nobody");
    assert!(polled(&mut third).is_some());
}

/// A queue that does not move is given up for a new one. Who had the turn in the old one waits in the new one, too.
#[test]
fn a_student_who_was_left_behind_queues_with_the_others() {
    let retry = patient().with_first(Duration::ZERO);
    let hasty = retry.clone().with_longest(Duration::from_micros(1));
    let decisions = on(MemoryStore::new()).with_retry(retry);
    block_on(define(&decisions, "c1", 9));
    let mut context = Context::from_waker(Waker::noop());
    let student = |id: &str| decisions.execute(subscribe(id, "c1")).into_future();
    let [mut first, mut left, mut fourth, mut fifth] = ["s1", "s2", "s4", "s5"].map(student);
    let mut read = |call: &mut Pin<Box<dyn Future<Output = _> + Send + '_>>| {
        for _ in 0..3 {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
    };
    // The second one of each pair conflicts, has the turn and reads again.
    read(&mut first);
    read(&mut left);
    block_on(first).expect("a seat");
    read(&mut left);
    let third = decisions.clone().with_retry(hasty);
    let third = third.execute(subscribe("s3", "c1")).into_future();
    block_on(third).expect("a seat");
    read(&mut fourth);
    read(&mut fifth);
    block_on(fourth).expect("a seat");
    read(&mut fifth);
    for _ in 0..100 {
        assert!(
            left.as_mut().poll(&mut context).is_pending(),
            "it waits for the fifth one"
        );
    }
    assert_eq!(block_on(fifth).expect("a seat").attempts, 2);
    assert_eq!(block_on(left).expect("a seat").attempts, 3);
}

async fn the_last_seat_is_taken_once(store: AnyStore) {
    for round in 0..5 {
        assert_eq!(taken(store.clone(), &format!("c{round}")).await, 1);
    }
}

async fn without_guards_it_is_taken_twice(store: AnyStore) {
    let store = Faulty::store(store, [Fault::IgnoresGuards]);
    let mut round = 0;
    while taken(store.clone(), &format!("c{round}")).await == 1 {
        round += 1;
        assert!(round < 200, "the test finds no race");
    }
}

async fn different_courses_do_not_meet(store: AnyStore) {
    let decisions = on(store);
    for number in 0..RACERS {
        define(&decisions, &format!("c{number}"), 1).await;
    }
    let racers = (0..RACERS).map(|at| subscribe(format!("s{at}"), format!("c{at}")));
    for result in all(&decisions, racers).await {
        assert_eq!(result.expect("its own seat").attempts, 1);
    }
}

/// The numbers of invoices that are issued at once.
async fn numbers(store: impl WorkQueue + SnapshotStore) -> (Vec<u64>, u32) {
    let decisions = on(store);
    let racers = (0..RACERS).map(|number| IssueInvoice {
        customer: number.to_string(),
    });
    let (mut numbers, mut attempts) = (Vec::new(), 0);
    for result in all(&decisions, racers).await {
        let decided = result.expect("issued");
        numbers.push(decided.reads.last.number);
        attempts += decided.attempts;
    }
    numbers.sort_unstable();
    (numbers, attempts)
}

async fn invoices_at_once_have_no_gap(store: AnyStore) {
    let (numbers, _) = numbers(store).await;
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
}

/// The control: of some that raced, two have one number.
async fn without_guards_two_have_one_number(store: AnyStore) {
    let store = Faulty::store(store, [Fault::IgnoresGuards]);
    for _ in 0..200 {
        let (numbers, _) = numbers(store.clone()).await;
        let different: BTreeSet<_> = numbers.iter().collect();
        if different.len() < numbers.len() {
            return;
        }
    }
    panic!("the test finds no race");
}

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("shift")]
struct Shift(String);

#[derive(Event, Serialize, Deserialize)]
#[event("shift.began")]
struct Began {
    #[tag]
    shift: Shift,
}

#[derive(Event, Serialize, Deserialize)]
#[event("shift.ended")]
struct Ended {
    #[tag]
    shift: Shift,
}

#[derive(Fold, Clone, Default)]
#[fold("on_call", by(Shift), events(Began, Ended))]
struct OnCall(bool);

impl Apply<Began> for OnCall {
    fn apply(&mut self, _: &Began) {
        self.0 = true;
    }
}

impl Apply<Ended> for OnCall {
    fn apply(&mut self, _: &Ended) {
        self.0 = false;
    }
}

#[derive(Decision)]
#[decision("shift.begin", error = NobodyElse, reads(own: OnCall(shift)), emits(Began))]
struct Begin {
    shift: Shift,
}

impl Decide for Begin {
    fn decide(&self, _: &BeginReads) -> Result<Emitted<Self>, NobodyElse> {
        let shift = self.shift.clone();
        Ok(Emitted::new().event(Began { shift }))
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nobody else is on call")]
struct NobodyElse;

/// Each of two writes what the other one only reads.
#[derive(Decision)]
#[decision("shift.leave", error = NobodyElse, reads(own: OnCall(own), other: OnCall(other)), emits(Ended))]
struct Leave {
    own: Shift,
    other: Shift,
}

impl Decide for Leave {
    fn decide(&self, read: &LeaveReads) -> Result<Emitted<Self>, NobodyElse> {
        if !read.other.0 {
            return Err(NobodyElse);
        }
        let shift = self.own.clone();
        Ok(Emitted::new().event(Ended { shift }))
    }
}

/// Both want to leave at the same time, several pairs. The pairs of whom nobody is left.
async fn abandoned(store: impl WorkQueue + SnapshotStore, pairs: usize) -> usize {
    let decisions = on(store);
    let mut abandoned = 0;
    for number in 0..pairs {
        let pair = ["a", "b"].map(|one| Shift(format!("{number}{one}")));
        for shift in pair.clone() {
            decisions.execute(Begin { shift }).await.expect("began");
        }
        let [a, b] = pair;
        let leave = [(&a, &b), (&b, &a)].map(|(own, other)| Leave {
            own: own.clone(),
            other: other.clone(),
        });
        let mut left = 2;
        for result in all(&decisions, leave).await {
            match result {
                Ok(_) => left -= 1,
                Err(DecisionError::Rejected(NobodyElse)) => {}
                Err(wrong) => panic!("{wrong}"),
            }
        }
        abandoned += usize::from(left == 0);
    }
    abandoned
}

async fn what_was_only_read_is_guarded(store: AnyStore) {
    assert_eq!(abandoned(store, 20).await, 0);
}

async fn without_guards_nobody_is_left(store: AnyStore) {
    let store = Faulty::store(store, [Fault::IgnoresGuards]);
    let mut rounds = 0;
    while abandoned(store.clone(), 20).await == 0 {
        rounds += 1;
        assert!(rounds < 50, "the test finds no write skew");
    }
}

#[derive(Decision)]
#[decision("course.state", error = CourseError, reads(seats: Seats(course), load: Load(student)))]
struct State {
    course: es_tests::courses::CourseId,
    student: es_tests::courses::StudentId,
}

impl Decide for State {
    fn decide(&self, _: &StateReads) -> Result<Emitted<Self>, CourseError> {
        Ok(Emitted::new())
    }
}

/// Two creators who both see nothing: one is first.
async fn what_is_not_there_is_created_once(store: AnyStore) {
    let decisions = on(store);
    let course = course("c1");
    let racers = (1..=16).map(|capacity| Define {
        course: course.clone(),
        capacity,
    });
    let mut created = Vec::new();
    for result in all(&decisions, racers).await {
        match result {
            Ok(decided) => created.push(decided.reads.seats.capacity),
            Err(DecisionError::Rejected(CourseError::Exists)) => {}
            Err(wrong) => panic!("{wrong}"),
        }
    }
    let student = student("s1");
    let state = decisions.execute(State { course, student }).await;
    let state = state.expect("read").reads;
    assert_eq!(created, [state.seats.capacity]);
    assert_eq!((state.seats.taken, state.load.courses), (0, 0));
}

on_each!(
    the_last_seat_is_taken_once,
    without_guards_it_is_taken_twice,
    different_courses_do_not_meet,
    invoices_at_once_have_no_gap,
    without_guards_two_have_one_number,
    what_was_only_read_is_guarded,
    without_guards_nobody_is_left,
    what_is_not_there_is_created_once,
);

on_jetstream!(
    the_last_seat_is_taken_once,
    without_guards_it_is_taken_twice,
    different_courses_do_not_meet,
    invoices_at_once_have_no_gap,
    without_guards_two_have_one_number,
    what_was_only_read_is_guarded,
    without_guards_nobody_is_left,
    what_is_not_there_is_created_once,
);
