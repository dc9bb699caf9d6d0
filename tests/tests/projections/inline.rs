//! Projections inside the appends of their store.

use es_projections::{HandlerError, ProjectionError, Projections};
use es_runtime::{Append, AppendError, EventStore, ExpectedVersion, NewEvent, Outcome, StreamId};
use es_sqlite::SqliteStore;
use es_tests::accounts::{Balances, Turnover, balances, deposit, withdraw};
use std::path::Path;

async fn inline(path: &Path) -> SqliteStore {
    SqliteStore::options()
        .inline(Balances::new())
        .open(path)
        .await
        .expect("opens")
}

#[tokio::test]
async fn rows_are_there_with_the_append() {
    let folder = tempfile::tempdir().expect("a folder");
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
            tokio::spawn(async move { deposit(&store, &format!("c{}", number % 9), 1).await })
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
    let folder = tempfile::tempdir().expect("a folder");
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
            tokio::spawn(async move { deposit(&store, account, 1).await.is_ok() })
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
    let folder = tempfile::tempdir().expect("a folder");
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
    // Others run beside it.
    let others = Projections::new(store.clone(), store.read_database()).with(Turnover);
    others.catch_up().await.expect("caught up");
}

#[tokio::test]
async fn a_poison_in_the_past_keeps_the_store_from_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("all.db");
    let without = SqliteStore::open(&path).await.expect("opens");
    deposit(&without, "bad", 1).await.expect("stored");
    let broken = || Balances::hooked(|_, _, _| Err(HandlerError::new("never")));
    let refused = SqliteStore::options().inline(broken()).open(&path).await;
    let text = refused.expect_err("refused").to_string();
    assert!(
        text.contains("all.db") && text.contains("projection `balances`") && text.contains("never"),
        "{text}"
    );
    // Nothing is left of the attempt.
    let store = inline(&path).await;
    assert_eq!(
        balances(&store.read_database())
            .await
            .expect("rows")
            .1
            .len(),
        1
    );
}
