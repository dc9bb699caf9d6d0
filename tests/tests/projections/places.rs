//! A store and its read database, on either database, for tests that run on both.

use es_postgres::PostgresStore;
use es_projections::{AnyReadDatabase, Projections, SqlRow, SqlValue};
use es_runtime::AnyStore;
use es_sqlite::SqliteStore;
use es_testkit::postgres::Database;
use std::time::Duration;

/// A store and its read database, whichever they are.
pub(crate) struct Place {
    pub(crate) store: AnyStore,
    pub(crate) read: AnyReadDatabase,
    pub(crate) folder: Option<tempfile::TempDir>,
    pub(crate) database: Option<Database<'static>>,
}

pub(crate) async fn sqlite() -> Place {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("all.db");
    let store = SqliteStore::open(path).await.expect("opens");
    let read = AnyReadDatabase::new(store.read_database());
    Place {
        store: AnyStore::new(store),
        read,
        folder: Some(folder),
        database: None,
    }
}

pub(crate) async fn postgres() -> Place {
    let database = es_tests::server::database();
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    let read = AnyReadDatabase::new(store.read_database());
    Place {
        store: AnyStore::new(store),
        read,
        folder: None,
        database: Some(database),
    }
}

/// Runs each function on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::places::sqlite().await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                super::$name(&crate::places::postgres().await).await;
            })*
        }
    };
}

/// Opens the store of the place once more, as another process would, with an inline projection.
macro_rules! opened_with {
    ($place:expr, $projection:expr) => {
        match &$place.database {
            Some(database) => {
                let options = es_postgres::PostgresStore::options(&database.url()).expect("a url");
                let store = options
                    .inline(es_projections::Portable($projection))
                    .open()
                    .await;
                store.map(|store| {
                    let read = es_projections::AnyReadDatabase::new(store.read_database());
                    (es_runtime::AnyStore::new(store), read)
                })
            }
            None => {
                let folder = $place.folder.as_ref().expect("a folder");
                let options =
                    es_sqlite::SqliteStore::options().inline(es_projections::Portable($projection));
                let store = options.open(folder.path().join("all.db")).await;
                store.map(|store| {
                    let read = es_projections::AnyReadDatabase::new(store.read_database());
                    (es_runtime::AnyStore::new(store), read)
                })
            }
        }
    };
}

impl Place {
    pub(crate) fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    /// A runner that tries each event once.
    pub(crate) fn runner(&self) -> Projections {
        let (none, runner) = (Duration::ZERO, self.store.clone());
        Projections::new(runner, self.read.clone()).attempts(1, none, none)
    }

    pub(crate) async fn one(&self, sql: &str, values: &[SqlValue]) -> SqlRow {
        let row = self.read.select_one(sql, values).await.expect("a query");
        row.expect("a row")
    }
}
