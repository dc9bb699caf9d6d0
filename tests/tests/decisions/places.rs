//! A store of each kind.

use es_postgres::PostgresStore;
use es_runtime::{AnyStore, MemoryStore};
use es_sqlite::SqliteStore;
use es_testkit::postgres::{Database, Server};
use std::sync::Arc;

/// A store, and what it lives in.
pub(crate) struct Place {
    pub(crate) store: AnyStore,
    _folder: Option<tempfile::TempDir>,
    _database: Option<Arc<Database<'static>>>,
}

pub(crate) async fn memory() -> Place {
    Place {
        store: AnyStore::new(MemoryStore::new()),
        _folder: None,
        _database: None,
    }
}

pub(crate) async fn sqlite() -> Place {
    let folder = es_tests::files::folder();
    let path = folder.path().join("events.db");
    let store = SqliteStore::open(path).await.expect("opens");
    Place {
        store: AnyStore::new(store),
        _folder: Some(folder),
        _database: None,
    }
}

pub(crate) async fn postgres() -> Place {
    let server = Server::shared().expect("a server");
    let database = server.database().expect("a database");
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    Place {
        store: AnyStore::new(store),
        _folder: None,
        _database: Some(Arc::new(database)),
    }
}

/// Runs each function on every store.
macro_rules! on_each {
    ($($name:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::places::memory().await.store.clone()).await;
            })*
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let place = crate::places::sqlite().await;
                super::$name(place.store.clone()).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            async fn $name() {
                let place = crate::places::postgres().await;
                super::$name(place.store.clone()).await;
            })*
        }
    };
}
