//! The options of a store.

use crate::{Address, NatsStore, connect, shared::Clock};
use async_nats::ConnectOptions;
use es_runtime::{Limits, StorageError, Timestamp};
use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

/// Opens a [`NatsStore`].
///
/// What loses acknowledged events is refused, unless an option names it: [`one_replica`](NatsOptions::one_replica),
/// [`unchecked_syncs`](NatsOptions::unchecked_syncs), [`interval_syncs`](NatsOptions::interval_syncs).
///
/// ```no_run
/// use es_nats::NatsStore;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = NatsStore::options()
///     .stream("SHOP")
///     .monitoring(["http://nats-1:8222", "http://nats-2:8222", "http://nats-3:8222"])
///     .open("nats://nats-1,nats://nats-2,nats://nats-3")
///     .await?;
/// assert!(store.durability().is_full());
/// # Ok(())
/// # }
/// ```
#[must_use]
#[allow(clippy::struct_excessive_bools, reason = "each option is independent")]
pub struct NatsOptions {
    pub(crate) stream: String,
    pub(crate) replicas: usize,
    pub(crate) monitoring: Vec<String>,
    pub(crate) accepts_unchecked: bool,
    pub(crate) accepts_intervals: bool,
    pub(crate) limits: Limits,
    pub(crate) patience: Duration,
    pub(crate) answer: Duration,
    pub(crate) read_only: bool,
    pub(crate) creates: bool,
    pub(crate) fills: bool,
    pub(crate) clock: Option<Clock>,
    pub(crate) erased: Vec<RangeInclusive<u64>>,
    pub(crate) connect: ConnectOptions,
}

impl NatsOptions {
    pub(crate) fn new() -> Self {
        let mut limits = Limits::default();
        limits.append_bytes = 4 * 1024 * 1024;
        Self {
            stream: "ES".to_owned(),
            replicas: 3,
            monitoring: Vec::new(),
            accepts_unchecked: false,
            accepts_intervals: false,
            limits,
            patience: Duration::from_secs(30),
            answer: Duration::from_secs(5),
            read_only: false,
            creates: true,
            fills: false,
            clock: None,
            erased: Vec::new(),
            connect: ConnectOptions::new(),
        }
    }

    /// The name of the stream of JetStream, and of its subjects: 1 to 64 ASCII letters, digits, `-` and `_`. `ES` by
    /// default. Snapshots are in the stream with this name and `-snapshots`.
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// On how many servers each event is: 3 by default, or 5, which survive the loss of two.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.max(3);
        self
    }

    /// Keeps one copy only. The loss of its machine loses all events. For development and tests.
    pub fn one_replica(mut self) -> Self {
        self.replicas = 1;
        self
    }

    /// Where each server is monitored, such as `http://nats-1:8222` (`http_port: 8222` in its configuration). The
    /// store asks there whether the server syncs before it answers, and which version it has. Without TLS.
    pub fn monitoring<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.monitoring = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Opens the store although nobody asks the servers when they sync. With their default, every two minutes, a loss of
    /// power of a majority at once loses what was acknowledged since.
    pub fn unchecked_syncs(mut self) -> Self {
        self.accepts_unchecked = true;
        self
    }

    /// Opens the store although servers sync at intervals. A loss of power of a majority at once loses what was
    /// acknowledged since the last sync.
    pub fn interval_syncs(mut self) -> Self {
        self.accepts_intervals = true;
        self
    }

    /// The limits of one append, which is one message. By default all payloads of an append may have 4 MiB together. The
    /// server's `max_payload` must be 1 MiB larger.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a call goes on while the server does not answer or has no leader, 30 seconds by default. An election takes
    /// 4 to 9 seconds, and the start of a whole cluster up to 30.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long one request waits before it is made again, 5 seconds by default.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer = timeout;
        self
    }

    /// Opens the store for reading only. It must exist. Every write fails with
    /// [`StorageErrorKind::ReadOnly`](es_runtime::StorageErrorKind::ReadOnly).
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether to create the streams of JetStream when they are missing, which is the default.
    pub fn create(mut self, create: bool) -> Self {
        self.creates = create;
        self
    }

    /// Opens also a store that `es copy` or `es import` has begun to fill, for programs that go on with that: see
    /// [`transfer`](crate::transfer).
    pub fn filling(mut self, filling: bool) -> Self {
        self.fills = filling;
        self
    }

    /// Takes all times from `clock`: those of appends instead of the system's, and those of work items instead of the clock of
    /// the server that leads the stream.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Accepts that messages with these sequences are missing, because somebody has erased them. A feed fails at any other
    /// one that is missing.
    pub fn erased(mut self, sequences: RangeInclusive<u64>) -> Self {
        self.erased.push(sequences);
        self
    }

    /// How to connect: credentials, TLS, names. The timeouts of requests are those of this store, and so is how often the client asks
    /// whether its server is still there: a silent one is left after half of the [`patience`](NatsOptions::patience).
    pub fn connect_options(mut self, options: ConnectOptions) -> Self {
        self.connect = options;
        self
    }

    /// Connects, creates the streams of JetStream where they are missing, and checks that nothing loses what is acknowledged.
    ///
    /// `address` names the servers, such as `nats://one,two:4222`. `name:password@` or `token@` may stand before the first one;
    /// `@`, `/`, `?` and `,` in it are written as `%40`, `%2F`, `%3F` and `%2C`. The address may name the stream too, and have the
    /// options of the command `es`, which an operator sets without a change of the program. They replace those of the program;
    /// `erased` adds to them:
    ///
    /// ```text
    /// nats://one:4222,two:4222/STREAM?monitoring=http://one:8222,http://two:8222&replicas=5&one-replica&unchecked-syncs
    ///     &interval-syncs&credentials=FILE&erased=3-7,12
    /// ```
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), es_runtime::StorageError> {
    /// let address = "nats://localhost/SHOP?one-replica&monitoring=http://localhost:8222";
    /// let store = es_nats::NatsStore::options().open(address).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`CannotOpen`](es_runtime::StorageErrorKind::CannotOpen) when a setting of the servers or of the stream loses
    ///   acknowledged events. The message says which line to change.
    /// - [`Version`](es_runtime::StorageErrorKind::Version) when a server is too old: 2.12.14, 2.14.4, 2.15 and newer ones are accepted.
    /// - [`Missing`](es_runtime::StorageErrorKind::Missing) when there is no stream and it must not be created.
    /// - [`Unreachable`](es_runtime::StorageErrorKind::Unreachable) when no server answers.
    ///
    /// # Cancel safety
    /// The streams may have been created. The next call finds them.
    pub async fn open(self, address: &str) -> Result<NatsStore, StorageError> {
        self.open_at(&Address::parse(address)?).await
    }

    /// The same for an address that was read before.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), es_runtime::StorageError> {
    /// use es_nats::{Address, NatsStore};
    ///
    /// let address = Address::parse("nats://one,two/SHOP?replicas=5")?;
    /// let reads = NatsStore::options().read_only(true).one_replica().unchecked_syncs();
    /// let store = reads.open_at(&address.to_read()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`open`](NatsOptions::open).
    ///
    /// # Cancel safety
    /// As [`open`](NatsOptions::open).
    pub async fn open_at(self, address: &Address) -> Result<NatsStore, StorageError> {
        connect::open(self, address).await.map(NatsStore::of)
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsOptions")
            .field("stream", &self.stream)
            .field("replicas", &self.replicas)
            .field("monitoring", &self.monitoring)
            .field("patience", &self.patience)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}
