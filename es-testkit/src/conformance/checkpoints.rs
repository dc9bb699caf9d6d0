//! Checks of read models: rows and checkpoint are one transaction, and only one of several owners writes. A
//! store without a read database must not return one.

use super::{AnyFixture, AnyTested, stream, write};
use crate::{PausingStore, as_a_process};
use es_projections::{
    AnyReadDatabase, Dialect, Dispatch, HandlerError, Projection, Projections, ReadDatabase,
    SqlValue,
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

/// Records each event that it handles in a table that all builds share, so that a double effect is visible.
struct Noted<const NAME: char> {
    /// Fails once for each of this many events.
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

/// The store with some events, and its read database if it has one.
async fn prepared(fixture: &AnyFixture) -> Option<(AnyTested, AnyReadDatabase)> {
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

/// The number of effects, and the number of events with an effect.
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

/// A worker that slept with a page and was replaced meanwhile writes nothing.
async fn a_replaced_one_writes_nothing(fixture: AnyFixture, by_lease: bool) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    let (pausing, resume) = PausingStore::until_resumed(store.clone());
    // A handle of its own: the connections of some drivers end with the runtime that opened them.
    let its_own = fixture.read_database(&store).await.expect("the same again");
    let first = Projections::new(pausing, its_own)
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

/// An owner that lost its partition cannot move the checkpoint of a later owner.
pub async fn a_replaced_owner_is_refused(fixture: AnyFixture) {
    a_replaced_one_writes_nothing(fixture, false).await;
}

/// An owner whose lease expired while it slept can no longer write.
pub async fn an_owner_that_slept_past_its_lease_is_refused(fixture: AnyFixture) {
    a_replaced_one_writes_nothing(fixture, true).await;
}

/// Each event has one effect, although handlers fail and runs are dropped.
pub async fn rows_and_checkpoint_move_together(fixture: AnyFixture) {
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

/// Two workers that run the same projection at the same time have the same effects as one.
pub async fn two_runners_count_once(fixture: AnyFixture) {
    let Some((store, read)) = prepared(&fixture).await else {
        return;
    };
    let runners = (0..2).map(|_| {
        let runner = Projections::new(store.clone(), read.clone())
            .lease(Duration::from_millis(500))
            .page(ReadLimit::events(3))
            .with(Noted::<'a'>::new());
        super::spawn(async move { runner.catch_up().await })
    });
    for ended in super::join_all(runners.collect()).await {
        ended.expect("it caught up");
    }
    assert_eq!(effects(&read, A).await, ONCE);
}

/// Each projection has its own checkpoint, and no other projection moves it.
pub async fn projections_have_checkpoints_of_their_own(fixture: AnyFixture) {
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
