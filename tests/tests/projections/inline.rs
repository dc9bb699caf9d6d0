//! Projections inside the appends of their store.

use crate::places::Place;
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection, ProjectionError,
    Projections, values,
};
use es_runtime::{
    AnyStore, Append, AppendError, Envelope, Event, EventStore, ExpectedVersion, NewEvent, Outcome,
    StorageError, StreamId,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
use es_tests::accounts::{Balances, Deposited, Turnover, balances, deposit, withdraw};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const SOON: Duration = Duration::from_secs(120);

on_both!(
    a_rule_is_introduced_while_a_program_without_it_appends,
    what_is_parked_can_be_seen_skipped_and_rebuilt,
    a_rebuild_goes_live_while_appends_go_on,
    a_key_that_is_broken_at_the_commit_costs_its_append_alone,
    an_old_program_goes_on_without_a_newer_version,
    a_raised_version_may_run_in_a_runner,
    an_event_of_a_newer_program_is_left_to_one_that_can_read_it,
);

async fn inline(path: &Path) -> SqliteStore {
    SqliteStore::options()
        .inline(Balances::new())
        .open(path)
        .await
        .expect("opens")
}

#[tokio::test]
async fn rows_are_there_with_the_append() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("all.db");
    let store = inline(&path).await;
    let read = store.read_database();
    for number in 1..=10 {
        deposit(&store, "alice", 1).await.expect("stored");
        let (accounts, entries) = balances(&read).await.expect("rows");
        assert_eq!(accounts, [("alice".into(), number)]);
        assert_eq!(entries.last(), Some(&("alice".into(), number, 1)));
    }
    // Several events of one append, and many appends in one transaction.
    let stream = StreamId::new("account", "bob").expect("a name");
    let five = (1..=5).map(|_| NewEvent::json("account.deposited", 1, r#"{"cents":2}"#));
    let append = Append::new(stream, ExpectedVersion::NoStream).with_events(five);
    store.append(append).await.expect("stored");
    let many: Vec<_> = (0..100)
        .map(|number| {
            let store = store.clone();
            es_tests::spawn(async move { deposit(&store, &format!("c{}", number % 9), 1).await })
        })
        .collect();
    for one in many {
        one.await.expect("ran").expect("stored");
    }
    let (accounts, entries) = balances(&read).await.expect("rows");
    assert_eq!(entries.len(), 115);
    assert!(accounts.contains(&("bob".into(), 10)));
    // A repetition of a request is not counted again.
    let stream = StreamId::new("account", "dora").expect("a name");
    for _ in 0..2 {
        let append = Append::new(stream.clone(), ExpectedVersion::Any)
            .with_event(NewEvent::json("account.deposited", 1, r#"{"cents":2}"#))
            .with_append_id(es_runtime::AppendId::new("once").expect("an id"));
        store.append(append).await.expect("stored");
    }
    let (accounts, _) = balances(&read).await.expect("rows");
    assert!(accounts.contains(&("dora".into(), 2)));
}

#[tokio::test]
async fn an_append_that_the_projection_refuses_leaves_nothing() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::options()
        .inline(Balances::hooked(|place, stream, version| {
            if place == "between" && stream.id() == "bad" {
                return Err(HandlerError::new(format!("no version {version} here")));
            }
            if stream.id() == "typed" {
                return Err(std::fmt::Error.into());
            }
            assert!(stream.id() != "worse", "on purpose");
            Ok(())
        }))
        .open(folder.path().join("all.db"))
        .await
        .expect("opens");
    deposit(&store, "good", 1).await.expect("stored");
    for account in ["bad", "worse"] {
        let refused = deposit(&store, account, 1).await.expect_err("refused");
        assert_eq!(refused.outcome(), Outcome::NotApplied);
        let AppendError::Projection {
            projection, error, ..
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(projection, "balances");
        let said = if account == "bad" {
            "no version 1 here"
        } else {
            "panicked"
        };
        assert!(error.to_string().contains(said), "{error}");
    }
    // The handler's own error is the source.
    let refused = deposit(&store, "typed", 1).await.expect_err("refused");
    let source = std::error::Error::source(&refused);
    assert!(source.is_some_and(|source| source.is::<std::fmt::Error>()));
    // Good and bad ones in one transaction: each gets its own verdict.
    let many: Vec<_> = (0..40)
        .map(|number| {
            let store = store.clone();
            let account = if number % 2 == 0 { "good" } else { "bad" };
            es_tests::spawn(async move { deposit(&store, account, 1).await.is_ok() })
        })
        .collect();
    let mut stored = 0;
    for one in many {
        stored += usize::from(one.await.expect("ran"));
    }
    assert_eq!(stored, 20);
    let (accounts, entries) = balances(&store.read_database()).await.expect("rows");
    assert_eq!(accounts, [("good".into(), 21)]);
    assert_eq!(entries.len(), 21);
    let head = store.head().await.expect("head");
    assert_eq!(head.to_string(), "21", "positions stay dense");
}

#[tokio::test]
async fn what_was_appended_without_it_is_caught_up() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("all.db");
    let without = SqliteStore::open(&path).await.expect("opens");
    for _ in 0..1_200 {
        deposit(&without, "alice", 1).await.expect("stored");
    }
    // When it is opened,
    let store = inline(&path).await;
    let read = store.read_database();
    assert_eq!(
        balances(&read).await.expect("rows").0,
        [("alice".into(), 1_200)]
    );
    // and with the next append behind one of a process without it.
    withdraw(&without, "alice", 200).await.expect("stored");
    deposit(&store, "alice", 5).await.expect("stored");
    let (accounts, entries) = balances(&read).await.expect("rows");
    assert_eq!(accounts, [("alice".into(), 1_005)]);
    assert_eq!(entries.len(), 1_202);
    // Two processes with it do not count for each other.
    let other = inline(&path).await;
    for _ in 0..10 {
        deposit(&other, "alice", 1).await.expect("stored");
        deposit(&store, "alice", 1).await.expect("stored");
    }
    assert_eq!(
        balances(&read).await.expect("rows").0,
        [("alice".into(), 1_025)]
    );
    // A runner leaves it alone.
    let runner = Projections::new(store.clone(), read).with(Balances::new());
    let refused = runner.catch_up().await;
    assert!(
        matches!(refused, Err(ProjectionError::RunsInline { .. })),
        "{refused:?}"
    );
    // Others run next to it.
    let others = Projections::new(store.clone(), store.read_database()).with(Turnover);
    others.catch_up().await.expect("caught up");
}

#[tokio::test]
async fn a_poison_in_the_past_is_parked() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("all.db");
    let without = SqliteStore::open(&path).await.expect("opens");
    for account in ["bad", "good", "worse", "bad", "good"] {
        deposit(&without, account, 1).await.expect("stored");
    }
    let broken = || {
        Balances::hooked(|place, stream, _| {
            assert!(stream.id() != "worse", "on purpose");
            if stream.id() == "bad" && place == "between" {
                return Err(HandlerError::new("never"));
            }
            Ok(())
        })
    };
    let open = SqliteStore::options().inline(broken()).open(&path);
    let store = open.await.expect("opens");
    let read = store.read_database();
    let operator = Projections::new(store.clone(), read.clone()).with(Balances::new());
    let parked = operator.parked("balances").await.expect("parked");
    let seen: Vec<_> = parked
        .iter()
        .map(|one| (&*one.key, one.event.version, &*one.event.reason))
        .collect();
    let expected = [
        ("account/bad", 1, "never"),
        ("account/worse", 1, "it panicked"),
        ("account/bad", 2, "an earlier event of its key is parked"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(balances(&read).await.expect("rows").0, [("good".into(), 2)]);
    // A better handler takes them.
    for (key, handled) in [("account/bad", 2), ("account/worse", 1)] {
        let retried = operator.retry("balances", key).await.expect("tried");
        assert_eq!((retried.handled, retried.failed), (handled, None));
    }
    store.close().await;
    let store = inline(&path).await;
    deposit(&store, "bad", 1).await.expect("stored");
    let (accounts, entries) = balances(&store.read_database()).await.expect("rows");
    let expected = [("bad".into(), 3), ("good".into(), 2), ("worse".into(), 1)];
    assert_eq!(accounts, expected);
    assert_eq!(entries.len(), 6);
}

/// Ends the transaction of one account's events, as only SQLite lets it.
#[derive(Projection, Clone, Copy)]
#[projection("enders", version = 1, events(Deposited))]
#[projection(schema(
    SqliteReadDatabase = "CREATE TABLE {enders} (account TEXT, number INTEGER UNIQUE)"
))]
struct Enders;

impl Project<Deposited, SqliteReadDatabase> for Enders {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let account = deposited.stream.id();
        let number = if account == "bad" { Some(1) } else { None };
        for _ in 0..2 {
            let insert = "INSERT OR ROLLBACK INTO {enders} VALUES (?1, ?2)";
            tx.execute(insert, (account, number))?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_stored_event_that_ends_the_transaction_is_parked() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("all.db");
    let without = SqliteStore::open(&path).await.expect("opens");
    for account in ["good", "bad", "good"] {
        deposit(&without, account, 1).await.expect("stored");
    }
    let open = SqliteStore::options().inline(Enders).open(&path);
    let store = open.await.expect("opens");
    deposit(&without, "bad", 1).await.expect("stored");
    deposit(&without, "worse", 1).await.expect("stored");
    deposit(&store, "good", 1).await.expect("stored");
    let read = store.read_database();
    let operator = Projections::new(store, read.clone()).with(Enders);
    let parked = operator.parked("enders").await.expect("parked");
    let seen: Vec<_> = parked
        .iter()
        .map(|one| (&*one.key, one.event.version))
        .collect();
    assert_eq!(seen, [("account/bad", 1), ("account/bad", 2)]);
    let count = "SELECT count(*) FROM enders";
    let rows: Vec<i64> = read
        .select(count, [], |row| row.get(0))
        .await
        .expect("rows");
    assert_eq!(rows, [8]);
}

/// A rule: no two deposits are of the same amount.
macro_rules! claims {
    ($name:ident, $version:literal, $event:ty) => {
        #[derive(Projection, Clone, Copy)]
        #[projection("claims", version = $version, events($event))]
        #[projection(schema = "CREATE TABLE {claims} (cents BIGINT PRIMARY KEY, account TEXT)")]
        struct $name;

        impl Project<$event> for $name {
            async fn project(
                &self,
                deposited: &Envelope<$event>,
                tx: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                let row = values![deposited.event.cents, deposited.stream.id()];
                tx.run("INSERT INTO {claims} VALUES ($1, $2)", row).await?;
                Ok(())
            }
        }
    };
}

claims!(Claims, 1, Deposited);
claims!(ClaimsRaised, 2, Deposited);
claims!(ClaimsOfLater, 1, DepositedLater);

/// A later version of the event that `Claims` knows, as a newer program would write it.
#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited", version = 2)]
struct DepositedLater {
    cents: i64,
    #[event(since = 2, default = "EUR")]
    currency: String,
}

type Opened = Result<(AnyStore, AnyReadDatabase), StorageError>;

async fn with_claims(place: &Place) -> Opened {
    opened_with!(place, Claims)
}

async fn claims(read: &AnyReadDatabase) -> Vec<(i64, String)> {
    let sql = "SELECT cents, account FROM claims ORDER BY cents";
    let rows = read.select(sql, &[]).await.expect("rows");
    let row = |row: &es_projections::SqlRow| {
        let account = row.get(1).expect("a text");
        (row.get(0).expect("a number"), account)
    };
    rows.iter().map(row).collect()
}

/// The reason of an append that the projection rejected.
async fn rejected(store: &AnyStore, account: &str, cents: i64) -> String {
    let rejected = deposit(store, account, cents).await.expect_err("rejected");
    assert_eq!(rejected.outcome(), Outcome::NotApplied);
    let AppendError::Projection {
        stream,
        projection,
        error,
    } = &rejected
    else {
        panic!("{rejected:?}");
    };
    assert_eq!((*projection, stream.id()), ("claims", account));
    error.to_string()
}

async fn a_rule_is_introduced_while_a_program_without_it_appends(place: &Place) {
    let without = &place.store;
    for (account, cents) in [("ann", 1), ("bob", 1), ("cid", 2)] {
        deposit(without, account, cents).await.expect("stored");
    }
    let (ruled, read) = with_claims(place).await.expect("opens");
    let expected = [(1, "ann".into()), (2, "cid".into())];
    assert_eq!(claims(&read).await, expected);
    deposit(&ruled, "dan", 3).await.expect("stored");
    rejected(&ruled, "eve", 3).await;
    // The old program breaks the rule while both run.
    deposit(without, "fay", 3).await.expect("stored");
    deposit(without, "gus", 4).await.expect("stored");
    // Neither other accounts nor other aggregates have to do with it, nor does opening.
    deposit(&ruled, "hal", 5).await.expect("stored");
    withdraw(&ruled, "other", 1).await.expect("stored");
    let (again, _) = with_claims(place).await.expect("opens");
    deposit(&again, "ida", 6).await.expect("stored");
    // Its own appends are rejected, with the reason.
    let why = rejected(&ruled, "fay", 7).await;
    for says in ["account/fay", "version 1", "position 5", "retry", "discard"] {
        assert!(why.contains(says), "{why}");
    }
    let amounts: Vec<_> = claims(&read)
        .await
        .into_iter()
        .map(|(cents, _)| cents)
        .collect();
    assert_eq!(amounts, [1, 2, 3, 4, 5, 6]);
    // And it is removed while both run.
    ruled.close().await;
    deposit(without, "fay", 7).await.expect("stored");
    deposit(&again, "jon", 8).await.expect("stored");
    again.close().await;
    deposit(without, "jon", 8).await.expect("stored");
}

async fn what_is_parked_can_be_seen_skipped_and_rebuilt(place: &Place) {
    let (ruled, read) = with_claims(place).await.expect("opens");
    for (account, cents) in [("ann", 1), ("bob", 1), ("bob", 2), ("cid", 3)] {
        deposit(&place.store, account, cents).await.expect("stored");
    }
    deposit(&ruled, "dan", 4).await.expect("stored");
    let operator = Projections::new(ruled.clone(), read.clone()).with(Claims);
    let parked = operator.parked("claims").await.expect("parked");
    let seen: Vec<_> = parked
        .iter()
        .map(|one| (&*one.key, one.event.version))
        .collect();
    assert_eq!(seen, [("account/bob", 1), ("account/bob", 2)]);
    let status = operator.status().await.expect("status");
    assert_eq!((status[0].parked, status[0].parked_keys), (2, 1));
    // A rebuild has the same result, and the next append goes on with it.
    operator.rebuild_now("claims").await.expect("rebuilt");
    deposit(&ruled, "eve", 5).await.expect("stored");
    rejected(&ruled, "fay", 5).await;
    rejected(&ruled, "bob", 6).await;
    let status = operator.status().await.expect("status");
    assert_eq!((status.len(), status[0].build, status[0].parked), (1, 2, 2));
    // Skipped.
    let gone = operator
        .discard("claims", "account/bob", "it was a test")
        .await;
    assert_eq!(
        gone.expect("discarded").map(|one| one.event.version),
        Some(1)
    );
    let retried = operator
        .retry("claims", "account/bob")
        .await
        .expect("tried");
    assert_eq!((retried.handled, retried.failed), (1, None));
    deposit(&ruled, "bob", 6).await.expect("stored");
    let amounts: Vec<_> = claims(&read)
        .await
        .into_iter()
        .map(|(cents, _)| cents)
        .collect();
    assert_eq!(amounts, [1, 2, 3, 4, 5, 6]);
}

/// Appends that never stop do not keep a rebuild from going live.
async fn a_rebuild_goes_live_while_appends_go_on(place: &Place) {
    let (ruled, read) = with_claims(place).await.expect("opens");
    let go_on = Arc::new(AtomicBool::new(true));
    let load: Vec<_> = (0..2_i64)
        .map(|number| {
            let (store, go_on) = (ruled.clone(), Arc::clone(&go_on));
            es_tests::spawn(async move {
                let mut cents = number;
                while go_on.load(Ordering::Relaxed) {
                    deposit(&store, &format!("a{number}"), cents)
                        .await
                        .expect("stored");
                    cents += 2;
                }
                cents / 2
            })
        })
        .collect();
    let operator = Projections::new(ruled.clone(), read.clone()).with(Claims);
    let rebuilding = async {
        while ruled.head().await.expect("the end").to_string().len() < 2 {
            tokio::task::yield_now().await;
        }
        for build in 2..=3 {
            operator.rebuild_now("claims").await.expect("rebuilt");
            loop {
                let status = operator.status().await.expect("status");
                if status.len() == 1 && status[0].live && status[0].build == build {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let rebuilt = tokio::time::timeout(SOON, rebuilding).await;
    go_on.store(false, Ordering::Relaxed);
    let mut appended = 0;
    for one in load {
        appended += one.await.expect("ran");
    }
    rebuilt.expect("in time");
    let rows = claims(&read).await;
    assert_eq!(i64::try_from(rows.len()).expect("a number"), appended);
    assert_eq!(operator.status().await.expect("status")[0].parked, 0);
}

async fn an_old_program_goes_on_without_a_newer_version(place: &Place) {
    let (old, _) = with_claims(place).await.expect("opens");
    deposit(&old, "ann", 1).await.expect("stored");
    let (new, read) = opened_with!(place, ClaimsRaised).expect("opens");
    // The old program is one without the rule from now on, until it ends.
    for (account, cents) in [("bob", 2), ("cid", 1)] {
        deposit(&old, account, cents).await.expect("stored");
    }
    deposit(&new, "dan", 3).await.expect("stored");
    let amounts: Vec<_> = claims(&read)
        .await
        .into_iter()
        .map(|(cents, _)| cents)
        .collect();
    assert_eq!(amounts, [1, 2, 3]);
    let operator = Projections::new(new.clone(), read).with(ClaimsRaised);
    let parked = operator.parked("claims").await.expect("parked");
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].key, "account/cid");
    // It cannot be opened again: it could not keep the tables.
    let refused = with_claims(place).await.expect_err("refused").to_string();
    assert!(
        refused.contains("version 2") && refused.contains("version 1"),
        "{refused}"
    );
}

async fn a_raised_version_may_run_in_a_runner(place: &Place) {
    let (inline, read) = with_claims(place).await.expect("opens");
    deposit(&inline, "ann", 1).await.expect("stored");
    let same = Projections::new(place.store.clone(), read.clone()).with(Claims);
    let refused = same.catch_up().await.expect_err("refused").to_string();
    assert!(refused.contains("raise its version"), "{refused}");
    let raised = Projections::new(place.store.clone(), read.clone()).with(ClaimsRaised);
    raised.catch_up().await.expect("caught up");
    // The old program appends without it.
    deposit(&inline, "bob", 2).await.expect("stored");
    deposit(&inline, "cid", 2).await.expect("stored");
    assert_eq!(claims(&read).await, [(1, "ann".into())]);
    raised.catch_up().await.expect("caught up");
    let expected = [(1, "ann".into()), (2, "bob".into())];
    assert_eq!(claims(&read).await, expected);
    let status = raised.status().await.expect("status");
    assert_eq!(
        (status.len(), status[0].version, status[0].parked),
        (1, 2, 1)
    );
}

async fn an_event_of_a_newer_program_is_left_to_one_that_can_read_it(place: &Place) {
    let (old, read) = with_claims(place).await.expect("opens");
    deposit(&old, "ann", 1).await.expect("stored");
    let newer = NewEvent::json("account.deposited", 2, r#"{"cents":2,"currency":"CHF"}"#);
    let stream = StreamId::new("account", "bob").expect("a name");
    let append = Append::new(stream, ExpectedVersion::NoStream).with_event(newer);
    place.store.append(append).await.expect("stored");
    for (account, cents) in [("cid", 3), ("dan", 1)] {
        deposit(&old, account, cents).await.expect("stored");
    }
    with_claims(place).await.expect("it can be opened");
    assert_eq!(claims(&read).await, [(1, "ann".into())]);
    let operator = Projections::new(old.clone(), read.clone()).with(Claims);
    let status = operator.status().await.expect("status");
    assert_eq!(
        (status[0].position.to_string(), status[0].parked),
        ("1".into(), 0)
    );
    assert!(
        status[0].state.to_string().contains("newer program"),
        "{status:?}"
    );
    // One that reads it goes on where the other stopped.
    let (new, _) = opened_with!(place, ClaimsOfLater).expect("opens");
    deposit(&new, "eve", 5).await.expect("stored");
    let amounts: Vec<_> = claims(&read)
        .await
        .into_iter()
        .map(|(cents, _)| cents)
        .collect();
    assert_eq!(amounts, [1, 2, 3, 5]);
    let parked = operator.parked("claims").await.expect("parked");
    assert_eq!(
        parked.iter().map(|one| &*one.key).collect::<Vec<_>>(),
        ["account/dan"]
    );
}

/// Each payment has a customer, at the commit. Large ones have none.
#[derive(Projection, Clone, Copy)]
#[projection("payments", version = 1, events(Deposited))]
#[projection(schema = "
    CREATE TABLE {customers} (id TEXT PRIMARY KEY);
    CREATE TABLE {payments} (
        cents BIGINT NOT NULL,
        customer TEXT REFERENCES {customers} (id) DEFERRABLE INITIALLY DEFERRED
    );
")]
struct Payments;

impl Project<Deposited> for Payments {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let (id, cents) = (deposited.stream.id(), deposited.event.cents);
        tx.run("INSERT INTO {payments} VALUES ($1, $2)", values![cents, id])
            .await?;
        if cents < 100 {
            let insert = "INSERT INTO {customers} VALUES ($1) ON CONFLICT DO NOTHING";
            tx.run(insert, values![id]).await?;
        }
        Ok(())
    }
}

async fn a_key_that_is_broken_at_the_commit_costs_its_append_alone(place: &Place) {
    for (account, cents) in [("ann", 1), ("bob", 100), ("cid", 2)] {
        deposit(&place.store, account, cents).await.expect("stored");
    }
    let (inline, read) = opened_with!(place, Payments).expect("opens");
    deposit(&place.store, "dan", 200).await.expect("stored");
    deposit(&place.store, "eve", 3).await.expect("stored");
    let many: Vec<_> = (0..20)
        .map(|number| {
            let store = inline.clone();
            let cents = if number % 2 == 0 { 5 } else { 500 };
            es_tests::spawn(async move {
                deposit(&store, &format!("many{number}"), cents)
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut stored = 0;
    for one in many {
        stored += usize::from(one.await.expect("ran"));
    }
    assert_eq!(stored, 10);
    let operator = Projections::new(inline.clone(), read.clone()).with(Payments);
    let parked = operator.parked("payments").await.expect("parked");
    let seen: Vec<_> = parked.iter().map(|one| &*one.key).collect();
    assert_eq!(seen, ["account/bob", "account/dan"]);
    let rows = read
        .select("SELECT 1 FROM payments", &[])
        .await
        .expect("rows");
    assert_eq!(rows.len(), 13);
    let retried = operator
        .retry("payments", "account/bob")
        .await
        .expect("tried");
    assert!(retried.failed.is_some());
}
