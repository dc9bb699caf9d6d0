//! Several runners on one projection, partitions, versions, newer events: who may write, and what
//! comes out.

use es_projections::WaitFor;
use es_projections::{
    HandlerError, Key, Measure, Project, Projection, ProjectionError, Projections, Stalled,
    WorkerState,
};
use es_runtime::{
    Append, Envelope, Event, EventStore, Position, ReadLimit, RecordedEvent, StreamId,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction, rusqlite::Connection};
use es_testkit::{PausingStore, as_a_process};
use es_tests::accounts::{
    Balances, Deposited, Turnover, balances, deposit, watch_positions, went_back, withdraw,
};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

const SOON: Duration = Duration::from_secs(20);

async fn open(folder: &Path) -> (SqliteStore, SqliteReadDatabase) {
    let store = SqliteStore::open(folder.join("events.db"))
        .await
        .expect("opens");
    let read = SqliteReadDatabase::open(folder.join("read.db"))
        .await
        .expect("opens");
    (store, read)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_slept_and_was_replaced_writes_nothing() {
    for by_lease in [false, true] {
        let folder = es_tests::tiers::folder();
        let (store, read) = open(folder.path()).await;
        for _ in 0..5 {
            deposit(&store, "alice", 1).await.expect("stored");
        }
        let (pausing, resume) = PausingStore::until_resumed(store.clone());
        let lost = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&lost);
        let first = Projections::new(pausing.clone(), read.clone())
            .lease(Duration::from_millis(200))
            .meter(move |measure: &Measure<'_>| {
                if matches!(measure, Measure::FenceLost { .. }) {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            })
            .with(Balances::new());
        let (shut_down, may_end) = oneshot::channel::<()>();
        let ended = as_a_process(async move {
            let running = first.start().expect("started");
            let _ = may_end.await;
            running.shutdown().await;
        });
        resume.is_paused().await;

        // Another one takes its place: at once, or when the lease is over.
        Projections::new(store.clone(), read.clone())
            .take_over(!by_lease)
            .with(Balances::new())
            .catch_up()
            .await
            .expect("caught up");
        let expected = balances(&read).await.expect("rows");
        assert_eq!(expected.1.len(), 5);

        resume.resume();
        let began = Instant::now();
        while lost.load(Ordering::SeqCst) == 0 {
            assert!(began.elapsed() < SOON, "the stale page was not refused");
            tokio::task::yield_now().await;
        }
        assert_eq!(balances(&read).await.expect("rows"), expected);
        // It stands by, and goes on when the partition is free.
        let last = deposit(&store, "alice", 1).await.expect("stored");
        read.wait_for::<Balances>(last, SOON).await.expect("there");
        shut_down.send(()).expect("it runs");
        ended.await.expect("it ended");
        assert_eq!(
            balances(&read).await.expect("rows").0,
            [("alice".into(), 6)]
        );
    }
}

#[test]
fn without_epoch_and_comparison_the_stale_page_counts_twice() {
    let tables = Connection::open_in_memory().expect("opens");
    tables
        .execute_batch(
            "CREATE TABLE balances (cents INTEGER); INSERT INTO balances VALUES (0);
             CREATE TABLE checkpoint (position INTEGER); INSERT INTO checkpoint VALUES (0);",
        )
        .expect("tables");
    let events = [1_i64; 5];
    let read_page = || {
        let from: u32 = tables
            .query_row("SELECT position FROM checkpoint", [], |row| row.get(0))
            .expect("a checkpoint");
        events[from as usize..].to_vec()
    };
    let write_page = |page: Vec<i64>| {
        let whole = tables.unchecked_transaction().expect("begins");
        for cents in &page {
            whole
                .execute("UPDATE balances SET cents = cents + ?1", [cents])
                .expect("written");
        }
        whole
            .execute("UPDATE checkpoint SET position = 5", [])
            .expect("written");
        whole.commit().expect("committed");
    };
    let asleep = read_page();
    write_page(read_page());
    write_page(asleep);
    let cents: i64 = tables
        .query_row("SELECT cents FROM balances", [], |row| row.get(0))
        .expect("rows");
    assert_eq!(cents, 10, "this is what the epoch is for");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_runners_share_the_work_of_one() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let mut running = Vec::new();
    for _ in 0..3 {
        let read = SqliteReadDatabase::open(folder.path().join("read.db"))
            .await
            .expect("opens");
        let runner = Projections::new(store.clone(), read)
            .lease(Duration::from_millis(100))
            .page(ReadLimit::events(7))
            .with(Balances::new())
            .with(Turnover);
        running.push(runner.start().expect("started"));
    }
    let mut last = Position::START;
    for number in 0..200 {
        last = deposit(&store, &format!("a{}", number % 5), 1)
            .await
            .expect("stored");
        if number % 60 == 59 {
            // The one that works may be among those that go.
            if let Some(gone) = running.pop() {
                gone.shutdown().await;
            }
            if running.is_empty() {
                let again = Projections::new(store.clone(), read.clone())
                    .lease(Duration::from_millis(100))
                    .with(Balances::new())
                    .with(Turnover);
                running.push(again.start().expect("started"));
            }
        }
    }
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    read.wait_for::<Turnover>(last, SOON).await.expect("there");
    for one in running {
        one.shutdown().await;
    }
    let (accounts, entries) = balances(&read).await.expect("rows");
    assert_eq!(entries.len(), 200);
    assert!(accounts.iter().all(|(_, cents)| *cents == 40));
}

fn by_account(event: &RecordedEvent) -> Key<'_> {
    event.stream.id().into()
}

/// A projection out of a macro: what the derive writes must not depend on whose tokens are whose.
macro_rules! sum_of {
    ($name:ident, $stored:literal, $($event:ty),*) => {
        #[derive(Projection)]
        #[projection($stored, events($($event),*))]
        #[projection(schema(SqliteReadDatabase = concat!("CREATE TABLE {", $stored, "} (cents INTEGER)")))]
        struct $name;

        $(impl Project<$event, SqliteReadDatabase> for $name {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                let sql = concat!("INSERT INTO {", $stored, "} VALUES (?1)");
                tx.execute(sql, [event.event.cents])?;
                Ok(())
            }
        })*
    };
}

sum_of!(
    FromMacro,
    "from_macro",
    Deposited,
    es_tests::accounts::Withdrawn
);

#[tokio::test]
async fn a_projection_may_come_out_of_a_macro() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 3).await.expect("stored");
    withdraw(&store, "alice", 2).await.expect("stored");
    let runner = Projections::new(store, read.clone()).with(FromMacro);
    runner.catch_up().await.expect("caught up");
    let sum: Option<i64> = read
        .select_one("SELECT sum(cents) FROM from_macro", [], |row| row.get(0))
        .await
        .expect("rows");
    assert_eq!(sum, Some(5));
}

/// One row an account and the order in which its deposits came.
#[derive(Projection)]
#[projection("divided", events(Deposited), partitions = 4, key = by_account)]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {divided} (account TEXT, cents INTEGER)"))]
struct Divided;

impl Project<Deposited, SqliteReadDatabase> for Divided {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(
            "INSERT INTO {divided} VALUES (?1, ?2)",
            (event.stream.id(), event.event.cents),
        )?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_keep_the_order_of_each_key() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let runner = Projections::new(store.clone(), read.clone())
        .page(ReadLimit::events(9))
        .with(Divided);
    let running = runner.start().expect("started");
    let mut last = Position::START;
    for number in 0..300 {
        last = deposit(&store, &format!("a{}", number % 20), number)
            .await
            .expect("stored");
    }
    read.wait_for::<Divided>(last, SOON).await.expect("there");
    for account in 0..20 {
        let cents: Vec<i64> = read
            .select(
                "SELECT cents FROM divided WHERE account = ?1",
                [format!("a{account}")],
                |row| row.get(0),
            )
            .await
            .expect("rows");
        let expected: Vec<i64> = (0..300).filter(|n| n % 20 == account).collect();
        assert_eq!(cents, expected);
    }
    let status = runner.status().await.expect("status");
    assert_eq!(status.len(), 4);
    let handled: Vec<u64> = status.iter().map(|partition| partition.events).collect();
    assert_eq!(handled.iter().sum::<u64>(), 300);
    assert!(
        handled.iter().filter(|n| **n > 0).count() > 1,
        "{handled:?}"
    );
    running.shutdown().await;
}

static SLOW_MAY_GO: AtomicBool = AtomicBool::new(false);

/// One of its partitions takes long.
#[derive(Projection)]
#[projection("uneven", events(Deposited), partitions = 4, key = by_account)]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {uneven} (account TEXT)"))]
struct Uneven;

impl Project<Deposited, SqliteReadDatabase> for Uneven {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        if event.stream.id() == "slow" && !SLOW_MAY_GO.load(Ordering::SeqCst) {
            return Err(HandlerError::new("not yet"));
        }
        tx.execute("INSERT INTO {uneven} VALUES (?1)", [event.stream.id()])?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_answer_only_when_every_partition_has_caught_up() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    for account in ["slow", "a", "b", "c", "d", "e", "f", "g"] {
        deposit(&store, account, 1).await.expect("stored");
    }
    let runner = Projections::new(store.clone(), read.clone())
        .poll_every(Duration::from_millis(1))
        .attempts(u32::MAX, Duration::from_millis(1), Duration::from_millis(2))
        .with(Uneven);
    let running = runner.start().expect("started");
    let began = Instant::now();
    loop {
        let status = runner.status().await.expect("status");
        assert!(
            status.iter().all(|partition| !partition.live),
            "{status:#?}"
        );
        let behind = status
            .iter()
            .filter(|partition| partition.position < partition.head);
        if status.len() == 4 && behind.count() == 1 {
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    // Three partitions are at the end and look every millisecond whether it is their turn.
    for _ in 0..20 {
        let status = runner.status().await.expect("status");
        assert!(
            status.iter().all(|partition| !partition.live),
            "{status:#?}"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    SLOW_MAY_GO.store(true, Ordering::SeqCst);
    let head = store.head().await.expect("head");
    read.wait_for::<Uneven>(head, SOON).await.expect("there");
    let count: Option<i64> = read
        .select_one("SELECT count(*) FROM uneven", [], |row| row.get(0))
        .await
        .expect("rows");
    assert_eq!(count, Some(8));
    running.shutdown().await;
}

/// The second version of a read model: other tables, other rows.
mod second {
    use super::*;

    #[derive(Projection)]
    #[projection("turnover", version = 2, events(Deposited))]
    #[projection(schema(
        SqliteReadDatabase = "CREATE TABLE {turnover} (deposits INTEGER, cents INTEGER)"
    ))]
    pub(super) struct Turnover;

    impl Project<Deposited, SqliteReadDatabase> for Turnover {
        async fn project(
            &self,
            event: &Envelope<Deposited>,
            tx: &mut SqliteTransaction,
        ) -> Result<(), HandlerError> {
            let sql = "UPDATE {turnover} SET deposits = deposits + 1, cents = cents + ?1";
            if tx.execute(sql, [event.event.cents])? == 0 {
                tx.execute("INSERT INTO {turnover} VALUES (1, ?1)", [event.event.cents])?;
            }
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_built_beside_and_takes_over() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    for _ in 0..10 {
        deposit(&store, "alice", 2).await.expect("stored");
    }
    let old = Projections::new(store.clone(), read.clone()).with(Turnover);
    let running_old = old.start().expect("started");
    let head = store.head().await.expect("head");
    read.wait_for::<Turnover>(head, SOON).await.expect("there");

    let new = Projections::new(store.clone(), read.clone()).with(second::Turnover);
    let running_new = new.start().expect("started");
    let last = deposit(&store, "alice", 2).await.expect("stored");
    read.wait_for::<second::Turnover>(last, SOON)
        .await
        .expect("there");
    let row: Option<(i64, i64)> = read
        .select_one("SELECT deposits, cents FROM turnover", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .await
        .expect("rows");
    assert_eq!(row, Some((11, 22)));

    // The old program sees that it is over, and says so; it breaks nothing.
    let began = Instant::now();
    loop {
        let status = old.status().await.expect("status");
        let stopped = |s: &es_projections::Status| matches!(&s.state, WorkerState::Stopped(why) if why.contains("live in version 2"));
        if status.iter().any(stopped) {
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    let refused = old.catch_up().await;
    assert!(
        matches!(
            refused,
            Err(ProjectionError::OlderProgram {
                live: 2,
                mine: 1,
                ..
            })
        ),
        "{refused:?}"
    );
    running_old.shutdown().await;
    running_new.shutdown().await;
}

/// A later version of the event that `Turnover` knows, as a newer program would write it.
#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited", version = 2)]
struct DepositedLater {
    cents: i64,
    #[event(since = 2, default = "EUR")]
    currency: String,
}

#[derive(Projection)]
#[projection("careless", events(Deposited), on_unknown_version = skip)]
#[projection(schema(SqliteReadDatabase = "CREATE TABLE {careless} (cents INTEGER)"))]
struct Careless;

impl Project<Deposited, SqliteReadDatabase> for Careless {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute("INSERT INTO {careless} VALUES (?1)", [event.event.cents])?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_program_is_waited_for_or_skipped_as_was_said() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 1).await.expect("stored");
    let newer = DepositedLater {
        cents: 5,
        currency: "CHF".into(),
    };
    let payload = newer.to_payload(es_runtime::Codec::Json).expect("encodes");
    let stream = StreamId::new("account", "alice").expect("a name");
    let append = Append::new(stream, es_runtime::ExpectedVersion::Any)
        .with_event(es_runtime::NewEvent::json("account.deposited", 2, payload));
    store.append(append).await.expect("stored");
    deposit(&store, "bob", 2).await.expect("stored");

    let careful = Projections::new(store.clone(), read.clone())
        .attempts(2, Duration::from_millis(1), Duration::from_millis(2))
        .with(Turnover);
    let refused = careful.catch_up().await;
    assert!(
        matches!(refused, Err(ProjectionError::NewerEvent { .. })),
        "{refused:?}"
    );
    let running = careful.start().expect("started");
    let began = Instant::now();
    loop {
        let status = careful.status().await.expect("status");
        if matches!(
            status[0].state,
            WorkerState::Stalled(Stalled::NewerEvent(_))
        ) {
            assert_eq!(status[0].parked, 0, "it waits, nothing is parked");
            assert_eq!(status[0].events, 1);
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    // Seen from another process too.
    let elsewhere = Projections::new(store.clone(), read.clone()).with(Turnover);
    let began = Instant::now();
    loop {
        let status = elsewhere.status().await.expect("status");
        if matches!(&status[0].state, WorkerState::Stalled(Stalled::Elsewhere(why))
            if why.contains("version 2"))
        {
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    running.shutdown().await;

    Projections::new(store.clone(), read.clone())
        .with(Careless)
        .catch_up()
        .await
        .expect("caught up");
    let cents: Vec<i64> = read
        .select("SELECT cents FROM careless", [], |row| row.get(0))
        .await
        .expect("rows");
    assert_eq!(cents, [1, 2]);
}

#[derive(Projection)]
#[projection(
    "broken",
    events(Deposited),
    schema(SqliteReadDatabase = "CREATE TABLES {broken} (cents INTEGER)")
)]
struct Broken;

impl Project<Deposited, SqliteReadDatabase> for Broken {
    async fn project(
        &self,
        _: &Envelope<Deposited>,
        _: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_go_on_stops_alone_and_says_why() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let runner = Projections::new(store.clone(), read.clone())
        .with(Broken)
        .with(Balances::new());
    let running = runner.start().expect("started");
    let last = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    let began = Instant::now();
    loop {
        let status = runner.status().await.expect("status");
        let broken = status
            .iter()
            .find(|partition| partition.projection == "broken");
        if let Some(WorkerState::Stopped(why)) = broken.map(|partition| &partition.state) {
            assert!(
                why.contains("the tables of projection `broken`") && why.contains("syntax error"),
                "{why}"
            );
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    let last = deposit(&store, "alice", 1).await.expect("stored");
    read.wait_for::<Balances>(last, SOON).await.expect("there");
    running.shutdown().await;
}

/// A read model whose author has not come to a decision.
mod drafts {
    use super::*;

    macro_rules! draft {
        ($module:ident, $version:literal, $schema:literal) => {
            pub mod $module {
                use super::*;

                #[derive(Projection)]
                #[projection("drafts", version = $version, events(Deposited))]
                #[projection(schema(SqliteReadDatabase = $schema))]
                pub struct Drafts;

                impl Project<Deposited, SqliteReadDatabase> for Drafts {
                    async fn project(
                        &self,
                        event: &Envelope<Deposited>,
                        tx: &mut SqliteTransaction,
                    ) -> Result<(), HandlerError> {
                        tx.execute(
                            "INSERT INTO {drafts} (cents) VALUES (?1)",
                            [event.event.cents],
                        )?;
                        Ok(())
                    }
                }
            }
        };
    }

    draft!(first, 1, "CREATE TABLE {drafts} (cents INTEGER)");
    draft!(respaced, 1, "CREATE TABLE {drafts}\n    (cents INTEGER)");
    draft!(
        changed,
        1,
        "CREATE TABLE {drafts} (cents INTEGER, note TEXT)"
    );
    draft!(
        raised,
        2,
        "CREATE TABLE {drafts} (cents INTEGER, note TEXT)"
    );
}

#[tokio::test]
async fn a_schema_that_changed_without_a_new_version_is_refused() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 1).await.expect("stored");
    let runner = || Projections::new(store.clone(), read.clone()).take_over(true);
    let first = runner().with(drafts::first::Drafts);
    first.catch_up().await.expect("caught up");
    let respaced = runner().with(drafts::respaced::Drafts);
    respaced.catch_up().await.expect("it is the same");

    let changed = runner().with(drafts::changed::Drafts);
    let refused = changed.catch_up().await.expect_err("refused");
    assert!(matches!(
        refused,
        ProjectionError::SchemaChanged {
            projection: "drafts",
            version: 1
        }
    ));
    assert!(changed.rebuild("drafts").await.is_err());
    // What is there goes on for those who made it.
    deposit(&store, "alice", 2).await.expect("stored");
    first.catch_up().await.expect("caught up");
    assert_eq!(first.parked("drafts").await.expect("parked"), []);

    let raised = runner().with(drafts::raised::Drafts);
    raised.catch_up().await.expect("built anew");
    let rows: Vec<(i64, Option<String>)> = read
        .select("SELECT cents, note FROM drafts", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .await
        .expect("rows");
    assert_eq!(rows, [(1, None), (2, None)]);
}

/// A program that still has the old version reads the tables of the new one.
#[tokio::test]
async fn an_old_program_waits_for_the_build_that_answers() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let position = deposit(&store, "alice", 1).await.expect("stored");
    let runner = || Projections::new(store.clone(), read.clone()).take_over(true);
    let old = runner().with(drafts::first::Drafts);
    old.catch_up().await.expect("caught up");
    // The new program waits for its own version.
    let moment = Duration::from_millis(20);
    let early = read
        .wait_for::<drafts::raised::Drafts>(position, moment)
        .await;
    let early = early.expect_err("not live").to_string();
    assert!(
        early.contains("version 1 is live") && early.contains("version 2"),
        "{early}"
    );
    runner()
        .with(drafts::raised::Drafts)
        .catch_up()
        .await
        .expect("caught up");
    read.wait_for::<drafts::first::Drafts>(position, SOON)
        .await
        .expect("the row is there");
    let later = deposit(&store, "alice", 2).await.expect("stored");
    let late = read.wait_for::<drafts::first::Drafts>(later, moment).await;
    assert!(
        matches!(late, Err(es_projections::WaitError::TimedOut { .. })),
        "{late:?}"
    );
}

/// Mistakes in tables are said before an event is parked for them.
mod mistaken {
    use super::*;

    es_tests::reads_only!(pub Owner, "owner", "CREATE TABLE {rows} (cents INTEGER)");
    es_tests::reads_only!(pub Second, "second", "CREATE TABLE {rows} (cents INTEGER)");
    es_tests::reads_only!(pub Bare, "bare", "CREATE TABLE plain (cents INTEGER)");
    es_tests::reads_only!(pub Empty, "empty", "");
}

#[tokio::test]
async fn mistakes_in_tables_are_said_at_once() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let at = deposit(&store, "alice", 1).await.expect("stored");
    let moment = Duration::from_millis(20);
    let nobody = read.wait_for::<mistaken::Owner>(at, moment).await;
    let nobody = nobody.expect_err("nobody runs it").to_string();
    assert!(
        nobody.ends_with("check that a runner is running"),
        "{nobody}"
    );

    let runner = || Projections::new(store.clone(), read.clone());
    let owner = runner().with(mistaken::Owner);
    owner.catch_up().await.expect("caught up");
    // Also where the numbers of their builds differ.
    owner.rebuild_now("owner").await.expect("rebuilt");
    let second = runner().with(mistaken::Second).catch_up().await;
    let second = second.expect_err("refused").to_string();
    assert!(
        second.ends_with("the name `rows` belongs to projection `owner`; choose another"),
        "{second}"
    );
    let bare = runner().with(mistaken::Bare).catch_up().await;
    let bare = bare.expect_err("refused").to_string();
    assert!(
        bare.contains("as in `CREATE TABLE {orders} (..)`"),
        "{bare}"
    );
    let plain = "SELECT name FROM sqlite_schema WHERE name = 'plain'";
    let plain: Vec<String> = read
        .select(plain, [], |row| row.get(0))
        .await
        .expect("rows");
    assert!(plain.is_empty(), "it is undone");
    let empty = runner().with(mistaken::Empty);
    empty.catch_up().await.expect("tables of somebody else");
}

#[tokio::test]
async fn two_of_one_name_are_refused() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let twice = Projections::new(store, read)
        .with(Turnover)
        .with(second::Turnover);
    let refused = twice.catch_up().await;
    assert!(
        matches!(
            refused,
            Err(ProjectionError::NamedTwice {
                projection: "turnover"
            })
        ),
        "{refused:?}"
    );
    assert!(twice.start().is_err());
}

/// Any history, any size of page, interrupted anywhere: built as it came, built anew and built
/// inside the appends are the same.
#[tokio::test(flavor = "multi_thread")]
async fn as_it_came_built_anew_and_inside_the_appends_are_the_same() {
    for seed in 0..25 {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = es_tests::tiers::folder();
        let store = SqliteStore::options()
            .inline(Balances::new())
            .open(folder.path().join("events.db"))
            .await
            .expect("opens");
        let read = SqliteReadDatabase::open(folder.path().join("read.db"))
            .await
            .expect("opens");
        let runner = |random: &mut fastrand::Rng| {
            Projections::new(store.clone(), read.clone())
                .take_over(true)
                .page(ReadLimit::events(random.usize(1..8)))
                .with(Balances::new())
        };
        runner(&mut random).catch_up().await.expect("caught up");
        watch_positions(read.path()).expect("watched");
        for _ in 0..random.usize(5..60) {
            let account = format!("a{}", random.u8(..4));
            let cents = random.i64(1..100);
            if random.bool() {
                deposit(&store, &account, cents).await.expect("stored");
            } else {
                withdraw(&store, &account, cents).await.expect("stored");
            }
            if random.u8(..4) == 0 {
                let runner = runner(&mut random);
                // Dropped anywhere.
                let patience = Duration::from_micros(random.u64(1..3_000));
                let _ = tokio::time::timeout(patience, runner.catch_up()).await;
            }
        }
        runner(&mut random).catch_up().await.expect("caught up");
        let came = balances(&read).await.expect("rows");
        let inline = balances(&store.read_database()).await.expect("rows");
        assert_eq!(came, inline, "seed {seed}");
        let again = runner(&mut random);
        again.rebuild_now("balances").await.expect("rebuilt");
        assert_eq!(balances(&read).await.expect("rows"), came, "seed {seed}");
        let status = again.status().await.expect("status");
        assert_eq!(status.len(), 1, "seed {seed}");
        assert_eq!(status[0].build, 2);
        assert_eq!(went_back(read.path()).expect("watched"), 0, "seed {seed}");
    }
}

/// A rebuild ends while another program catches up. The new tables had not all events that this one was to catch up with.
#[tokio::test(flavor = "multi_thread")]
async fn catching_up_goes_on_in_tables_that_are_replaced_meanwhile() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    let runner = |store: PausingStore<SqliteStore>| {
        let runner = Projections::new(store, read.clone());
        runner.with(Balances::new())
    };
    deposit(&store, "alice", 1).await.expect("stored");
    let plain = Projections::new(store.clone(), read.clone()).with(Balances::new());
    plain.catch_up().await.expect("caught up");

    let (pausing, resume) = PausingStore::until_resumed(store.clone());
    let rebuilding = runner(pausing);
    let rebuilt = as_a_process(async move { rebuilding.rebuild_now("balances").await.map(drop) });
    resume.is_paused().await;
    // The rebuild does not wait for this one.
    deposit(&store, "alice", 1).await.expect("stored");
    let rebuilt = Arc::new(tokio::sync::Mutex::new(Some(rebuilt)));
    let catching_up = runner(PausingStore::new(store.clone(), move || {
        let (rebuilt, resume) = (Arc::clone(&rebuilt), resume.clone());
        Box::pin(async move {
            if let Some(rebuilt) = rebuilt.lock().await.take() {
                resume.resume();
                rebuilt.await.expect("ends").expect("rebuilt");
            }
        })
    }));
    catching_up.catch_up().await.expect("caught up");
    let found = balances(&read).await.expect("rows");
    assert_eq!(found.1.len(), 2, "{found:?}");
}

/// A newer program drops an unfinished rebuild and goes live.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_a_newer_program_drops_is_not_done() {
    let folder = es_tests::tiers::folder();
    let (store, read) = open(folder.path()).await;
    deposit(&store, "alice", 1).await.expect("stored");
    let plain = Projections::new(store.clone(), read.clone()).with(Turnover);
    plain.catch_up().await.expect("caught up");

    let (pausing, resume) = PausingStore::until_resumed(store.clone());
    let rebuilding = Projections::new(pausing, read.clone()).with(Turnover);
    let rebuilt = as_a_process(async move { rebuilding.rebuild_now("turnover").await });
    resume.is_paused().await;
    let newer = Projections::new(store.clone(), read.clone()).with(second::Turnover);
    newer.catch_up().await.expect("caught up");
    resume.resume();
    let refused = rebuilt.await.expect("ends").expect_err("it is not built");
    assert!(
        matches!(
            refused,
            ProjectionError::OlderProgram {
                live: 2,
                mine: 1,
                ..
            }
        ),
        "{refused}"
    );
}
