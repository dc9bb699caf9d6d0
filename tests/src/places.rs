//! Where events are: a file of SQLite, or a database of PostgreSQL, for tests whose work is done by
//! processes of their own.

use crate::done_orders::DoneOrders;
use es_postgres::PostgresStore;
use es_runtime::{AnyStore, EventStore};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Database;
use std::{
    future::Future,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Child,
};

/// A folder, and a database of its own where one is asked for.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(tempfile::TempDir, Database<'static>),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(crate::tiers::folder())
    }

    pub fn postgres() -> Self {
        let database = crate::server::database();
        Self::Postgres(crate::tiers::folder(), database)
    }

    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(folder) | Self::Postgres(folder, _) => folder.path(),
        }
    }

    /// What [`with_store`] opens.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().join("events.db").display().to_string(),
            Self::Postgres(_, database) => database.url(),
        }
    }

    /// Does something with the store of this place.
    pub async fn with<R>(&self, act: impl Act<R>) -> R {
        with_store(&self.address(), act).await
    }
}

/// Something that is done with a store, whichever it is.
pub trait Act<R>: Send {
    fn run(self, store: AnyStore) -> impl Future<Output = R> + Send;
}

/// Opens the store at this address, does something with it, and closes it.
pub async fn with_store<R>(address: &str, act: impl Act<R>) -> R {
    with_inline(address, None, act).await
}

/// The same, with a projection inside of its transactions.
pub async fn with_inline<R>(address: &str, inline: Option<DoneOrders>, act: impl Act<R>) -> R {
    let store = open(address, inline).await;
    let result = act.run(store.clone()).await;
    store.close().await;
    result
}

/// The store at this address.
pub async fn open(address: &str, inline: Option<DoneOrders>) -> AnyStore {
    if address.contains("dbname=") || address.starts_with("postgres") {
        let mut options = PostgresStore::options(address).expect("an address");
        if let Some(projection) = inline {
            options = options.inline(projection);
        }
        AnyStore::new(options.open().await.expect("opens"))
    } else {
        let mut options = SqliteStore::options();
        if let Some(projection) = inline {
            options = options.inline(projection);
        }
        AnyStore::new(options.open(address).await.expect("opens"))
    }
}

/// The next line that a process says, empty when it ended without one.
pub fn line_of(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("its output");
    BufReader::new(out)
        .read_line(&mut line)
        .expect("a line or the end");
    line.trim_end().to_owned()
}

/// Says one line to the process that waits for it.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("written");
    out.flush().expect("written");
}
