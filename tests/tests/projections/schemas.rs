//! What a schema may hold beyond plain tables: keys, views, triggers, virtual tables.

use crate::places::Place;
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::{Envelope, EventStore};
use es_tests::accounts::{Deposited, deposit};

on_both!(
    keys_between_tables_do_not_hold_up_builds,
    a_key_that_is_broken_at_the_commit_parks_its_event_alone,
    views_and_generated_columns_go_with_their_build,
    what_would_fail_at_the_next_build_is_refused_at_the_first,
);

/// A read model whose handler runs the statements with the account, its version and the cents.
macro_rules! read_model {
    ($name:ident, $stored:literal, $version:literal, $schema:expr, [$($sql:expr),* $(,)?]) => {
        #[derive(Projection, Clone, Copy)]
        #[projection($stored, version = $version, events(Deposited), schema = $schema)]
        struct $name;

        impl Project<Deposited> for $name {
            async fn project(
                &self,
                deposited: &Envelope<Deposited>,
                tx: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                let id = deposited.stream.id();
                let version = i64::try_from(deposited.version)?;
                let cents = deposited.event.cents;
                let _ = (id, version, cents, &tx);
                $(tx.run($sql, values![id, version, cents]).await?;)*
                Ok(())
            }
        }
    };
}

/// Two tables that refer to each other, and one that refers to itself.
const KEYS: &str = "
    CREATE TABLE {accounts} (
        id TEXT PRIMARY KEY,
        newest BIGINT REFERENCES {contacts} (number) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE {contacts} (
        number BIGINT PRIMARY KEY,
        account TEXT NOT NULL REFERENCES {accounts} (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE {nodes} (
        id BIGINT PRIMARY KEY,
        parent BIGINT REFERENCES {nodes} (id) ON DELETE RESTRICT,
        account TEXT NOT NULL REFERENCES {accounts} (id)
    );
";
/// PostgreSQL wants a table to be there before another refers to it.
const KEYS_LATER: &str = "
    CREATE TABLE {accounts} (id TEXT PRIMARY KEY, newest BIGINT);
    CREATE TABLE {contacts} (
        number BIGINT PRIMARY KEY,
        account TEXT NOT NULL REFERENCES {accounts} (id) DEFERRABLE INITIALLY DEFERRED
    );
    ALTER TABLE {accounts} ADD FOREIGN KEY (newest)
        REFERENCES {contacts} (number) DEFERRABLE INITIALLY DEFERRED;
    CREATE TABLE {nodes} (
        id BIGINT PRIMARY KEY,
        parent BIGINT REFERENCES {nodes} (id) ON DELETE RESTRICT,
        account TEXT NOT NULL REFERENCES {accounts} (id)
    );
";

macro_rules! keys {
    ($name:ident, $version:literal) => {
        #[derive(Projection, Clone, Copy)]
        #[projection("keys", version = $version, events(Deposited))]
        #[projection(schema(sqlite = KEYS, postgres = KEYS_LATER))]
        struct $name;

        impl Project<Deposited> for $name {
            async fn project(
                &self,
                deposited: &Envelope<Deposited>,
                tx: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                let id = deposited.stream.id();
                let (version, cents) = (deposited.version, deposited.event.cents);
                tx.run("INSERT INTO {contacts} VALUES ($1, $2)", values![cents, id])
                    .await?;
                let upsert = "INSERT INTO {accounts} VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
                              SET newest = excluded.newest";
                tx.run(upsert, values![id, cents]).await?;
                if version == 1 {
                    let parent = (cents > 1).then_some(1_i64);
                    let insert = "INSERT INTO {nodes} VALUES ($1, $2, $3)";
                    tx.run(insert, values![cents, parent, id]).await?;
                }
                Ok(())
            }
        }
    };
}

keys!(Keys, 1);
keys!(KeysLater, 2);

async fn count(place: &Place, table: &str) -> i64 {
    let row = place
        .one(&format!("SELECT count(*) FROM {table}"), &[])
        .await;
    row.get(0).expect("a number")
}

async fn keys_between_tables_do_not_hold_up_builds(place: &Place) {
    for (account, cents) in [("ann", 1), ("bob", 2), ("ann", 3), ("cid", 4)] {
        deposit(&place.store, account, cents).await.expect("stored");
    }
    let runner = place.runner().with(Keys);
    runner.catch_up().await.expect("caught up");
    assert_eq!(runner.parked("keys").await.expect("parked"), []);
    for build in [2, 3] {
        let rebuilt = runner.rebuild_now("keys").await.expect("rebuilt");
        assert_eq!(rebuilt.number, build);
        deposit(&place.store, "ann", 10 + i64::from(build))
            .await
            .expect("stored");
        runner.catch_up().await.expect("caught up");
    }
    let later = place.runner().with(KeysLater);
    later.catch_up().await.expect("a new version");
    let status = later.status().await.expect("status");
    assert_eq!(status.len(), 1, "{status:?}");
    assert_eq!(
        (status[0].version, status[0].live, status[0].parked),
        (2, true, 0)
    );
    for (table, rows) in [("accounts", 3), ("contacts", 6), ("nodes", 3)] {
        assert_eq!(count(place, table).await, rows, "{table}");
    }
    // Keys hold in the new tables too.
    let broken = place
        .read
        .select("SELECT account FROM nodes WHERE parent = 1", &[])
        .await;
    assert_eq!(broken.expect("rows").len(), 2);
}

read_model!(
    Late,
    "late",
    1,
    "CREATE TABLE {customers} (id TEXT PRIMARY KEY);
     CREATE TABLE {payments} (account TEXT NOT NULL, cents BIGINT NOT NULL,
                              customer TEXT REFERENCES {customers} (id) DEFERRABLE INITIALLY DEFERRED)",
    [
        "INSERT INTO {payments} SELECT $1, CAST($3 AS BIGINT), $1 WHERE $2 = $2",
        "INSERT INTO {customers} SELECT $1 WHERE $2 = $2 AND $3 < 100 ON CONFLICT DO NOTHING",
    ]
);

async fn a_key_that_is_broken_at_the_commit_parks_its_event_alone(place: &Place) {
    let deposits = [
        ("ann", 1),
        ("bob", 100),
        ("cid", 2),
        ("bob", 3),
        ("dan", 4),
        ("eve", 200),
    ];
    for (account, cents) in deposits {
        deposit(&place.store, account, cents).await.expect("stored");
    }
    let runner = place.runner().with(Late);
    runner.catch_up().await.expect("caught up");
    let parked = runner.parked("late").await.expect("parked");
    let parked: Vec<_> = parked
        .iter()
        .map(|one| (&*one.key, one.event.version))
        .collect();
    let expected = [("account/bob", 1), ("account/bob", 2), ("account/eve", 1)];
    assert_eq!(parked, expected);
    assert_eq!(count(place, "payments").await, 3);
    let head = place.store.head().await.expect("the end");
    assert_eq!(runner.status().await.expect("status")[0].position, head);
}

read_model!(
    Views,
    "views",
    1,
    "CREATE TABLE {amounts} (account TEXT, cents BIGINT,
                             doubled BIGINT GENERATED ALWAYS AS (cents * 2) STORED);
     CREATE VIEW {large} AS SELECT account, doubled FROM {amounts} WHERE cents > 2;
     CREATE VIEW {largest} AS SELECT max(doubled) AS doubled FROM {large};",
    ["INSERT INTO {amounts} (account, cents) SELECT $1, CAST($3 AS BIGINT) WHERE $2 = $2"]
);

async fn views_and_generated_columns_go_with_their_build(place: &Place) {
    let runner = place.runner().with(Views);
    for round in 1..=3_i64 {
        deposit(&place.store, "ann", 2).await.expect("stored");
        deposit(&place.store, "ann", 4 + round)
            .await
            .expect("stored");
        runner.catch_up().await.expect("caught up");
        let row = place.one("SELECT doubled FROM largest", &[]).await;
        assert_eq!(row.get::<i64>(0), Ok(2 * (4 + round)));
        assert_eq!(count(place, "large").await, round);
        runner.rebuild_now("views").await.expect("rebuilt");
    }
    let left = place.read.select("SELECT 1 FROM large__b1", &[]).await;
    left.expect_err("it went with its build");
}

read_model!(
    Unnamed,
    "unnamed",
    1,
    "CREATE TABLE {a} (b TEXT); CREATE TABLE c (d TEXT)",
    []
);
read_model!(
    Indexed,
    "indexed",
    1,
    "CREATE TABLE {a} (b TEXT); CREATE INDEX i ON {a} (b)",
    []
);
read_model!(
    Unknown,
    "unknown",
    1,
    "CREATE TABLE {a} (b TEXT REFERENCES {accuonts} (id))",
    []
);
read_model!(Ends, "ends", 1, "CREATE TABLE {a} (b TEXT); COMMIT", []);
read_model!(
    Temporary,
    "temporary",
    1,
    "CREATE TEMP TABLE {a} (b TEXT)",
    []
);

async fn what_would_fail_at_the_next_build_is_refused_at_the_first(place: &Place) {
    let runner = || place.runner();
    let refused = [
        (runner().with(Unnamed), "`CREATE TABLE c` is not in braces"),
        (runner().with(Indexed), "`CREATE INDEX i` is not in braces"),
        (runner().with(Unknown), "`{accuonts}` is not declared"),
        (runner().with(Ends), "may not run `COMMIT`"),
        (runner().with(Temporary), "create a table"),
    ];
    for (runner, says) in refused {
        let error = runner.catch_up().await.expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
    place
        .read
        .select("SELECT * FROM a__b1", &[])
        .await
        .expect_err("nothing was made");
}

mod of_sqlite {
    use super::*;
    use crate::places;

    read_model!(
        Triggers,
        "triggers",
        1,
        "CREATE TABLE {amounts} (account TEXT, cents BIGINT);
         CREATE TABLE {sums} (account TEXT PRIMARY KEY, cents BIGINT);
         CREATE TRIGGER {adds} AFTER INSERT ON {amounts} BEGIN
             INSERT OR IGNORE INTO {sums} VALUES (new.account, 0);
             UPDATE {sums} SET cents = cents + new.cents WHERE account = new.account;
         END;",
        ["INSERT INTO {amounts} SELECT $1, $3 WHERE $2 = $2"]
    );

    #[tokio::test]
    async fn triggers_write_the_tables_of_their_build() {
        let place = places::sqlite().await;
        let runner = place.runner().with(Triggers);
        for round in 1..=3 {
            deposit(&place.store, "ann", 5).await.expect("stored");
            runner.catch_up().await.expect("caught up");
            let row = place.one("SELECT cents FROM sums", &[]).await;
            assert_eq!(row.get::<i64>(0), Ok(5 * round));
            runner.rebuild_now("triggers").await.expect("rebuilt");
        }
    }

    read_model!(
        Search,
        "search",
        1,
        "CREATE VIRTUAL TABLE {search} USING fts5(account, note)",
        ["INSERT INTO {search} SELECT $1, 'paid ' || $3 || ' {search}' WHERE $2 = $2"]
    );

    #[tokio::test]
    async fn virtual_tables_are_searched_by_their_columns() {
        let place = places::sqlite().await;
        let runner = place.runner().with(Search);
        for round in 1..=3_usize {
            deposit(&place.store, "ann", 5).await.expect("stored");
            runner.catch_up().await.expect("caught up");
            let sql = "SELECT note FROM search WHERE note MATCH $1";
            let found = place
                .read
                .select(sql, values!["paid"])
                .await
                .expect("found");
            assert_eq!(found.len(), round);
            assert_eq!(found[0].get::<String>(0).as_deref(), Ok("paid 5 {search}"));
            runner.rebuild_now("search").await.expect("rebuilt");
        }
    }
}

mod of_postgres {
    use super::*;
    use crate::places;

    read_model!(
        Parts,
        "parts",
        1,
        "CREATE TABLE {amounts} (account TEXT, cents BIGINT) PARTITION BY LIST (cents);
         CREATE TABLE {amounts_of_one} PARTITION OF {amounts} FOR VALUES IN (1);
         CREATE TABLE {amounts_of_others} PARTITION OF {amounts} DEFAULT;
         CREATE INDEX ON {amounts} (account);
         CREATE STATISTICS {amount_stats} ON account, cents FROM {amounts_of_others};
         CREATE TRIGGER rounds BEFORE INSERT ON {amounts_of_others}
             FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();",
        ["INSERT INTO {amounts} SELECT $1, CAST($3 AS BIGINT) WHERE $2 = $2"]
    );

    #[tokio::test(flavor = "multi_thread")]
    #[cfg_attr(
        not(postgres),
        ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
    )]
    async fn partitions_go_with_their_build() {
        let place = places::postgres().await;
        let runner = place.runner().with(Parts);
        for round in 1..=3 {
            deposit(&place.store, "ann", 1).await.expect("stored");
            runner.catch_up().await.expect("caught up");
            assert_eq!(runner.parked("parts").await.expect("parked"), []);
            assert_eq!(count(&place, "amounts_of_one").await, round);
            assert_eq!(count(&place, "amounts").await, round);
            runner.rebuild_now("parts").await.expect("rebuilt");
        }
    }
}
