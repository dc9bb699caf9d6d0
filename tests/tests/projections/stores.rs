//! Several stores with one database of read models.

use es_postgres::{PostgresReadDatabase, PostgresStore};
use es_projections::{ProjectionError, Projections};
use es_runtime::EventStore;
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_testkit::postgres::Database;
use es_tests::accounts::{Balances, balances, deposit, postgres_balances};

async fn tenant(database: &Database<'_>, name: &str) -> (PostgresStore, PostgresReadDatabase) {
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options
        .schema(name)
        .expect("a name")
        .open()
        .await
        .expect("opens");
    let read = store.read_database();
    (store, read)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn stores_in_schemas_of_their_own_share_no_read_models() {
    let database = es_tests::server::database();
    let (first, first_read) = tenant(&database, "tenant_a").await;
    let (second, second_read) = tenant(&database, "tenant_b").await;
    let usual = PostgresStore::open(&database.url()).await.expect("opens");
    let usual_read = usual.read_database();
    deposit(&first, "ann", 1).await.expect("stored");
    for account in ["bob", "bob", "cid"] {
        deposit(&second, account, 2).await.expect("stored");
    }
    deposit(&usual, "dan", 4).await.expect("stored");
    let runner = |store: &PostgresStore, read: &PostgresReadDatabase| {
        Projections::new(store.clone(), read.clone()).with(Balances::new())
    };
    for _ in 0..2 {
        for (store, read) in [
            (&first, &first_read),
            (&second, &second_read),
            (&usual, &usual_read),
        ] {
            runner(store, read).catch_up().await.expect("caught up");
        }
        let of = async |read| postgres_balances(read).await.expect("rows").0;
        assert_eq!(of(&first_read).await, [("ann".into(), 1)]);
        assert_eq!(
            of(&second_read).await,
            [("bob".into(), 4), ("cid".into(), 2)]
        );
        assert_eq!(of(&usual_read).await, [("dan".into(), 4)]);
        runner(&second, &second_read)
            .rebuild_now("balances")
            .await
            .expect("rebuilt");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn inline_projections_of_two_stores_share_no_tables() {
    let database = es_tests::server::database();
    let inline = async |name: &str| {
        let options = PostgresStore::options(&database.url()).expect("a url");
        let options = options
            .schema(name)
            .expect("a name")
            .inline(Balances::new());
        options.open().await.expect("opens")
    };
    let first = inline("tenant_a").await;
    let second = inline("tenant_b").await;
    deposit(&first, "ann", 1).await.expect("stored");
    deposit(&second, "bob", 2).await.expect("stored");
    deposit(&first, "ann", 3).await.expect("stored");
    let of = async |store: &PostgresStore| {
        postgres_balances(&store.read_database())
            .await
            .expect("rows")
            .0
    };
    assert_eq!(of(&first).await, [("ann".into(), 4)]);
    assert_eq!(of(&second).await, [("bob".into(), 2)]);
    // Said so: they are refused, not mixed.
    let options = PostgresStore::options(&database.url()).expect("a url");
    let options = options.schema("tenant_c").expect("a name");
    let options = options.read_schema("tenant_a_read").expect("a name");
    let refused = options
        .inline(Balances::new())
        .open()
        .await
        .expect_err("refused");
    assert!(refused.to_string().contains("another store"), "{refused}");
    assert_eq!(of(&first).await, [("ann".into(), 4)]);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_script_of_an_operator_makes_the_schema_of_read_models() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let options = options.schema("tenant_a").expect("a name").migrate(false);
    for _ in 0..2 {
        database.query(&options.migration_script()).expect("it ran");
    }
    let store = options.inline(Balances::new()).open().await.expect("opens");
    deposit(&store, "ann", 1).await.expect("stored");
    let rows = "SELECT account FROM tenant_a_read.balances";
    assert_eq!(database.query(rows).expect("rows").trim(), "ann");
}

/// Another store is refused whatever its position is, and no advice replaces the rows of the first.
#[tokio::test]
async fn a_read_database_belongs_to_one_store() {
    let folder = es_tests::tiers::folder();
    let open = async |name: &str| {
        let path = folder.path().join(name);
        SqliteStore::open(path).await.expect("opens")
    };
    let (first, second) = (open("a.db").await, open("b.db").await);
    let read = SqliteReadDatabase::open(folder.path().join("read.db"))
        .await
        .expect("opens");
    let runner = |store: &SqliteStore| {
        Projections::new(store.clone(), read.clone())
            .take_over(true)
            .with(Balances::new())
    };
    deposit(&first, "ann", 1).await.expect("stored");
    runner(&first).catch_up().await.expect("caught up");
    for _ in 0..3 {
        // Empty, as long as the first one, and longer.
        let other = runner(&second);
        for refused in [
            other.catch_up().await,
            other.rebuild("balances").await.map(drop),
            other.rebuild_now("balances").await.map(drop),
        ] {
            let refused = refused.expect_err("refused");
            assert!(
                matches!(refused, ProjectionError::OtherStore { .. }),
                "{refused:?}"
            );
            let text = refused.to_string();
            assert!(
                text.contains("another store") && !text.contains("rebuild"),
                "{text}"
            );
        }
        assert_eq!(balances(&read).await.expect("rows").0, [("ann".into(), 1)]);
        deposit(&second, "bob", 5).await.expect("stored");
    }
    let head = first.head().await.expect("the end");
    let status = runner(&first).status().await.expect("status");
    assert_eq!(
        status
            .iter()
            .map(|one| (one.build, one.position))
            .collect::<Vec<_>>(),
        [(1, head)]
    );
    deposit(&first, "ann", 1).await.expect("stored");
    runner(&first)
        .rebuild_now("balances")
        .await
        .expect("its own store may");
    assert_eq!(balances(&read).await.expect("rows").0, [("ann".into(), 2)]);
}
