//! Where the shop is: an SQLite file, a database of PostgreSQL, or a stream of JetStream with one of the two for its read models,
//! and `es` on it.

use crate::shop;
use es_cli::App;
use es_nats::NatsStore;
use es_postgres::{PostgresReadDatabase, PostgresStore};
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, EventStore};
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_testkit::postgres::Database;
use rusqlite::{Connection, types::ValueRef};
use serde_json::Value;
use std::{path::PathBuf, sync::OnceLock};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database<'static>),
    /// The location of the stream, and where the read models are.
    Nats(String, Box<Place>),
}

/// What `es` said.
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What a program says that writes its results and remarks there and returns its exit code.
    pub(crate) fn of(program: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> u8) -> Self {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = program(&mut out, &mut err);
        Self {
            code,
            out: String::from_utf8(out).expect("text"),
            err: String::from_utf8(err).expect("text"),
        }
    }
}

/// Runs `es` with these arguments.
pub(crate) fn es(args: &[&str]) -> Ran {
    Ran::of(|out, err| es_cli::run(["es"].iter().chain(args), out, err))
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

    /// A new shop on JetStream, which may be damaged.
    pub(crate) fn new_nats(location: String, read: Self) -> Self {
        let place = Self::Nats(location, Box::new(read));
        place.fill();
        place
    }

    pub(crate) fn fill(&self) {
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
            Self::Nats(location, read) => {
                let store = NatsStore::options().open(location).await.expect("opens");
                (AnyStore::new(store), Box::pin(read.read_models()).await)
            }
        }
    }

    /// A database with read models alone.
    pub(crate) async fn read_models(&self) -> AnyReadDatabase {
        match self {
            Self::Sqlite(_) => {
                let read = SqliteReadDatabase::open(self.file()).await;
                AnyReadDatabase::new(read.expect("opens"))
            }
            Self::Postgres(database) => {
                let read = PostgresReadDatabase::open(&database.url()).await;
                AnyReadDatabase::new(read.expect("opens"))
            }
            Self::Nats(_, read) => Box::pin(read.read_models()).await,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("shop.db"),
            Self::Postgres(_) | Self::Nats(..) => panic!("no file"),
        }
    }

    /// What `--store` gets.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.file().display()),
            Self::Postgres(database) => database.url(),
            Self::Nats(location, _) => location.clone(),
        }
    }

    /// What `--read-store` gets, where the read models are in another database.
    pub(crate) fn read_address(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => None,
            Self::Nats(_, read) => Some(read.address()),
        }
    }

    /// The arguments that name it, and those of a command.
    fn named(&self, args: &[&str]) -> Vec<String> {
        let mut all = vec!["--store".to_owned(), self.address()];
        if let Some(read) = self.read_address() {
            all.extend(["--read-store".to_owned(), read]);
        }
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        all
    }

    pub(crate) fn es(&self, args: &[&str]) -> Ran {
        let args = self.named(args);
        es(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs the program of an application.
    pub(crate) fn app(&self, app: &App, args: &[&str]) -> Ran {
        let all = ["es".to_owned()].into_iter().chain(self.named(args));
        Ran::of(|out, err| app.run_with(all, out, err))
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

    /// What is written in another way for each of the two databases.
    pub(crate) fn of<'t>(&self, sqlite: &'t str, postgres: &'t str) -> &'t str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
            Self::Nats(..) => panic!("it has no tables"),
        }
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
                if sql.starts_with("SELECT") {
                    return selected(&connection, sql);
                }
                connection.execute_batch(sql).expect("done");
                String::new()
            }
            Self::Postgres(database) => database.query(sql).expect("done"),
            Self::Nats(..) => panic!("it takes no statements"),
        }
    }
}

/// Rows as `psql` prints them to a program: a line each, with `|` between the columns.
fn selected(connection: &Connection, sql: &str) -> String {
    let mut select = connection.prepare(sql).expect("prepared");
    let columns = select.column_count();
    let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let texts = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => String::new(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    String::from_utf8_lossy(bytes).into_owned()
                }
            })
        });
        let texts: rusqlite::Result<Vec<String>> = texts.collect();
        Ok(texts?.join("|") + "\n")
    };
    let rows = select.query_map([], text).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Runs each function on both databases: on the shop that nothing changes, or on what the two expressions give, in whose place `super` is
/// the module of the functions.
macro_rules! on_both {
    ($sqlite:expr, $postgres:expr; $($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name($sqlite);
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
                super::$name($postgres);
            })*
        }
    };
    ($($name:ident),* $(,)?) => {
        $crate::place::on_both!(
            $crate::place::Place::sqlite(), $crate::place::Place::postgres();
            $($name),*
        );
    };
}
pub(crate) use on_both;
