//! A store of each kind, and the rows that are in it.

use es_runtime::{AnyStore, MemoryStore};
use es_tests::places::Place;
use rusqlite::Connection;

pub(crate) fn memory() -> AnyStore {
    AnyStore::new(MemoryStore::new())
}

/// A store in a stream of its own.
#[cfg(unix)]
pub(crate) async fn jetstream() -> AnyStore {
    use es_testkit::conformance::StoreFixture as _;
    AnyStore::of_commits(es_tests::fixtures::Nats::on_a_node().open().await)
}

/// The store of a place.
pub(crate) async fn store_in(place: &Place) -> AnyStore {
    es_tests::places::open(&place.address(), None).await
}

/// A row of the events, in their order: the id of the stream, the event and its payload.
pub(crate) type Row = (String, String, String);

/// The rows of the events, by SQL alone.
pub(crate) fn rows(place: &Place) -> Vec<Row> {
    let Place::Postgres(_, database) = place else {
        let file = Connection::open(place.address()).expect("opens");
        let mut select = file
            .prepare("SELECT aggregate_id, event, payload FROM events ORDER BY position")
            .expect("a statement");
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        return rows.expect("rows").collect::<Result<_, _>>().expect("rows");
    };
    let text = database
        .query(
            "SELECT aggregate_id || '|' || event || '|' || convert_from(payload, 'UTF8') FROM es.events \
             ORDER BY position",
        )
        .expect("rows");
    let row = |line: &str| {
        let mut parts = line.splitn(3, '|').map(str::to_owned);
        let mut part = || parts.next().expect("three columns");
        (part(), part(), part())
    };
    text.lines().map(row).collect()
}

/// Runs each function on every store.
macro_rules! on_each {
    ($($name:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::places::memory()).await;
            })*
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let place = es_tests::places::Place::sqlite();
                super::$name(crate::places::store_in(&place).await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let place = es_tests::places::Place::postgres();
                super::$name(crate::places::store_in(&place).await).await;
            })*
        }
    };
}

/// Runs each function on a server of NATS, which the tests of this process share.
macro_rules! on_jetstream {
    ($($name:ident),* $(,)?) => {
        #[cfg(unix)]
        mod on_jetstream {
            $(#[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
            async fn $name() {
                super::$name(crate::places::jetstream().await).await;
            })*
        }
    };
}
