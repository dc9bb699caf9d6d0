//! Where events are: a file of SQLite, a database of PostgreSQL, or a stream of JetStream, for tests whose work is done by
//! processes of their own.

use crate::done_orders::DoneOrders;
use es_nats::NatsStore;
use es_postgres::PostgresStore;
use es_runtime::{AnyStore, EventStore};
use es_sqlite::SqliteStore;
use es_testkit::{nats::Cluster, postgres::Database};
use std::{
    future::Future,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Child,
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder, and a database of its own where one is asked for.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(tempfile::TempDir, Database<'static>),
    /// With the addresses of its servers, and the name of its stream.
    Nats(tempfile::TempDir, String),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(crate::tiers::folder())
    }

    pub fn postgres() -> Self {
        let database = crate::server::database();
        Self::Postgres(crate::tiers::folder(), database)
    }

    /// A stream on the server that the tests of this process share.
    pub fn nats() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let node = Cluster::shared_node().expect("a server");
        Self::nats_on(node, &format!("PLACE-{number}"))
    }

    /// A stream on these servers.
    pub fn nats_on(cluster: &Cluster, stream: &str) -> Self {
        let address = format!("{}#{stream}", cluster.url());
        Self::Nats(crate::tiers::folder(), address)
    }

    /// How much slower than on a database workers are killed. One on JetStream asks the server more often, and must come to
    /// something before it is killed.
    pub fn pace(&self) -> u64 {
        match self {
            Self::Sqlite(_) | Self::Postgres(..) => 1,
            Self::Nats(..) => 4,
        }
    }

    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(folder) | Self::Postgres(folder, _) | Self::Nats(folder, _) => {
                folder.path()
            }
        }
    }

    /// What [`with_store`] opens.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().join("events.db").display().to_string(),
            Self::Postgres(_, database) => database.url(),
            Self::Nats(_, address) => address.clone(),
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
    if let (true, Some((servers, stream))) =
        (address.starts_with("nats://"), address.split_once('#'))
    {
        assert!(inline.is_none(), "JetStream has no read models");
        // The servers of tests do not sync each write.
        let options = NatsStore::options().stream(stream).unchecked_syncs();
        let options = if servers.contains(',') {
            options
        } else {
            options.one_replica()
        };
        AnyStore::new(options.open(servers).await.expect("opens"))
    } else if address.contains("dbname=") || address.starts_with("postgres") {
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
