//! Transfers between two accounts: one commit, decided again on what is new, safe to repeat.

use es_decisions::{Decide, Decided, Decision, DecisionError, Decisions, Emitted};
use es_runtime::{
    Aggregate, AnyStore, AppendError, AppendId, Apply, CommitError, Event, EventStore, Events,
    ExecuteError, Handle, LoadError, Metadata, Outcome, Position, ReadError, ReadLimit, Repository,
    RetryPolicy, StorageError, StorageErrorKind, StoredEvent, StreamFold, StreamId, StreamRange,
};
use es_testkit::{Layered, StoreLayer};
use serde::{Deserialize, Serialize};
use std::{
    future::{Future, IntoFuture},
    num::NonZeroU32,
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Waker},
};

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: u64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.withdrawn")]
struct Withdrawn {
    cents: u64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.rated")]
struct Rated {
    rate: f64,
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.broken")]
struct Broken {}

#[derive(Aggregate, Clone, Debug, Default, PartialEq)]
#[aggregate("account", id = String, error = AccountError, events(Deposited, Withdrawn, ignore(Rated), Broken))]
struct Account {
    cents: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum AccountError {
    #[error("the account has {has} cents")]
    Overdrawn { has: u64 },
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

impl Apply<Withdrawn> for Account {
    fn apply(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

impl Apply<Broken> for Account {
    fn apply(&mut self, _: &Broken) {
        panic!("this event cannot be applied");
    }
}

#[derive(Clone)]
struct Deposit {
    cents: u64,
}

#[derive(Clone)]
struct Withdraw {
    cents: u64,
}

/// Does this while it is decided.
#[derive(Clone)]
struct Interrupted(Arc<dyn Fn() + Send + Sync>);

impl Handle<Interrupted> for Account {
    fn handle(&self, Interrupted(by): Interrupted) -> Result<Events<Self>, AccountError> {
        by();
        Ok(Deposited { cents: 1 }.into())
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, deposit: Deposit) -> Result<Events<Self>, AccountError> {
        Ok(Deposited {
            cents: deposit.cents,
        }
        .into())
    }
}

impl Handle<Withdraw> for Account {
    fn handle(&self, withdraw: Withdraw) -> Result<Events<Self>, AccountError> {
        if self.cents < withdraw.cents {
            return Err(AccountError::Overdrawn { has: self.cents });
        }
        Ok(Withdrawn {
            cents: withdraw.cents,
        }
        .into())
    }
}

/// Called in each attempt, with its number.
type Hook = Arc<dyn Fn(u32) + Send + Sync>;
type Write = fn(&Transfer, &TransferReads) -> Result<Emitted<Transfer>, AccountError>;

#[derive(Decision)]
#[decision("transfer", error = AccountError, reads(from: Account(from), to: Account(to)))]
struct Transfer {
    from: String,
    to: String,
    cents: u64,
    write: Write,
    attempts: AtomicU32,
    hook: Hook,
}

impl Decide for Transfer {
    fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, AccountError> {
        (self.hook)(self.attempts.fetch_add(1, Ordering::Relaxed) + 1);
        (self.write)(self, read)
    }
}

/// The rule of the page: both handlers decide.
fn both(transfer: &Transfer, read: &TransferReads) -> Result<Emitted<Transfer>, AccountError> {
    let cents = transfer.cents;
    let out = read.from.handle(Withdraw { cents })?;
    let into = read.to.handle(Deposit { cents })?;
    Ok(Emitted::new()
        .on(&transfer.from, out)
        .on(&transfer.to, into))
}

fn transfer(from: &str, to: &str, cents: u64) -> Transfer {
    hooked(from, to, cents, |_| {})
}

fn hooked(
    from: &str,
    to: &str,
    cents: u64,
    hook: impl Fn(u32) + Send + Sync + 'static,
) -> Transfer {
    Transfer {
        from: from.into(),
        to: to.into(),
        cents,
        write: both,
        attempts: AtomicU32::new(0),
        hook: Arc::new(hook),
    }
}

fn emitting(write: Write) -> Transfer {
    Transfer {
        write,
        ..transfer("a", "b", 1)
    }
}

fn accounts(store: &AnyStore) -> Repository<Account> {
    Repository::new(store.clone()).cached(10)
}

async fn filled(store: &AnyStore) -> Decisions {
    for (account, cents) in [("a", 100), ("b", 50)] {
        accounts(store)
            .execute(account, Deposit { cents })
            .await
            .expect("stored");
    }
    Decisions::new(store.clone())
}

/// The cents and versions of both accounts.
async fn both_of(store: &AnyStore) -> [(u64, u64); 2] {
    let mut both = [(0, 0); 2];
    for (account, at) in ["a", "b"].into_iter().zip(&mut both) {
        let loaded = accounts(store).load(account).await.expect("loaded");
        *at = (loaded.state.cents, loaded.version);
    }
    both
}

fn request(text: &str) -> AppendId {
    AppendId::new(text).expect("an id")
}

fn written(decided: &Decided<Transfer>) -> Vec<(String, u64, u64)> {
    let streams = decided.streams.iter();
    streams
        .map(|to| (to.stream.id().to_owned(), to.version, to.events))
        .collect()
}

async fn a_transfer_is_one_commit(store: AnyStore) {
    let decisions = filled(&store).await;
    let mut metadata = Metadata::new();
    metadata.user = Some("alice".into());
    let done = decisions
        .execute(transfer("a", "b", 30))
        .metadata(metadata)
        .await
        .expect("stored");
    assert_eq!(both_of(&store).await, [(70, 2), (80, 2)]);
    assert_eq!((done.reads.from.cents, done.reads.to.cents), (70, 80));
    assert_eq!((done.reads.from.version(), done.reads.to.version()), (2, 2));
    assert_eq!(written(&done), [("a".into(), 2, 1), ("b".into(), 2, 1)]);
    assert_eq!((done.repeated, done.attempts), (false, 1));
    let feed = store
        .read_feed(
            Position::START,
            &es_runtime::EventFilter::all(),
            ReadLimit::default(),
        )
        .await
        .expect("read");
    let tail: Vec<_> = feed.events.iter().skip(2).collect();
    let names: Vec<_> = tail.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["account.withdrawn", "account.deposited"]);
    assert_eq!(done.position, tail[1].position);
    for event in tail {
        assert_eq!(event.metadata.user.as_deref(), Some("alice"));
    }
}

async fn a_rejected_transfer_writes_nothing(store: AnyStore) {
    let decisions = filled(&store).await;
    let rejected = decisions.execute(transfer("a", "b", 101)).await;
    let rejected = rejected.expect_err("overdrawn");
    assert_eq!(
        rejected.rejection(),
        Some(&AccountError::Overdrawn { has: 100 })
    );
    assert_eq!(rejected.outcome(), Outcome::NotApplied);
    assert_eq!(both_of(&store).await, [(100, 1), (50, 1)]);
}

async fn one_aggregate_twice_is_refused_before_it_is_read(store: AnyStore) {
    let decisions = filled(&store).await;
    let twice = hooked("a", "a", 1, |_| panic!("it is not decided"));
    match decisions.execute(twice).await {
        Err(DecisionError::SameStream { stream }) => assert_eq!(stream.id(), "a"),
        wrong => panic!("{wrong:?}"),
    }
    assert_eq!(both_of(&store).await, [(100, 1), (50, 1)]);
}

/// Something that runs on a thread of its own while a decision is decided.
fn meanwhile<F: Future<Output: Send> + Send + 'static>(future: F) -> F::Output
where
    F::Output: 'static,
{
    std::thread::spawn(move || futures_executor::block_on(future))
        .join()
        .expect("no panic")
}

async fn another_writer_between_is_decided_again(store: AnyStore) {
    let decisions = filled(&store).await;
    for (account, expected) in [("b", [(70, 2), (85, 3)]), ("a", [(45, 4), (115, 4)])] {
        let other = accounts(&store);
        let interrupted = hooked("a", "b", 30, move |attempt| {
            if attempt == 1 {
                let other = other.clone();
                meanwhile(async move { other.execute(account, Deposit { cents: 5 }).await })
                    .expect("stored");
            }
        });
        let done = decisions.execute(interrupted).await.expect("stored");
        assert_eq!(done.attempts, 2);
        assert_eq!(both_of(&store).await, expected);
    }
}

/// The second attempt decides something else. What the first one would have written is in no state that is returned.
async fn an_attempt_that_was_lost_leaves_nothing(store: AnyStore) {
    let decisions = filled(&store).await;
    let other = accounts(&store);
    let fickle = Transfer {
        write: |transfer, read| {
            let deposited = |account: &Account, cents| account.handle(Deposit { cents });
            Ok(match transfer.attempts.load(Ordering::Relaxed) {
                1 => Emitted::new().on(&transfer.from, deposited(&read.from, 1_000)?),
                _ => Emitted::new().on(&transfer.to, deposited(&read.to, 5)?),
            })
        },
        ..hooked("a", "b", 1, move |attempt| {
            if attempt == 1 {
                let other = other.clone();
                meanwhile(async move { other.execute("b", Deposit { cents: 1 }).await })
                    .expect("stored");
            }
        })
    };
    let done = decisions.execute(fickle).await.expect("stored");
    assert_eq!(done.attempts, 2);
    assert_eq!((done.reads.from.cents, done.reads.from.version()), (100, 1));
    assert_eq!((done.reads.to.cents, done.reads.to.version()), (56, 3));
    assert_eq!(both_of(&store).await, [(100, 1), (56, 3)]);
}

/// A rejection, and a decision without events, are of states that all accounts had at one moment.
async fn a_rejection_is_of_one_moment(store: AnyStore) {
    let decisions = filled(&store).await;
    let other = accounts(&store);
    let poor = hooked("a", "b", 120, move |attempt| {
        if attempt == 1 {
            let other = other.clone();
            meanwhile(async move { other.execute("a", Deposit { cents: 50 }).await })
                .expect("stored");
        }
    });
    let done = decisions.execute(poor).await.expect("rich enough by now");
    assert_eq!(done.attempts, 2);
    assert_eq!(both_of(&store).await, [(30, 3), (170, 2)]);
    let other = accounts(&store);
    let nothing = Transfer {
        write: |_, _| Ok(Emitted::new()),
        ..hooked("a", "b", 1, move |attempt| {
            if attempt == 1 {
                let other = other.clone();
                meanwhile(async move { other.execute("b", Deposit { cents: 1 }).await })
                    .expect("stored");
            }
        })
    };
    let done = decisions.execute(nothing).await.expect("accepted");
    assert_eq!((done.attempts, done.streams.len()), (2, 0));
    assert_eq!(done.reads.to.cents, 171);
    assert!(done.position > Position::START);
}

async fn a_repeated_transfer_returns_the_first_result(store: AnyStore) {
    let decisions = filled(&store).await;
    let id = request("request-1");
    let first = decisions
        .execute(transfer("a", "b", 30))
        .append_id(id.clone());
    let first = first.await.expect("stored");
    accounts(&store)
        .execute("a", Withdraw { cents: 70 })
        .await
        .expect("stored");
    // It would be rejected now.
    let again = decisions
        .execute(transfer("a", "b", 30))
        .append_id(id.clone());
    let again = again.await.expect("known");
    assert_eq!((again.repeated, again.attempts), (true, 0));
    assert_eq!(
        (again.position, written(&again)),
        (first.position, written(&first))
    );
    assert_eq!((again.reads.from.cents, again.reads.to.cents), (70, 80));
    assert_eq!(both_of(&store).await, [(0, 3), (80, 2)]);
    // A rejected one is not remembered.
    let poor = || {
        decisions
            .execute(transfer("a", "b", 1))
            .append_id(request("request-2"))
    };
    poor().await.expect_err("overdrawn");
    accounts(&store)
        .execute("a", Deposit { cents: 1 })
        .await
        .expect("stored");
    assert!(!poor().await.expect("stored").repeated);
    // One without events is.
    let nothing = || {
        let nothing = emitting(|_, _| Ok(Emitted::new()));
        decisions.execute(nothing).append_id(request("request-3"))
    };
    assert!(!nothing().await.expect("accepted").repeated);
    assert!(nothing().await.expect("accepted").repeated);
}

async fn one_of_many_same_requests_counts(store: AnyStore) {
    let decisions = filled(&store).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let decisions = decisions.clone();
            es_tests::spawn(async move {
                let once = decisions.execute(transfer("a", "b", 10));
                once.append_id(request("once"))
                    .await
                    .expect("stored")
                    .repeated
            })
        })
        .collect();
    let mut first = 0;
    for task in tasks {
        first += usize::from(!task.await.expect("no panic"));
    }
    assert_eq!(first, 1);
    assert_eq!(both_of(&store).await, [(90, 2), (60, 2)]);
}

async fn money_is_neither_made_nor_lost(store: AnyStore) {
    let decisions = filled(&store).await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let decisions = decisions.clone();
            es_tests::spawn(async move {
                for _ in 0..10 {
                    let (from, to) = if number % 2 == 0 {
                        ("a", "b")
                    } else {
                        ("b", "a")
                    };
                    match decisions.execute(transfer(from, to, 7)).await {
                        Ok(_)
                        | Err(DecisionError::Rejected(_) | DecisionError::Conflict { .. }) => {}
                        Err(wrong) => panic!("{wrong}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let [(a, _), (b, _)] = both_of(&store).await;
    assert_eq!(a + b, 150);
}

async fn dropped_anywhere_it_counts_once_when_it_is_repeated(store: AnyStore) {
    let decisions = filled(&store).await;
    let id = |number: u32| request(&format!("dropped-{number}"));
    let mut context = Context::from_waker(Waker::noop());
    for polls in 0..6 {
        let started = decisions
            .execute(transfer("a", "b", 1))
            .append_id(id(polls));
        {
            let mut started = pin!(started.into_future());
            for _ in 0..polls {
                if started.as_mut().poll(&mut context).is_ready() {
                    break;
                }
            }
        }
        let again = decisions
            .execute(transfer("a", "b", 1))
            .append_id(id(polls));
        again.await.expect("stored");
        assert_eq!(both_of(&store).await[0].0, 99 - u64::from(polls));
    }
}

async fn a_version_that_the_caller_saw_is_checked(store: AnyStore) {
    let decisions = filled(&store).await;
    let a = "a".to_owned();
    let expecting = |version| {
        let moved = decisions.execute(transfer("a", "b", 10));
        moved.expect_version::<Account>(&a, version)
    };
    match expecting(7).await {
        Err(DecisionError::VersionMismatch {
            stream,
            expected,
            actual,
        }) => {
            assert_eq!((stream.id(), expected, actual), ("a", 7, 1));
        }
        wrong => panic!("{wrong:?}"),
    }
    expecting(1)
        .append_id(request("seen"))
        .await
        .expect("stored");
    // A repeated request is known, although its version is an old one.
    let again = expecting(1)
        .append_id(request("seen"))
        .await
        .expect("known");
    assert!(again.repeated);
    let foreign = decisions.execute(transfer("a", "b", 1));
    match foreign.expect_version::<Account>(&"c".to_owned(), 0).await {
        Err(DecisionError::NotRead { stream }) => assert_eq!(stream.id(), "c"),
        wrong => panic!("{wrong:?}"),
    }
    // The same for a command to one aggregate.
    let accounts = accounts(&store);
    let deposit = |version| {
        accounts
            .execute("a", Deposit { cents: 1 })
            .expect_version(version)
    };
    match deposit(1).await {
        Err(ExecuteError::VersionMismatch {
            expected, actual, ..
        }) => {
            assert_eq!((expected, actual), (1, 2));
        }
        wrong => panic!("{wrong:?}"),
    }
    let id = request("deposit");
    deposit(2).append_id(id.clone()).await.expect("stored");
    assert!(deposit(2).append_id(id).await.expect("known").repeated);
    assert_eq!(both_of(&store).await, [(91, 3), (60, 2)]);
}

/// Nobody decides again on a version that the caller did not see, so this is no conflict. Nothing is read for it, either.
async fn another_writer_between_makes_an_expected_version_a_mismatch(store: AnyStore) {
    let decisions = filled(&store).await.with_retry(RetryPolicy::never());
    let other = accounts(&store);
    let deposit = move |account: &'static str| {
        let other = other.clone();
        meanwhile(async move { other.execute(account, Deposit { cents: 5 }).await })
            .expect("stored");
    };
    let (a, b, to_a) = ("a".to_owned(), "b".to_owned(), deposit.clone());
    let interrupted = hooked("a", "b", 30, move |_| to_a("a"));
    let expecting = decisions.execute(interrupted);
    let expecting = expecting.expect_version::<Account>(&b, 1);
    match expecting.expect_version::<Account>(&a, 1).await {
        Err(DecisionError::VersionMismatch {
            stream,
            expected,
            actual,
        }) => assert_eq!((stream.id(), expected, actual), ("a", 1, 2)),
        wrong => panic!("{wrong:?}"),
    }
    // Of an account that the caller expects nothing of.
    let to_a = deposit.clone();
    let interrupted = hooked("a", "b", 30, move |_| to_a("a"));
    let expecting = decisions.execute(interrupted);
    match expecting.expect_version::<Account>(&b, 1).await {
        Err(DecisionError::Conflict { stream, .. }) => assert_eq!(stream.id(), "a"),
        wrong => panic!("{wrong:?}"),
    }
    // A decision that writes nothing, or is rejected, is of one moment, too.
    let writes: [Write; 2] = [
        |_, _| Ok(Emitted::new()),
        |_, _| Err(AccountError::Overdrawn { has: 0 }),
    ];
    for (write, version) in writes.into_iter().zip(3..) {
        let to_a = deposit.clone();
        let nothing = Transfer {
            write,
            ..hooked("a", "b", 30, move |_| to_a("a"))
        };
        let expecting = decisions.execute(nothing);
        match expecting.expect_version::<Account>(&a, version).await {
            Err(DecisionError::VersionMismatch {
                expected, actual, ..
            }) => assert_eq!((expected, actual), (version, version + 1)),
            wrong => panic!("{wrong:?}"),
        }
    }
    // The same for a command to one aggregate.
    let accounts = Repository::<Account>::new(store.clone()).with_retry(RetryPolicy::never());
    let expecting = accounts.execute("a", Interrupted(Arc::new(move || deposit("a"))));
    match expecting.expect_version(5).await {
        Err(ExecuteError::VersionMismatch {
            stream,
            expected,
            actual,
        }) => assert_eq!((stream.id(), expected, actual), ("a", 5, 6)),
        wrong => panic!("{wrong:?}"),
    }
    assert_eq!(both_of(&store).await, [(125, 6), (50, 1)]);
}

async fn one_id_for_two_requests_is_an_error_of_its_own(store: AnyStore) {
    let decisions = filled(&store).await;
    let id = || request("request-1");
    let ask = |cents, body: &str| {
        let asked = decisions.execute(transfer("a", "b", cents));
        asked.append_id(id()).request(body)
    };
    ask(30, "30").await.expect("stored");
    assert!(ask(30, "30").await.expect("known").repeated);
    // Also where it would be rejected by now.
    for cents in [40, 4_000] {
        match ask(cents, "40").await {
            Err(DecisionError::OtherRequest { stream }) => assert_eq!(stream.id(), "a"),
            wrong => panic!("{wrong:?}"),
        }
    }
    assert_eq!(both_of(&store).await, [(70, 2), (80, 2)]);
    let accounts = accounts(&store);
    let ask = |cents, body: &str| {
        let asked = accounts.execute("a", Withdraw { cents });
        asked.append_id(id()).request(body)
    };
    ask(10, "10").await.expect("stored");
    assert!(ask(10, "10").await.expect("known").repeated);
    for cents in [20, 4_000] {
        match ask(cents, "20").await {
            Err(ExecuteError::Append(AppendError::OtherRequest { append_id, .. })) => {
                assert_eq!(append_id, id());
            }
            wrong => panic!("{wrong:?}"),
        }
    }
    assert_eq!(both_of(&store).await, [(60, 3), (80, 2)]);
}

async fn what_cannot_be_stored_is_refused(store: AnyStore) {
    let decisions = filled(&store).await;
    let unread =
        emitting(|_, _| Ok(Emitted::new().on::<Account>("c", Deposited { cents: 1 }.into())));
    match decisions.execute(unread).await {
        Err(DecisionError::NotRead { stream }) => assert_eq!(stream.id(), "c"),
        wrong => panic!("{wrong:?}"),
    }
    let twice = emitting(|_, read| {
        let once = || read.from.handle(Deposit { cents: 1 });
        Ok(Emitted::new().on("a", once()?).on("a", once()?))
    });
    match decisions.execute(twice).await {
        Err(DecisionError::EmittedTwice { stream }) => assert_eq!(stream.id(), "a"),
        wrong => panic!("{wrong:?}"),
    }
    let unreadable =
        emitting(|_, _| Ok(Emitted::new().on::<Account>("a", Rated { rate: f64::NAN }.into())));
    let not_applied = emitting(|_, _| Ok(Emitted::new().on::<Account>("b", Broken {}.into())));
    for (emitted, at) in [(unreadable, "a"), (not_applied, "b")] {
        match decisions.execute(emitted).await {
            Err(DecisionError::Events { stream, .. }) => assert_eq!(stream.id(), at),
            wrong => panic!("{wrong:?}"),
        }
    }
    let panics = hooked("a", "b", 1, |_| panic!("in the decision"));
    let panicked = decisions.execute(panics).await.expect_err("it panics");
    assert!(matches!(
        panicked,
        DecisionError::Panicked {
            decision: "transfer"
        }
    ));
    let long = decisions.execute(transfer("a", "b", 1));
    let long = long.append_id(request(&"x".repeat(250))).await;
    assert!(matches!(long, Err(DecisionError::AppendId(_))));
    let nowhere = decisions.execute(transfer("a", "", 1)).await;
    assert!(matches!(
        nowhere,
        Err(DecisionError::Load(LoadError::StreamId(_)))
    ));
    assert_eq!(both_of(&store).await, [(100, 1), (50, 1)]);
}

on_each!(
    a_transfer_is_one_commit,
    a_rejected_transfer_writes_nothing,
    one_aggregate_twice_is_refused_before_it_is_read,
    another_writer_between_is_decided_again,
    an_attempt_that_was_lost_leaves_nothing,
    a_rejection_is_of_one_moment,
    a_repeated_transfer_returns_the_first_result,
    one_of_many_same_requests_counts,
    money_is_neither_made_nor_lost,
    dropped_anywhere_it_counts_once_when_it_is_repeated,
    a_version_that_the_caller_saw_is_checked,
    another_writer_between_makes_an_expected_version_a_mismatch,
    one_id_for_two_requests_is_an_error_of_its_own,
    what_cannot_be_stored_is_refused,
);

/// Notes each event that is read, and loses answers of commits.
#[derive(Clone)]
struct Watched {
    inner: AnyStore,
    read: Arc<Mutex<Vec<(String, u64)>>>,
    lost: Lost,
}

#[derive(Clone, Copy, PartialEq)]
enum Lost {
    Nothing,
    TheAnswer,
    TheCommit,
}

struct Noting<F> {
    fold: F,
    stream: String,
    read: Arc<Mutex<Vec<(String, u64)>>>,
}

impl<F: StreamFold> StreamFold for Noting<F> {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        let mut read = self.read.lock().expect("no panic under it");
        read.push((self.stream.clone(), event.version));
        self.fold.event(event)
    }
}

impl StoreLayer for Watched {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.inner
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let noting = Noting {
            fold,
            stream: stream.id().to_owned(),
            read: Arc::clone(&self.read),
        };
        Ok(self.inner.fold_stream(stream, after, noting).await?.fold)
    }

    async fn commit(
        &self,
        commit: es_runtime::Commit,
    ) -> Result<es_runtime::Committed, CommitError> {
        use es_runtime::CommitStore;
        if self.lost != Lost::TheCommit {
            let read = commit
                .appends
                .iter()
                .filter(|append| append.events.is_empty());
            let read: Vec<_> = read.map(|append| append.stream.id().to_owned()).collect();
            let done = self.inner.commit(commit).await?;
            if self.lost == Lost::Nothing {
                return Ok(done);
            }
            // What was only read moves on before anybody looks.
            for account in read {
                let accounts = accounts(&self.inner);
                let moved = accounts.execute(account, Deposit { cents: 1 });
                moved.await.expect("stored");
            }
        }
        Err(CommitError::Storage {
            outcome: Outcome::Unknown,
            error: StorageError::new(StorageErrorKind::Other, "the answer is lost"),
        })
    }
}

async fn watched(lost: Lost) -> (AnyStore, Watched) {
    let store = crate::places::memory();
    filled(&store).await;
    let watched = Watched {
        inner: store.clone(),
        read: Arc::default(),
        lost,
    };
    (store, watched)
}

#[tokio::test]
async fn a_second_attempt_reads_what_is_new() {
    let (store, watched) = watched(Lost::Nothing).await;
    let other = accounts(&store);
    let interrupted = hooked("a", "b", 30, move |attempt| {
        if attempt == 1 {
            let other = other.clone();
            meanwhile(async move { other.execute("b", Deposit { cents: 5 }).await })
                .expect("stored");
        }
    });
    let decisions = Decisions::new(Layered(watched.clone()));
    decisions.execute(interrupted).await.expect("stored");
    let read = watched.read.lock().expect("no panic under it").clone();
    let at = |account: &str, version| (account.to_owned(), version);
    assert_eq!(read, [at("a", 1), at("b", 1), at("b", 2)]);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    let (store, lossy) = watched(Lost::TheAnswer).await;
    let decisions = Decisions::new(Layered(lossy));
    let done = decisions
        .execute(transfer("a", "b", 30))
        .await
        .expect("found");
    assert_eq!(written(&done), [("a".into(), 2, 1), ("b".into(), 2, 1)]);
    assert_eq!(done.reads.from.cents, 70);
    let one =
        emitting(|_, read| Ok(Emitted::new().on("a", read.from.handle(Deposit { cents: 1 })?)));
    let done = decisions.execute(one).await.expect("found");
    assert_eq!(written(&done), [("a".into(), 3, 1)]);
    assert_eq!((done.reads.to.version(), done.attempts), (2, 1));
    assert_eq!(both_of(&store).await, [(71, 3), (81, 3)]);
    let nothing = emitting(|_, _| Ok(Emitted::new()));
    let nothing = decisions.execute(nothing).append_id(request("nothing"));
    assert!(nothing.await.expect("recorded").repeated);
    assert_eq!(both_of(&store).await, [(72, 4), (82, 4)]);

    let (store, dead) = watched(Lost::TheCommit).await;
    let decisions = Decisions::new(Layered(dead));
    for id in [None, Some(request("dead"))] {
        let mut moved = decisions.execute(transfer("a", "b", 30));
        if let Some(id) = id {
            moved = moved.append_id(id);
        }
        let failed = moved.await.expect_err("nothing is found");
        assert_eq!(failed.outcome(), Outcome::Unknown, "{failed}");
    }
    assert_eq!(both_of(&store).await, [(100, 1), (50, 1)]);
}

/// Attempts are bounded, and the error names what moved.
#[tokio::test]
async fn conflicts_end() {
    for most in [1, 3] {
        let store = crate::places::memory();
        let retry = RetryPolicy::never().with_attempts(NonZeroU32::new(most).expect("some"));
        let decisions = filled(&store).await.with_retry(retry);
        let other = accounts(&store);
        let unlucky = hooked("a", "b", 1, move |_| {
            let other = other.clone();
            meanwhile(async move { other.execute("b", Deposit { cents: 1 }).await })
                .expect("stored");
        });
        match decisions.execute(unlucky).await {
            Err(DecisionError::Conflict { stream, attempts }) => {
                assert_eq!((stream.id(), attempts), ("b", most));
            }
            wrong => panic!("{wrong:?}"),
        }
        let range = StreamRange::forward(0);
        let stream = StreamId::of::<Account>("a").expect("an id");
        let events = store
            .read_stream(&stream, range, ReadLimit::default())
            .await;
        assert_eq!(events.expect("read").len(), 1);
    }
}
