//! The options of a store.

use crate::{
    SqliteStore,
    inline::Registered,
    log::Log,
    settings::{Clock, Durability, StoreSettings},
    store::Shared,
};
use es_runtime::{Limits, StorageError, Timestamp};
use std::{fmt, num::NonZeroUsize, path::Path, sync::Arc, thread, time::Duration};

/// Opens a [`SqliteStore`] with settings other than the defaults.
///
/// ```
/// use es_sqlite::SqliteStore;
/// use std::time::Duration;
///
/// # pollster::block_on(async {
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::options()
///     .busy_timeout(Duration::from_secs(1))
///     .reader_threads(2)
///     .open(folder.path().join("shop.db"))
///     .await?;
/// store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SqliteOptions {
    busy_timeout: Duration,
    statement_timeout: Duration,
    reader_threads: usize,
    limits: Limits,
    clock: Clock,
    pub(crate) durability: Durability,
    read_only: bool,
    all_tables: bool,
    max_bytes: Option<u64>,
    pub(crate) inline: Registered,
    pub(crate) holds_events: bool,
}

impl SqliteOptions {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            busy_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            reader_threads: cores.min(4),
            limits: Limits::default(),
            clock: Arc::new(Timestamp::now),
            durability: Durability::default(),
            read_only: false,
            all_tables: false,
            max_bytes: None,
            inline: Registered::default(),
            holds_events: true,
        }
    }

    /// How long to wait while another process has locked the database, 5 seconds by default.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a statement of a projection's handler may take, 30 seconds by default. It runs on the thread that
    /// writes, so nothing else is written meanwhile. One that takes longer is ended, and the handler fails with
    /// an error of its event. Building and swapping the tables of a projection is not limited.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How many threads read, each on its own connection. The default is the number of cores, at most 4.
    /// The minimum is one. With the feature `projections` as many others run the queries of the read
    /// database, so that commands do not wait for reports.
    pub fn reader_threads(mut self, threads: usize) -> Self {
        self.reader_threads = threads.max(1);
        self
    }

    /// The limits of one append.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the time of each append from `clock` instead of the system.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What an acknowledged append survives, [`Durability::Full`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens the store for reading only. The file must exist with its tables. Every write fails with
    /// [`StorageErrorKind::ReadOnly`](es_runtime::StorageErrorKind::ReadOnly).
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Makes the tables of unique values and tags too, which a store otherwise makes when it first needs one. For
    /// programs that fill a store with rows of another one, such as `es copy`.
    ///
    /// ```
    /// use es_sqlite::SqliteStore;
    ///
    /// # pollster::block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("shop.db");
    /// let store = SqliteStore::options().all_tables(true).open(&path).await?;
    /// store.close().await;
    /// let count = "SELECT count(*) FROM es_unique_values";
    /// let rows: i64 = rusqlite::Connection::open(&path)?.query_row(count, [], |row| row.get(0))?;
    /// assert_eq!(rows, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn all_tables(mut self, all: bool) -> Self {
        self.all_tables = all;
        self
    }

    /// The maximum size of the database file, rounded down to whole pages.
    /// Appends beyond it fail with [`StorageErrorKind::Full`](es_runtime::StorageErrorKind::Full).
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Opens the store. Creates the file and its tables where they are missing.
    ///
    /// # Errors
    /// [`StorageError`] with one of these kinds:
    /// - [`CannotOpen`](es_runtime::StorageErrorKind::CannotOpen): the folder or the rights are missing, or the
    ///   encoding of the file is UTF-16;
    /// - [`Version`](es_runtime::StorageErrorKind::Version): the file is of a newer release, or was made
    ///   before the first one, or the SQLite library is older than 3.51.3;
    /// - [`Corrupt`](es_runtime::StorageErrorKind::Corrupt): the file is not a database, or is damaged;
    /// - [`Busy`](es_runtime::StorageErrorKind::Busy): another process has locked it.
    ///
    /// # Cancel safety
    /// The file may have been created. The threads end.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StorageError> {
        let settings = self.settings(path.as_ref())?;
        let shared = Shared::start(Arc::new(settings)).await?;
        Ok(SqliteStore::of(shared))
    }

    pub(crate) fn settings(self, path: &Path) -> Result<StoreSettings, StorageError> {
        let rejected = |why: &dyn fmt::Display| {
            let what = format!("{}: {why}", path.display());
            StorageError::new(es_runtime::StorageErrorKind::CannotOpen, what)
        };
        // These names have another meaning in SQLite and must not become files.
        if path.as_os_str() == ":memory:" {
            return Err(rejected(
                &"use `es_runtime::MemoryStore` for a store in memory",
            ));
        }
        if path.to_str().is_some_and(|text| text.starts_with("file:")) {
            return Err(rejected(
                &"give the path of the file, not a URI; see `read_only`",
            ));
        }
        if path.is_dir() {
            return Err(rejected(&"it is a folder"));
        }
        // Absolute, since a connection may be opened again after the program changed its folder.
        let path = std::path::absolute(path).map_err(|error| rejected(&error))?;
        Ok(StoreSettings {
            rules: crate::rules::KnownRules::default(),
            absent: crate::rules::Absent::default(),
            log: Log::of(&path),
            path,
            // SQLite keeps it in milliseconds of 31 bits.
            busy_timeout: self.busy_timeout.min(Duration::from_secs(24 * 60 * 60)),
            statement_timeout: self.statement_timeout,
            reader_threads: self.reader_threads,
            limits: self.limits,
            clock: self.clock,
            durability: self.durability,
            read_only: self.read_only,
            all_tables: self.all_tables,
            max_bytes: self.max_bytes,
            inline: self.inline,
            holds_events: self.holds_events,
        })
    }
}

impl SqliteStore {
    /// Opens the store in this file with the default settings. Creates it where it is missing.
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    ///
    /// # Cancel safety
    /// The file may have been created.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::options().open(path).await
    }

    /// Options to open a store with other settings.
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("busy_timeout", &self.busy_timeout)
            .field("reader_threads", &self.reader_threads)
            .field("limits", &self.limits)
            .field("durability", &self.durability)
            .field("read_only", &self.read_only)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
