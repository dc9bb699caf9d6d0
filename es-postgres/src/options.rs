//! The options of a store.

use crate::{
    PostgresStore,
    connection::{Connect, Connector, Tls, in_runtime},
    connection_string,
    identifier::SchemaName,
    inline::ReadOptions,
    schema, session,
    settings::{Clock, StoreSettings},
};
use es_runtime::{Limits, StorageError, Timestamp};
use std::{fmt, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_postgres::{
    Config, NoTls, Socket,
    tls::{MakeTlsConnect, TlsConnect},
};

/// Opens a [`PostgresStore`] with settings other than the defaults.
///
/// ```no_run
/// use es_postgres::PostgresStore;
/// use std::time::Duration;
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::options("postgres://shop@localhost/shop")?
///     .schema("shop_events")?
///     .busy_timeout(Duration::from_secs(1))
///     .open()
///     .await?;
/// # store.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    config: Config,
    connect: Arc<dyn Connect>,
    pooled: bool,
    patience: Duration,
    schema: SchemaName,
    migrate: bool,
    pub(crate) busy_timeout: Duration,
    statement_timeout: Duration,
    readers: usize,
    limits: Limits,
    clock: Option<Clock>,
    notify: bool,
    pub(crate) read: ReadOptions,
}

impl PostgresOptions {
    pub(crate) fn new(url: &str) -> Result<Self, StorageError> {
        let config = connection_string::parse(url)?;
        Ok(Self::with_config(config))
    }

    /// Options with a `tokio_postgres` configuration instead of a connection string.
    pub fn with_config(mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("es-postgres");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        Self {
            config,
            connect: Arc::new(Tls(NoTls)),
            pooled: false,
            patience: Duration::from_secs(10),
            schema: SchemaName::default(),
            migrate: true,
            busy_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            readers: 4,
            limits: Limits::default(),
            clock: None,
            notify: true,
            read: ReadOptions::default(),
        }
    }

    /// The schema of the store's tables, `es` by default. It is created where it is missing.
    ///
    /// With a name of its own the store also has read models of its own: they are in the schema
    /// `<name>_read` unless `read_schema` says otherwise.
    ///
    /// # Errors
    /// [`CannotOpen`](es_runtime::StorageErrorKind::CannotOpen) unless the name has 1 to 48 of the characters a to z,
    /// 0 to 9 and _.
    pub fn schema(mut self, name: &str) -> Result<Self, StorageError> {
        self.schema = SchemaName::new(name)?;
        self.read.of_schema(&self.schema);
        Ok(self)
    }

    /// Whether [`open`](PostgresOptions::open) creates and migrates the tables, as it does by default.
    /// Otherwise they must exist: see [`migration_script`](PostgresOptions::migration_script).
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// The SQL that creates the tables, or migrates those of an older version, for an operator who owns the
    /// schema. Where they have this version it changes nothing.
    ///
    /// The store's own role then needs `USAGE` on the schema, `SELECT` and `INSERT` on its tables, `UPDATE`
    /// on `head`, `snapshots`, `work`, `cursors` and `unique_values`, and `DELETE` on `snapshots` and
    /// `unique_values`. A program that turns rules or tags on for older events also needs `UPDATE` on
    /// `unique_walks` and `DELETE` on `unique_duplicates` and `tag_walks`. Where read models have a
    /// schema of their own, the script creates it; a program that runs projections needs `USAGE` and `CREATE`
    /// on it.
    ///
    /// Tables that were made before the first release cannot be migrated. The script fails on them and
    /// changes nothing.
    ///
    /// ```
    /// use es_postgres::PostgresStore;
    ///
    /// let script = PostgresStore::options("host=localhost")?.migration_script();
    /// assert!(script.starts_with("BEGIN ISOLATION LEVEL READ COMMITTED;"));
    /// # Ok::<(), es_runtime::StorageError>(())
    /// ```
    pub fn migration_script(&self) -> String {
        schema::script(&self.schema, self.read.search_path())
    }

    /// Connects with this TLS, such as that of `tokio-postgres-rustls`; none by default.
    pub fn tls<T>(mut self, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        self.connect = Arc::new(Tls(tls));
        self
    }

    /// Whether a pooler gives each transaction another server connection, as `PgBouncer` does with
    /// `pool_mode=transaction`. The store then prepares no statements and does not listen for appends of
    /// other processes; readers find these by polling.
    pub fn transaction_pool(mut self, pooled: bool) -> Self {
        self.pooled = pooled;
        self
    }

    /// How long an append waits for the lock on the end of the feed, 5 seconds by default. Then it fails
    /// with [`Busy`](es_runtime::StorageErrorKind::Busy).
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a statement of an append may take, 30 seconds by default, and how long the handler of an
    /// inline projection may take for one event; longer is an error of the append. After twice that time the
    /// server gives up the lock of a store that disappeared without closing its connection. Making and
    /// migrating tables is not limited.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long to retry connecting while the server does not answer, as during a failover, and to look
    /// for a commit whose answer was lost: 10 seconds by default.
    ///
    /// A host that disappears without closing its connections is noticed after about the same time, at
    /// least 2 and at most 30 seconds. `tcp_user_timeout` and keepalives do this, unless the connection
    /// string sets them.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many connections the reads share, 4 by default, at least one. Appends have another one.
    pub fn reader_connections(mut self, connections: usize) -> Self {
        self.readers = connections.max(1);
        self
    }

    /// The limits of one append.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the time of each append from `clock` instead of the server.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Whether the store announces appends to other processes with `NOTIFY`, as it does by default. It does
    /// so on another connection, after the commit, at most every 20 milliseconds.
    pub fn notify(mut self, notify: bool) -> Self {
        self.notify = notify;
        self
    }

    /// The connector, with the settings of every transaction.
    pub(crate) fn connector(&self, runtime: Handle) -> Connector {
        let mut connector = Connector {
            config: self.config.clone(),
            connect: Arc::clone(&self.connect),
            runtime,
            pooled: self.pooled,
            patience: self.patience,
            settings: Vec::new(),
        };
        notice_lost_hosts(&mut connector);
        connector.set("lock_timeout", millis(self.busy_timeout));
        connector.set("statement_timeout", millis(self.statement_timeout));
        // Later than the limit of a handler, so that the handler has an error and not the connection.
        let idle = millis(self.statement_timeout.saturating_mul(2));
        connector.set("idle_in_transaction_session_timeout", idle);
        connector.set_all(session::EVERY);
        if let Some(path) = self.read.search_path() {
            connector.set("search_path", path);
        }
        connector
    }

    /// Connects, and creates or migrates the tables unless [`migrate`](PostgresOptions::migrate) is off.
    ///
    /// Call it in a tokio runtime with time and I/O enabled. The store's tasks run in that runtime.
    ///
    /// # Errors
    /// [`StorageError`] with one of these kinds:
    /// - [`Unreachable`](es_runtime::StorageErrorKind::Unreachable): the server did not answer within
    ///   [`patience`](PostgresOptions::patience);
    /// - [`CannotOpen`](es_runtime::StorageErrorKind::CannotOpen): rights are missing, the password is wrong, the
    ///   database is unknown, the schema has tables of another program, or row level security may hide rows;
    /// - [`Version`](es_runtime::StorageErrorKind::Version): the tables are of a newer release, or were made before the
    ///   first one, or are of an older release and migration is off;
    /// - [`Missing`](es_runtime::StorageErrorKind::Missing): there are no tables and migration is off.
    ///
    /// # Cancel safety
    /// The tables may have been created, all of them or none.
    pub async fn open(self) -> Result<PostgresStore, StorageError> {
        let mut connector = self.connector(in_runtime()?);
        let handles_appends = self.read.is_inline();
        let read = self.read.of_store(connector.clone(), self.busy_timeout);
        connector.set_all(session::STORE);
        if !handles_appends {
            // Its own tables are named with their schema, and its functions are the server's.
            connector.set("search_path", "pg_catalog".to_owned());
        }
        PostgresStore::start(StoreSettings {
            read,
            connector,
            schema: self.schema,
            migrate: self.migrate,
            statement_timeout: self.statement_timeout,
            readers: self.readers,
            limits: self.limits,
            clock: self.clock,
            notify: self.notify,
            absent: crate::settings::Absent::default(),
        })
        .await
    }
}

impl PostgresStore {
    /// Opens the store in the schema `es` of this database with the default settings. Creates its tables
    /// where they are missing.
    ///
    /// # Errors
    /// See [`PostgresOptions::open`].
    ///
    /// # Cancel safety
    /// The tables may have been created.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        Self::options(url)?.open().await
    }

    /// Options to open a store with other settings. `url` is `postgres://user:password@host:port/database`
    /// or `host=.. user=.. dbname=..`, as in libpq.
    ///
    /// # Errors
    /// [`CannotOpen`](es_runtime::StorageErrorKind::CannotOpen) for any other text. A parameter that only other drivers
    /// know is named, with what to use instead.
    pub fn options(url: &str) -> Result<PostgresOptions, StorageError> {
        PostgresOptions::new(url)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// Lets the system notice a host that disappears, unless the caller configured this. Otherwise a
/// connection to it, and an append on it, would wait for hours.
fn notice_lost_hosts(connector: &mut Connector) {
    let silence = connector.patience.as_secs().clamp(2, 30);
    let config = &mut connector.config;
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(silence));
    }
    // The driver's own, which has no other way to say that none was given.
    if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
        config.keepalives_idle(Duration::from_secs((silence / 2).max(1)));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs((silence / 4).max(1)));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
}

/// A timeout as the server takes it, for which 0 is none at all.
fn millis(timeout: Duration) -> String {
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    millis.clamp(1, i32::MAX.unsigned_abs().into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, patience: Duration) -> Config {
        let options = PostgresOptions::new(url).expect("a url");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime").handle().clone();
        options.patience(patience).connector(runtime).config
    }

    #[test]
    fn a_host_that_vanishes_is_noticed() {
        let secs = Duration::from_secs;
        let usual = config("host=db", secs(10));
        assert_eq!(usual.get_tcp_user_timeout(), Some(&secs(10)));
        assert!(usual.get_keepalives());
        assert_eq!(usual.get_keepalives_idle(), secs(5));
        assert_eq!(usual.get_keepalives_interval(), Some(secs(2)));
        assert_eq!(usual.get_keepalives_retries(), Some(3));
        for (patience, silence) in [(Duration::ZERO, 2), (Duration::MAX, 30)] {
            let config = config("host=db", patience);
            assert_eq!(config.get_tcp_user_timeout(), Some(&secs(silence)));
        }
        let own = "host=db tcp_user_timeout=77 keepalives_idle=78 keepalives_interval=79 \
                   keepalives_retries=8";
        let own = config(own, secs(10));
        assert_eq!(own.get_tcp_user_timeout(), Some(&secs(77)));
        assert_eq!(own.get_keepalives_idle(), secs(78));
        assert_eq!(own.get_keepalives_interval(), Some(secs(79)));
        assert_eq!(own.get_keepalives_retries(), Some(8));
        assert!(!config("host=db keepalives=0", secs(10)).get_keepalives());
    }

    #[test]
    fn no_timeout_is_none_at_all() {
        assert_eq!(millis(Duration::ZERO), "1");
        assert_eq!(millis(Duration::from_micros(1)), "1");
        assert_eq!(millis(Duration::from_micros(1_001)), "2");
        assert_eq!(millis(Duration::from_secs(5)), "5000");
        assert_eq!(millis(Duration::MAX), "2147483647");
    }
}
