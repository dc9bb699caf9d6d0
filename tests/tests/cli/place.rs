//! Where the shop is: an SQLite file or a database of PostgreSQL, and `es` on it.

use crate::shop;
use es_postgres::PostgresStore;
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, EventStore};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Database;
use rusqlite::Connection;
use serde_json::Value;
use std::{path::PathBuf, sync::OnceLock};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database<'static>),
}

/// What `es` said.
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `es` with these arguments.
pub(crate) fn es(args: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = es_cli::run(["es"].iter().chain(args), &mut out, &mut err);
    Ran {
        code,
        out: String::from_utf8(out).expect("text"),
        err: String::from_utf8(err).expect("text"),
    }
}

/// Does something in a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().expect("a runtime").block_on(future)
}

impl Place {
    /// The shop, for tests that change nothing.
    pub(crate) fn sqlite() -> &'static Self {
        static SHOP: OnceLock<Place> = OnceLock::new();
        SHOP.get_or_init(|| {
            let place = Self::Sqlite(es_tests::tiers::folder());
            place.fill();
            place
        })
    }

    /// A copy of the shop that may be damaged.
    pub(crate) fn copy() -> Self {
        let folder = es_tests::tiers::folder();
        let from = Self::sqlite().file();
        std::fs::copy(from, folder.path().join("shop.db")).expect("copied");
        Self::Sqlite(folder)
    }

    #[cfg(unix)]
    pub(crate) fn postgres() -> &'static Self {
        static SHOP: OnceLock<Place> = OnceLock::new();
        SHOP.get_or_init(Self::new_postgres)
    }

    /// A shop that may be damaged.
    #[cfg(unix)]
    pub(crate) fn new_postgres() -> Self {
        let place = Self::Postgres(es_tests::server::database());
        place.fill();
        place
    }

    fn fill(&self) {
        block_on(async {
            let (store, read) = self.open().await;
            shop::fill(&store, read).await;
            store.close().await;
        });
    }

    /// The store as the application opens it.
    pub(crate) async fn open(&self) -> (AnyStore, AnyReadDatabase) {
        match self {
            Self::Sqlite(_) => {
                let store = SqliteStore::open(self.file()).await.expect("opens");
                let read = AnyReadDatabase::new(store.read_database());
                (AnyStore::new(store), read)
            }
            Self::Postgres(database) => {
                let store = PostgresStore::open(&database.url()).await.expect("opens");
                let read = AnyReadDatabase::new(store.read_database());
                (AnyStore::new(store), read)
            }
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("shop.db"),
            Self::Postgres(_) => panic!("no file"),
        }
    }

    /// What `--store` gets.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.file().display()),
            Self::Postgres(database) => database.url(),
        }
    }

    pub(crate) fn es(&self, args: &[&str]) -> Ran {
        let address = self.address();
        let mut all = vec!["--store", &address];
        all.extend(args);
        es(&all)
    }

    /// The JSON that a command prints when all goes well.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.extend(["-o", "json"]);
        let ran = self.es(&all);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", ran.out))
    }

    /// Some fields of the rows that a command prints.
    pub(crate) fn rows(&self, args: &[&str], fields: &[&str]) -> Vec<String> {
        let json = self.json(args);
        let rows = json.as_array().expect("rows").iter();
        rows.map(|row| {
            let fields = fields.iter().map(|field| match &row[*field] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            fields.collect::<Vec<_>>().join(" ")
        })
        .collect()
    }

    /// Runs SQL, as somebody who damages a store would, and returns the rows as text.
    pub(crate) fn sql(&self, sql: &str) -> String {
        match self {
            Self::Sqlite(_) => {
                let connection = Connection::open(self.file()).expect("opens");
                let columns = |row: &rusqlite::Row<'_>| {
                    let all = (0..row.as_ref().column_count())
                        .map(|n| row.get::<_, rusqlite::types::Value>(n));
                    let all: Result<Vec<_>, _> = all.collect();
                    all.map(|all| format!("{all:?}"))
                };
                if sql.starts_with("EXPLAIN") {
                    let mut select = connection.prepare(sql).expect("prepared");
                    let rows = select.query_map([], columns).expect("rows");
                    return rows.map(|row| row.expect("a row") + "\n").collect();
                }
                connection.execute_batch(sql).expect("done");
                String::new()
            }
            Self::Postgres(database) => database.query(sql).expect("done"),
        }
    }
}

/// Runs each function on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name($crate::place::Place::sqlite());
            })*
        }

        #[cfg(unix)]
        mod on_postgres {
            $(#[test]
            #[cfg_attr(
                not(postgres),
                ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
            )]
            fn $name() {
                super::$name($crate::place::Place::postgres());
            })*
        }
    };
}
pub(crate) use on_both;
