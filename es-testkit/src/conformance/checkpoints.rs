//! Read models beside the store: rows and checkpoint are one transaction, and of several owners one
//! writes. A store without a read database must not give one out.

use super::{StoreFixture, stream, write};
use crate::{PausingStore, as_a_process};
use es_projections::{
    Dialect, Dispatch, HandlerError, Projection, Projections, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, SqlTransaction},
};
use es_runtime::{EventFilter, ExpectedVersion, ReadLimit, RecordedEvent};
use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const EVENTS: u64 = 60;

/// Runs statements in one transaction.
struct Script(&'static str);

impl<Db: ReadDatabase> Job<Db> for Script {
    type Output = ();

    async fn run(self, tx: &mut Db::Transaction) -> Result<(), RolledBack<()>> {
        tx.script(self.0).await?;
        Ok(())
    }
}

/// Notes each event that it handles in a table that all builds share, so that an effect that
/// counts twice shows.
struct Noted<const NAME: char> {
    /// Fails once for each of so many events.
    failures: AtomicU64,
}

impl<const NAME: char> Noted<NAME> {
    fn new() -> Self {
        Self::failing(0)
    }

    fn failing(failures: u64) -> Self {
        Self {
            failures: AtomicU64::new(failures),
        }
    }
}

impl<const NAME: char> Projection for Noted<NAME> {
    const NAME: &'static str = match NAME {
        'a' => "kit_noted_a",
        _ => "kit_noted_b",
    };
    const VERSION: u32 = 1;

    fn filter() -> EventFilter {
        EventFilter::names(["test.counted"])
    }
}

impl<Db: ReadDatabase, const NAME: char> Dispatch<Db> for Noted<NAME> {
    fn schema(_: Dialect) -> Cow<'static, str> {
        match NAME {
            'a' => Cow::Borrowed("CREATE TABLE {kit_a} (position TEXT)"),
            _ => Cow::Borrowed("CREATE TABLE {kit_b} (position TEXT)"),
        }
    }

    async fn dispatch(
        &self,
        event: &RecordedEvent,
        tx: &mut Db::Transaction,
    ) -> Result<(), HandlerError> {
        let values: [SqlValue; 2] = [
            <Self as Projection>::NAME.into(),
            event.position.to_string().into(),
        ];
        tx.statement(
            "INSERT INTO kit_effects (who, position) VALUES ($1, $2)",
            &values,
        )
        .await?;
        let fails = event.version % 7 == 3;
        let left = |left: u64| left.checked_sub(1);
        if fails
            && self
                .failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
                .is_ok()
        {
            return Err(HandlerError::new("it fails once"));
        }
        Ok(())
    }
}

/// The store with some events, and its read database where it has one.
async fn prepared<F: StoreFixture>(fixture: &F) -> Option<(F::Store, F::Database)> {
    let store = fixture.open().await;
    for number in 0..EVENTS / 2 {
        let order = stream(format!("noted-{}", number % 3));
        write(&store, &order, ExpectedVersion::Any, 0..2).await;
    }
    let read = fixture.read_database(&store).await;
    let declared = fixture.capabilities().read_database;
    assert_eq!(
        read.is_some(),
        declared,
        "a read database is declared or absent"
    );
    let read = read?;
    read.transact(Script("CREATE TABLE kit_effects (who TEXT, position TEXT)"))
        .await
        .expect("a table");
    Some((store, read))
}

/// How many effects there are, and of how many events.
async fn effects<Db: ReadDatabase>(read: &Db, who: &str) -> (u64, u64) {
    const SQL: &str = "SELECT count(*), count(DISTINCT position) FROM kit_effects WHERE who = $1";
    let rows = read.query(SQL, &[who.into()]).await.expect("readable");
    let number = |value: &SqlValue| match value {
        SqlValue::Integer(number) => u64::try_from(*number).expect("a count"),
        other => panic!("a count, not {other:?}"),
    };
    (number(&rows[0][0]), number(&rows[0][1]))
}

const ONCE: (u64, u64) = (EVENTS, EVENTS);
const A: &str = "kit_noted_a";
const B: &str = "kit_noted_b";

/// One that slept with a page in its hands and was replaced meanwhile writes nothing of it.
async fn a_replaced_one_writes_nothing<F: StoreFixture>(fixture: F, by_lease: bool) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    let (sleepy, resume) = PausingStore::until_resumed(store.clone());
    let first = Projections::new(sleepy, read.clone())
        .lease(Duration::from_millis(200))
        .with(Noted::<'a'>::new());
    let first = as_a_process(async move { first.catch_up().await });
    resume.is_paused().await;
    assert_eq!(effects(&read, A).await, (0, 0));

    Projections::new(store, read.clone())
        .take_over(!by_lease)
        .with(Noted::<'a'>::new())
        .catch_up()
        .await
        .expect("it caught up");
    assert_eq!(effects(&read, A).await, ONCE);

    resume.resume();
    let ended = first.await.expect("no panic");
    assert!(ended.is_ok(), "it finds the work done: {ended:?}");
    assert_eq!(effects(&read, A).await, ONCE);
}

/// An owner from whom the partition was taken cannot move the checkpoint of a later one.
pub async fn a_replaced_owner_is_refused<F: StoreFixture>(fixture: F) {
    a_replaced_one_writes_nothing(fixture, false).await;
}

/// An owner whose lease ended while it slept cannot write any more.
pub async fn an_owner_that_slept_past_its_lease_is_refused<F: StoreFixture>(fixture: F) {
    a_replaced_one_writes_nothing(fixture, true).await;
}

/// Whatever happens in between, handlers that fail and runs that are dropped, each event has one
/// effect.
pub async fn rows_and_checkpoint_move_together<F: StoreFixture>(fixture: F) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    for polls in 0..30 {
        let runner = Projections::new(store.clone(), read.clone())
            .page(ReadLimit::events(4))
            .take_over(true)
            .with(Noted::<'a'>::failing(1));
        if let Some(ended) = super::faults::dropped_after(polls, runner.catch_up()).await {
            ended.expect("it caught up");
        }
        let (all, distinct) = effects(&read, A).await;
        assert_eq!(all, distinct, "an effect counts twice");
    }
    let runner = Projections::new(store, read.clone())
        .attempts(5, Duration::from_millis(1), Duration::from_millis(5))
        .take_over(true)
        .with(Noted::<'a'>::failing(3));
    runner.catch_up().await.expect("it caught up");
    assert_eq!(effects(&read, A).await, ONCE);
}

/// Two that run the same projection at the same time have together the effects of one.
pub async fn two_runners_count_once<F: StoreFixture>(fixture: F) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    let runners = (0..2).map(|_| {
        let runner = Projections::new(store.clone(), read.clone())
            .lease(Duration::from_millis(500))
            .page(ReadLimit::events(3))
            .with(Noted::<'a'>::new());
        tokio::spawn(async move { runner.catch_up().await })
    });
    for ended in super::join_all(runners.collect()).await {
        ended.expect("it caught up");
    }
    assert_eq!(effects(&read, A).await, ONCE);
}

/// Each projection has a checkpoint of its own, and what one does moves no other.
pub async fn projections_have_checkpoints_of_their_own<F: StoreFixture>(fixture: F) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    let only_a = Projections::new(store.clone(), read.clone()).with(Noted::<'a'>::new());
    only_a.catch_up().await.expect("it caught up");
    assert_eq!(effects(&read, A).await, ONCE);
    assert_eq!(effects(&read, B).await, (0, 0));
    let both = Projections::new(store, read.clone())
        .take_over(true)
        .with(Noted::<'a'>::new())
        .with(Noted::<'b'>::new());
    both.catch_up().await.expect("it caught up");
    assert_eq!(effects(&read, A).await, ONCE);
    assert_eq!(effects(&read, B).await, ONCE);
}
