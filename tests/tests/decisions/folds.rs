//! Decisions that read folds: what is read again, what is guarded, what is remembered, and what is refused.

use es_decisions::{
    Decide, Decided, Decision, DecisionError, Decisions, Emitted, Fold, ReadFold, Readable, Sees,
    turn_on_tags,
};
use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Apply, Commit, CommitError, CommitStore, Committed,
    DecodeError, Event, EventStore, Events, ExpectedVersion, Handle, LoadError, NewEvent, Outcome,
    Position, ReadError, ReadLimit, RecordedEvent, Repository, RetryPolicy, StorageError,
    StorageErrorKind, StreamId, StreamRange, Tag, TagQuery, TaggedPage,
};
use es_testkit::{Layered, StoreLayer, decision::DecisionTest};
use es_tests::courses::{
    CourseError, CourseId, Define, Load, Pair, Seats, StudentId, StudentSubscribed, course,
    defined, student, subscribe, subscribed,
};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// Called in each attempt, with its number and what was read.
type Hook = Arc<dyn Fn(u32, &HookedReads) + Send + Sync>;

/// A subscription that tells of each attempt.
#[derive(Decision)]
#[decision("course.hooked", error = CourseError, emits(StudentSubscribed),
    reads(seats: Seats(course), load: Load(student), pair: Pair(student, course)))]
struct Hooked {
    student: StudentId,
    course: CourseId,
    attempts: AtomicU32,
    hook: Hook,
}

impl Decide for Hooked {
    fn decide(&self, read: &HookedReads) -> Result<Emitted<Self>, CourseError> {
        (self.hook)(self.attempts.fetch_add(1, Ordering::Relaxed) + 1, read);
        let capacity = read.seats.capacity.ok_or(CourseError::NoSuchCourse)?;
        if read.seats.taken >= capacity {
            return Err(CourseError::FullyBooked);
        }
        Ok(Emitted::new().event(StudentSubscribed {
            student: self.student.clone(),
            course: self.course.clone(),
        }))
    }
}

fn hooked(hook: impl Fn(u32, &HookedReads) + Send + Sync + 'static) -> Hooked {
    Hooked {
        student: student("s1"),
        course: course("c1"),
        attempts: AtomicU32::new(0),
        hook: Arc::new(hook),
    }
}

/// To the first of two courses.
#[derive(Decision)]
#[decision("course.either", error = CourseError, emits(StudentSubscribed),
    reads(first: Seats(first), second: Seats(second)))]
struct Either {
    student: StudentId,
    first: CourseId,
    second: CourseId,
}

impl Decide for Either {
    fn decide(&self, _: &EitherReads) -> Result<Emitted<Self>, CourseError> {
        Ok(Emitted::new().event(StudentSubscribed {
            student: self.student.clone(),
            course: self.first.clone(),
        }))
    }
}

#[derive(Decision)]
#[decision("look", error = Infallible, reads(load: Load(student), seats: Seats(course)))]
struct OfAStudent {
    student: StudentId,
    course: CourseId,
}

impl Decide for OfAStudent {
    fn decide(&self, _: &OfAStudentReads) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

async fn defined_in(store: &AnyStore) -> Decisions {
    let decisions = Decisions::new(store.clone());
    for id in ["c1", "c2"] {
        let course = course(id);
        let define = Define {
            course,
            capacity: 2,
        };
        decisions.execute(define).await.expect("defined");
    }
    decisions
}

/// Somebody subscribes on a thread of its own while a decision is decided.
fn meanwhile(store: &AnyStore, who: &'static str, to: &'static str) {
    let decisions = Decisions::new(store.clone());
    // A store may need the runtime.
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let subscribed = async move { decisions.execute(subscribe(who, to)).await };
        runtime.block_on(subscribed).expect("subscribed");
    })
    .join()
    .expect("no panic");
}

async fn new_events_reach_the_folds_that_they_match(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let other = store.clone();
    let decided = hooked(move |attempt, read| {
        let seen = (read.seats.taken, read.load.courses, read.pair.subscribed);
        match attempt {
            // The course is another one, so nothing is decided again because of it.
            1 => meanwhile(&other, "s2", "c2"),
            2 => panic!("nothing of it has changed"),
            _ => {}
        }
        assert_eq!(seen, (0, 0, false));
    });
    let decided = decisions.execute(decided).await.expect("subscribed");
    assert_eq!(decided.attempts, 1);
    let other = store.clone();
    let again = hooked(move |attempt, read| {
        let seen = (read.seats.taken, read.load.courses, read.pair.subscribed);
        match attempt {
            1 => {
                assert_eq!(seen, (1, 1, true));
                meanwhile(&other, "s3", "c1");
            }
            _ => assert_eq!(seen, (2, 1, true)),
        }
    });
    let rejected = decisions.execute(again).await.expect_err("it is full now");
    assert_eq!(rejected.rejection(), Some(&CourseError::FullyBooked));
}

async fn the_result_is_the_state_after_the_decision(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let done = decisions.execute(subscribe("s1", "c1")).await;
    let Decided {
        reads,
        position,
        streams,
        ..
    } = done.expect("subscribed");
    assert_eq!(reads.seats.taken, 1);
    assert_eq!((reads.load.courses, reads.pair.subscribed), (1, true));
    assert_eq!(reads.seats.position(), position);
    // Its home is the course.
    let home = StreamId::new("course", "c1").expect("a stream");
    let [written] = streams.as_slice() else {
        panic!("{streams:?}");
    };
    assert_eq!((&written.stream, written.version), (&home, 2));
    let range = StreamRange::forward(1);
    let stored = store.read_stream(&home, range, ReadLimit::default()).await;
    let stored = stored.expect("read");
    assert_eq!(
        (&*stored[0].name, stored[0].position),
        ("student.subscribed", position)
    );
}

async fn a_fold_gets_no_event_of_the_decision_that_it_does_not_match(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let either = decisions.execute(Either {
        student: student("s1"),
        first: course("c1"),
        second: course("c2"),
    });
    let reads = either.await.expect("subscribed").reads;
    assert_eq!((reads.first.taken, reads.second.taken), (1, 0));
    assert_eq!(reads.first.position(), reads.second.position());
}

/// It is true of the end of the store, also where a fold has no events.
async fn a_decision_without_events_has_a_position(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let end = decisions.execute(subscribe("s1", "c1")).await;
    let end = end.expect("subscribed").position;
    let looked = decisions.execute(OfAStudent {
        student: student("s9"),
        course: course("c1"),
    });
    let looked = looked.await.expect("read");
    assert_eq!((looked.position, looked.streams.len()), (end, 0));
    let (load, seats) = (looked.reads.load, looked.reads.seats);
    assert_eq!((load.position(), load.courses), (end, 0));
    assert_eq!((seats.position(), seats.taken), (end, 1));
}

/// A rejection is of states that all folds had at one moment.
async fn a_rejection_is_of_one_moment(store: AnyStore) {
    let decisions = defined_in(&store).await;
    for who in ["s2", "s3"] {
        let taken = decisions.execute(subscribe(who, "c1")).await;
        taken.expect("subscribed");
    }
    let other = store.clone();
    let rejected = hooked(move |attempt, _| {
        if attempt == 1 {
            // The load of the student changes, of whom the rejection says nothing.
            meanwhile(&other, "s1", "c2");
        }
    });
    let attempts = Arc::new(Mutex::new(0));
    let (counted, hook) = (Arc::clone(&attempts), Arc::clone(&rejected.hook));
    let rejected = Hooked {
        hook: Arc::new(move |attempt, read| {
            *counted.lock().expect("a count") = attempt;
            hook(attempt, read);
        }),
        ..rejected
    };
    let rejected = decisions.execute(rejected).await.expect_err("full");
    assert_eq!(rejected.rejection(), Some(&CourseError::FullyBooked));
    assert_eq!(*attempts.lock().expect("a count"), 2);
}

fn id(text: &str) -> AppendId {
    AppendId::new(text).expect("an id")
}

async fn count(store: &AnyStore) -> usize {
    let all = es_runtime::EventFilter::all();
    let feed = store
        .read_feed(Position::START, &all, ReadLimit::default())
        .await;
    feed.expect("read").events.len()
}

async fn a_repeated_decision_writes_nothing(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let execute = |who: &str, request: &str| {
        let subscribe = subscribe(who, "c1");
        decisions
            .execute(subscribe)
            .append_id(id(request))
            .into_future()
    };
    use std::future::IntoFuture;
    let first = execute("s1", "r1").await.expect("subscribed");
    assert!(!first.repeated);
    execute("s2", "r2").await.expect("subscribed");
    let before = count(&store).await;
    // It would be rejected by now.
    let again = execute("s1", "r1").await.expect("known");
    assert!(again.repeated && again.streams.is_empty());
    assert_eq!(again.position, first.position);
    // The result is the first one, also where another student came since.
    assert_eq!((again.attempts, again.reads.seats.taken), (0, 1));
    assert_eq!(count(&store).await, before);
    // Another request of the same student is rejected, and one for another decision is not known.
    let other = execute("s1", "r3").await.expect_err("subscribed already");
    assert_eq!(other.rejection(), Some(&CourseError::AlreadySubscribed));
    let define = Define {
        course: course("c9"),
        capacity: 1,
    };
    let define = decisions.execute(define).append_id(id("r1")).await;
    assert!(!define.expect("defined").repeated);
    let fingerprint = decisions
        .execute(subscribe("s5", "c2"))
        .append_id(id("r1"))
        .request("other")
        .await;
    fingerprint.expect("the first request has no fingerprint");
}

async fn one_of_many_same_requests_counts(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let decisions = decisions.clone();
            es_tests::spawn(async move {
                // Whoever asks, it is one request.
                let subscribe = subscribe(format!("s{number}"), "c1");
                let decided = decisions.execute(subscribe).append_id(id("once")).await;
                let decided = decided.expect("accepted");
                // The result includes the first one.
                assert_eq!(decided.reads.seats.taken, 1);
                decided.repeated
            })
        })
        .collect();
    let mut first = 0;
    for task in tasks {
        first += usize::from(!task.await.expect("no panic"));
    }
    assert_eq!((first, count(&store).await), (1, 4));
}

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("wallet")]
pub(crate) struct WalletId(pub(crate) String);

/// Two tags of one kind, and several of another.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("money.moved")]
pub(crate) struct MoneyMoved {
    #[tag]
    from: WalletId,
    #[tag]
    to: WalletId,
    #[tag]
    witnesses: Vec<StudentId>,
    cents: u64,
}

#[derive(Fold, Clone)]
#[fold("balance", by(WalletId), events(MoneyMoved), initial = Balance::of)]
pub(crate) struct Balance {
    wallet: WalletId,
    cents: i64,
}

impl Balance {
    fn of(wallet: &WalletId) -> Self {
        let wallet = wallet.clone();
        Self { wallet, cents: 100 }
    }
}

impl Apply<MoneyMoved> for Balance {
    fn apply(&mut self, event: &MoneyMoved) {
        let cents = i64::try_from(event.cents).unwrap_or(i64::MAX);
        if event.from == self.wallet {
            self.cents -= cents;
        }
        if event.to == self.wallet {
            self.cents += cents;
        }
    }
}

#[derive(Fold, Clone, Default)]
#[fold("witnessed", by(StudentId), events(MoneyMoved))]
pub(crate) struct Witnessed(u32);

impl Apply<MoneyMoved> for Witnessed {
    fn apply(&mut self, _: &MoneyMoved) {
        self.0 += 1;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is not enough money")]
pub(crate) struct NotEnough;

#[derive(Decision)]
#[decision("move", error = NotEnough, emits(MoneyMoved),
    reads(from: Balance(from), to: Balance(to), first: Witnessed(first), second: Witnessed(second)))]
pub(crate) struct Move {
    pub(crate) from: WalletId,
    pub(crate) to: WalletId,
    pub(crate) first: StudentId,
    pub(crate) second: StudentId,
    pub(crate) cents: u64,
}

impl Decide for Move {
    fn decide(&self, read: &MoveReads) -> Result<Emitted<Self>, NotEnough> {
        if read.from.cents < i64::try_from(self.cents).unwrap_or(i64::MAX) {
            return Err(NotEnough);
        }
        Ok(Emitted::new().event(MoneyMoved {
            from: self.from.clone(),
            to: self.to.clone(),
            witnesses: vec![self.first.clone(), self.second.clone(), self.first.clone()],
            cents: self.cents,
        }))
    }
}

async fn an_event_has_all_values_of_a_kind(store: AnyStore) {
    let decisions = Decisions::new(store);
    let wallet = |id: &str| WalletId(id.into());
    let execute = |from: &str, to: &str, second: &str| {
        decisions.execute(Move {
            from: wallet(from),
            to: wallet(to),
            first: student("ann"),
            second: student(second),
            cents: 60,
        })
    };
    let done = execute("a", "b", "bob").await.expect("moved");
    assert_eq!((done.reads.from.cents, done.reads.to.cents), (40, 160));
    assert_eq!((done.reads.first.0, done.reads.second.0), (1, 1));
    let rejected = execute("a", "b", "bob").await.expect_err("40 are left");
    assert_eq!(rejected.rejection(), Some(&NotEnough));
    let done = execute("b", "c", "eve").await.expect("moved");
    assert_eq!((done.reads.from.cents, done.reads.to.cents), (100, 160));
    assert_eq!((done.reads.first.0, done.reads.second.0), (2, 1));
    // The same boundary twice is no conflict with itself.
    let done = execute("c", "c", "ann").await.expect("moved");
    assert_eq!(
        (done.attempts, done.reads.first.0, done.reads.second.0),
        (1, 3, 3)
    );
    assert_eq!((done.reads.from.cents, done.reads.to.cents), (160, 160));
}

/// An aggregate whose stream is the home of an event, and a fold beside it.
#[derive(Aggregate, Clone, Default)]
#[aggregate("wallet", id = String, error = NotEnough, events(Filled, Spent))]
struct Wallet {
    cents: u64,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("wallet.filled")]
struct Filled {
    cents: u64,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("wallet.spent")]
struct Spent {
    #[tag]
    wallet: WalletId,
    cents: u64,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("wallet.painted")]
struct Painted {
    #[tag]
    wallet: WalletId,
}

impl Apply<Filled> for Wallet {
    fn apply(&mut self, event: &Filled) {
        self.cents += event.cents;
    }
}

impl Apply<Spent> for Wallet {
    fn apply(&mut self, event: &Spent) {
        self.cents -= event.cents;
    }
}

#[derive(Clone)]
struct Fill(u64);

impl Handle<Fill> for Wallet {
    fn handle(&self, fill: Fill) -> Result<Events<Self>, NotEnough> {
        Ok(Filled { cents: fill.0 }.into())
    }
}

#[derive(Decision)]
#[decision("course.buy", error = NotEnough, emits(StudentSubscribed, Spent, blind(Painted)),
    reads(wallet: Wallet(wallet), seats: Seats(course), load: Load(student)))]
struct Buy {
    wallet: String,
    course: CourseId,
    student: StudentId,
    cents: u64,
    painted: bool,
    hook: fn(&AnyStore, u64),
    store: AnyStore,
}

impl Decide for Buy {
    fn decide(&self, read: &BuyReads) -> Result<Emitted<Self>, NotEnough> {
        (self.hook)(
            &self.store,
            read.wallet.version() + u64::from(read.seats.taken),
        );
        if read.wallet.cents < self.cents {
            return Err(NotEnough);
        }
        let wallet = WalletId(self.wallet.clone());
        let filled: Events<Wallet> = Filled { cents: 1 }.into();
        let emitted = Emitted::new()
            .event(Spent {
                wallet: wallet.clone(),
                cents: self.cents,
            })
            .on(&self.wallet, filled)
            .event(StudentSubscribed {
                student: self.student.clone(),
                course: self.course.clone(),
            });
        Ok(if self.painted {
            emitted.event(Painted { wallet })
        } else {
            emitted
        })
    }
}

fn buy(store: &AnyStore, hook: fn(&AnyStore, u64)) -> Buy {
    Buy {
        wallet: "w".into(),
        course: course("c1"),
        student: student("s1"),
        cents: 30,
        painted: false,
        hook,
        store: store.clone(),
    }
}

async fn aggregates_and_folds_are_one_commit(store: AnyStore) {
    let decisions = defined_in(&store).await;
    let wallets: Repository<Wallet> = Repository::new(store.clone());
    wallets.execute("w", Fill(100)).await.expect("filled");
    // The wallet changes between, and then the course.
    let hook = |store: &AnyStore, seen: u64| match seen {
        1 => {
            let wallets: Repository<Wallet> = Repository::new(store.clone());
            let fill = async move { wallets.execute("w", Fill(5)).await.map(drop) };
            let runtime = tokio::runtime::Handle::current();
            std::thread::spawn(move || runtime.block_on(fill).expect("filled"))
                .join()
                .expect("no panic");
        }
        2 => meanwhile(store, "s2", "c1"),
        _ => {}
    };
    let done = decisions.execute(buy(&store, hook)).await.expect("bought");
    assert_eq!(done.attempts, 3);
    assert_eq!(
        (done.reads.wallet.cents, done.reads.wallet.version()),
        (76, 4)
    );
    assert_eq!((done.reads.seats.taken, done.reads.load.courses), (2, 1));
    let written: Vec<_> = done
        .streams
        .iter()
        .map(|to| (to.stream.to_string(), to.events))
        .collect();
    assert_eq!(written, [("wallet/w".into(), 2), ("course/c1".into(), 1)]);
    let loaded = wallets.load("w").await.expect("loaded");
    assert_eq!((loaded.state.cents, loaded.version), (76, 4));
    // An event that the aggregate of its home cannot read would make its stream unreadable.
    let before = count(&store).await;
    let painted = Buy {
        painted: true,
        ..buy(&store, |_, _| {})
    };
    match decisions.execute(painted).await {
        Err(DecisionError::Event { event, .. }) => assert_eq!(event, "wallet.painted"),
        wrong => panic!("{wrong:?}"),
    }
    let poor = Buy {
        cents: 1000,
        ..buy(&store, |_, _| {})
    };
    let poor = decisions.execute(poor).append_id(id("poor")).await;
    assert_eq!(poor.expect_err("poor").rejection(), Some(&NotEnough));
    assert_eq!(count(&store).await, before);
}

/// Old events that nobody has looked at yet are no partial answer.
async fn tags_that_are_not_recorded_are_an_error(store: AnyStore) {
    let old = NewEvent::json("student.subscribed", 1, r#"{"student":"s1","course":"c1"}"#);
    let home = StreamId::new("course", "c1").expect("a stream");
    let append = Append::new(home, ExpectedVersion::NoStream).with_event(old);
    store.append(append).await.expect("stored");
    let decisions = Decisions::new(store.clone());
    let define = || {
        let course = course("c1");
        decisions.execute(Define {
            course,
            capacity: 2,
        })
    };
    match define().await {
        Err(error @ DecisionError::Load(LoadError::Read(ReadError::TagsNotReady { .. }))) => {
            assert_eq!(error.outcome(), Outcome::NotApplied);
        }
        wrong => panic!("{wrong:?}"),
    }
    assert_eq!(count(&store).await, 1);
    let walked = turn_on_tags::<StudentSubscribed>(&store).await;
    assert_eq!(walked.expect("walked").events, 1);
    let defined = define().await.expect("defined");
    assert_eq!(defined.reads.seats.taken, 1);
}

async fn conflicts_end(store: AnyStore) {
    let decisions = defined_in(&store).await.with_retry(RetryPolicy::never());
    let other = store.clone();
    let decided = hooked(move |_, _| meanwhile(&other, "s2", "c1"));
    match decisions.execute(decided).await {
        Err(error @ DecisionError::FoldConflict { .. }) => {
            assert!(error.is_conflict());
            assert_eq!(
                error.to_string(),
                "other writers were first in each of 1 attempts, at last with an event of fold `seats`; nothing was \
                 written; try again later"
            );
        }
        wrong => panic!("{wrong:?}"),
    }
}

on_each!(
    new_events_reach_the_folds_that_they_match,
    the_result_is_the_state_after_the_decision,
    a_fold_gets_no_event_of_the_decision_that_it_does_not_match,
    a_decision_without_events_has_a_position,
    a_rejection_is_of_one_moment,
    a_repeated_decision_writes_nothing,
    one_of_many_same_requests_counts,
    an_event_has_all_values_of_a_kind,
    aggregates_and_folds_are_one_commit,
    tags_that_are_not_recorded_are_an_error,
    conflicts_end,
);

on_jetstream!(
    new_events_reach_the_folds_that_they_match,
    the_result_is_the_state_after_the_decision,
    a_fold_gets_no_event_of_the_decision_that_it_does_not_match,
    a_decision_without_events_has_a_position,
    a_rejection_is_of_one_moment,
    a_repeated_decision_writes_nothing,
    one_of_many_same_requests_counts,
    an_event_has_all_values_of_a_kind,
    aggregates_and_folds_are_one_commit,
    conflicts_end,
);

/// Notes how many events each read by tags returned, and may lose the answer of a commit.
#[derive(Clone, Debug)]
struct Watched {
    inner: AnyStore,
    read: Arc<Mutex<Vec<usize>>>,
    lost: Lost,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    Nothing,
    TheAnswer,
    TheCommit,
}

impl StoreLayer for Watched {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.inner
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let page = self.inner.read_tagged(query, after, limit).await?;
        self.read.lock().expect("notes").push(page.events.len());
        Ok(page)
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        match self.lost {
            Lost::Nothing => return self.inner.commit(commit).await,
            Lost::TheAnswer => drop(self.inner.commit(commit).await?),
            Lost::TheCommit => {}
        }
        // Others write to the same home before anybody looks.
        meanwhile(&self.inner, "s8", "c1");
        Err(CommitError::Storage {
            outcome: Outcome::Unknown,
            error: StorageError::new(StorageErrorKind::Other, "the answer is lost"),
        })
    }
}

async fn watched(lost: Lost) -> (AnyStore, Decisions, Watched) {
    let store = crate::places::memory();
    defined_in(&store).await;
    let watched = Watched {
        inner: store.clone(),
        read: Arc::default(),
        lost,
    };
    (store, Decisions::new(Layered(watched.clone())), watched)
}

#[tokio::test]
async fn a_second_attempt_reads_what_is_new() {
    let (store, decisions, watched) = watched(Lost::Nothing).await;
    let other = store.clone();
    let decided = hooked(move |attempt, _| {
        if attempt == 1 {
            meanwhile(&other, "s2", "c1");
        }
    });
    decisions.execute(decided).await.expect("subscribed");
    // Each of the three folds, and again.
    assert_eq!(*watched.read.lock().expect("notes"), [1, 0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    let (store, decisions, _) = watched(Lost::TheAnswer).await;
    let decided = decisions.execute(subscribe("s1", "c1")).await;
    let decided = decided.expect("its event is found");
    assert_eq!(
        (decided.streams[0].version, decided.streams[0].events),
        (2, 1)
    );
    assert_eq!(count(&store).await, 4);

    let (store, decisions, _) = watched(Lost::TheCommit).await;
    let decided = decisions.execute(subscribe("s1", "c1")).await;
    let unknown = decided.expect_err("nothing is there");
    assert_eq!(unknown.outcome(), Outcome::Unknown);
    assert_eq!(count(&store).await, 3);
}

/// A decision that emits what its reads do not see by value.
#[derive(Decision)]
#[decision("astray", error = Infallible, reads(seats: Seats(course)), emits(StudentSubscribed, Unnamed, Rated))]
struct Astray {
    course: CourseId,
    emit: fn() -> Emitted<Self>,
}

impl Decide for Astray {
    fn decide(&self, _: &AstrayReads) -> Result<Emitted<Self>, Infallible> {
        Ok((self.emit)())
    }
}

/// Without `Default` and by hand.
#[derive(Clone)]
struct Nothing;

impl Fold for Nothing {
    const NAME: &'static str = "nothing";
    const KINDS: &'static [&'static str] = &[CourseId::KIND];

    fn events() -> Vec<&'static str> {
        Vec::new()
    }

    fn apply_stored(&mut self, _: &TagQuery, _: &RecordedEvent) -> Result<bool, DecodeError> {
        Ok(false)
    }
}

impl Readable for Nothing {
    type Read = ReadFold<Self>;
    type Key<'a> = &'a CourseId;
    const SEES: Sees = Sees::tagged(Self::KINDS, &[]);

    fn read(course: &CourseId) -> ReadFold<Self> {
        ReadFold::of(TagQuery::of(course, Self::events()), Self)
    }
}

#[derive(Decision)]
#[decision("of-nothing", error = Infallible, reads(nothing: Nothing(course)))]
struct OfNothing {
    course: CourseId,
}

impl Decide for OfNothing {
    fn decide(&self, _: &OfNothingReads) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

/// Its tags have a home, and this event has none of them.
struct Unnamed;

impl Event for Unnamed {
    const NAME: &'static str = "course.defined";
    const VERSION: u16 = 1;
    const TAG_KINDS: &'static [&'static str] = &[CourseId::KIND];
    const HOME: Option<&'static str> = Some(CourseId::KIND);

    fn to_payload(&self, codec: es_runtime::Codec) -> Result<Vec<u8>, es_runtime::CodecError> {
        codec.encode(&())
    }

    fn from_payload(_: es_runtime::StoredPayload<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("course.capacity_changed")]
struct Rated {
    #[tag]
    course: CourseId,
    rate: f64,
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let store = crate::places::memory();
    let decisions = defined_in(&store).await;
    let astray = |emit: fn() -> Emitted<Astray>| {
        let course = course("c1");
        decisions.execute(Astray { course, emit })
    };
    match astray(|| Emitted::new().event(subscribed("s1", "c2"))).await {
        Err(error @ DecisionError::Unseen { event }) => {
            assert_eq!(
                (event, error.outcome()),
                ("student.subscribed", Outcome::NotApplied)
            );
        }
        wrong => panic!("{wrong:?}"),
    }
    match astray(|| Emitted::new().event(Unnamed)).await {
        Err(DecisionError::NoHome { event }) => assert_eq!(event, "course.defined"),
        wrong => panic!("{wrong:?}"),
    }
    let rated = |course: &str, rate| {
        let course = CourseId(course.into());
        Rated { course, rate }
    };
    let _ = rated("c1", 1.0);
    match astray(|| {
        Emitted::new().event(Rated {
            course: course("c1"),
            rate: f64::NAN,
        })
    })
    .await
    {
        Err(DecisionError::Event { event, .. }) => assert_eq!(event, "course.capacity_changed"),
        wrong => panic!("{wrong:?}"),
    }
    // The fold reads events of this name otherwise.
    match astray(|| {
        Emitted::new().event(Rated {
            course: course("c1"),
            rate: 1.0,
        })
    })
    .await
    {
        Err(DecisionError::Fold { fold, .. }) => assert_eq!(fold, "seats"),
        wrong => panic!("{wrong:?}"),
    }
    match astray(|| Emitted::new().event(subscribed("s1", ""))).await {
        Err(DecisionError::Load(LoadError::StreamId(_))) => {}
        wrong => panic!("{wrong:?}"),
    }
    let of_nothing = OfNothing {
        course: course("c1"),
    };
    match decisions.execute(of_nothing).await {
        Err(DecisionError::NoEvents { fold, .. }) => assert_eq!(fold, "nothing"),
        wrong => panic!("{wrong:?}"),
    }
    assert_eq!(count(&store).await, 2);
}

#[test]
#[should_panic(expected = "there is no further new event on course/c1")]
fn an_event_that_nobody_emits_is_noticed() {
    let _ = DecisionTest::new()
        .given_event(defined("c1", 1))
        .when(subscribe("s1", "c1"))
        .then_event(subscribed("s1", "c1"))
        .then_event(subscribed("s1", "c1"));
}

#[test]
#[should_panic(expected = "another event than expected on course/c1")]
fn another_event_is_noticed() {
    let _ = DecisionTest::new()
        .given_event(defined("c1", 1))
        .when(subscribe("s1", "c1"))
        .then_event(subscribed("s2", "c1"));
}

#[test]
#[should_panic(expected = "there are new events on [StreamId(course/c1)] too")]
fn an_event_that_nobody_expects_is_noticed() {
    let _ = DecisionTest::new()
        .given_event(defined("c1", 1))
        .when(subscribe("s1", "c1"))
        .then_nothing_else();
}
