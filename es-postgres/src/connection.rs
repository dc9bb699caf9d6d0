//! One connection to the server, and how connections are made. Where a pooler may be in between, a
//! transaction relies only on what it set itself.

use crate::{
    connection_string::hosts,
    errors::{again, storage},
    session,
};
use es_runtime::{__private::sleep, StorageError, StorageErrorKind};
use std::{
    collections::HashMap,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tokio_postgres::{
    AsyncMessage, Client, Config, Error, Row, RowStream, Socket, Statement,
    tls::{MakeTlsConnect, TlsConnect},
    types::{ToSql, Type},
};

/// A parameter and its type, so that no statement must be asked for it.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// What makes a connection live: polled until it ends, it gives what the server says by itself.
pub(crate) type Driver =
    Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>> + Send>;

type Connecting = Pin<Box<dyn Future<Output = Result<(Client, Driver), Error>> + Send>>;

/// Makes connections; hides which TLS they use.
pub(crate) trait Connect: Send + Sync {
    fn connect(&self, config: Config) -> Connecting;
}

pub(crate) struct Tls<T>(pub(crate) T);

impl<T> Connect for Tls<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn connect(&self, config: Config) -> Connecting {
        let tls = self.0.clone();
        Box::pin(async move {
            let (client, mut connection) = config.connect(tls).await?;
            let driver: Driver = Box::new(move |context| connection.poll_message(context));
            Ok((client, driver))
        })
    }
}

/// Opens connections as the settings say.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) config: Config,
    pub(crate) connect: Arc<dyn Connect>,
    /// The runtime that opened the store. Connections are made and driven in it, so callers may be anywhere.
    pub(crate) runtime: Handle,
    /// Whether a pooler gives each transaction another server connection.
    pub(crate) pooled: bool,
    /// How long to go on trying while the server does not take connections.
    pub(crate) patience: Duration,
    /// What the server is to do otherwise than it was set up.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Connector {
    /// Sets something for all transactions to come.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.settings.push((name, value));
    }

    pub(crate) fn set_all(&mut self, settings: &[(&'static str, &str)]) {
        for (name, value) in settings {
            self.set(name, (*value).to_owned());
        }
    }

    /// Sends the settings of a session, unless a pooler gives each transaction another one.
    pub(crate) async fn begin_session(&self, client: &Client) -> Result<(), StorageError> {
        if self.pooled {
            return Ok(());
        }
        let settings = self.settings("SET") + session::WITHOUT_END;
        client.batch_execute(&settings).await.map_err(storage)
    }

    /// The settings, by `SET` or by `SET LOCAL`. Names and values are this crate's own, numbers and
    /// checked identifiers.
    fn settings(&self, set: &str) -> String {
        let mut sql = String::new();
        for (name, value) in &self.settings {
            sql.extend([set, " ", name, " TO ", value, "; "]);
        }
        sql
    }

    /// What begins a transaction. Through a pooler, each brings its settings.
    pub(crate) fn begin(&self, mode: &str) -> String {
        let settings = if self.pooled {
            self.settings("SET LOCAL")
        } else {
            String::new()
        };
        format!("BEGIN ISOLATION LEVEL {mode}; {settings}")
    }

    /// What begins a transaction that looks for tables and makes them: the limits of a command are not for it.
    pub(crate) fn begin_unhurried(&self) -> String {
        self.begin("READ COMMITTED") + session::UNHURRIED
    }

    /// One try, with the driver in the caller's hands.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), Error> {
        self.connect.connect(self.config.clone()).await
    }

    /// A session whose driver runs as a task of its own until the session is dropped. The driver bounds
    /// how long a host may take to answer; this bounds what the server does with the connection.
    pub(crate) async fn session(&self) -> Result<Session, StorageError> {
        let connector = self.clone();
        let session = async move { connector.session_in_time().await };
        let session = self.runtime.spawn(session).await;
        session.unwrap_or_else(|_| Err(no_runtime()))
    }

    async fn session_in_time(&self) -> Result<Session, StorageError> {
        let each = self.config.get_connect_timeout().copied();
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        let all = each
            .unwrap_or_default()
            .saturating_mul(hosts.saturating_add(1));
        let session = tokio::time::timeout(all.max(self.patience), self.began());
        session.await.unwrap_or_else(|_| {
            Err(StorageError::new(
                StorageErrorKind::Unreachable,
                "the server took the connection and did not answer on it in time",
            ))
        })
    }

    async fn began(&self) -> Result<Session, StorageError> {
        let connected = self.connect().await;
        let (client, mut driver) = connected.map_err(|error| not_connected(&self.config, error))?;
        tokio::spawn(
            async move { while let Some(Ok(_)) = poll_fn(|context| driver(context)).await {} },
        );
        self.begin_session(&client).await?;
        Ok(Session {
            client,
            prepared: (!self.pooled).then(Prepared::default),
        })
    }

    /// The same, tried again while the server starts, is shut down, or has no connection free.
    pub(crate) async fn patient_session(&self) -> Result<Session, StorageError> {
        let mut tries = Tries::within(self.patience);
        loop {
            match self.session().await {
                Err(error) if is_retryable(error.kind) && tries.another().await => {}
                other => return other,
            }
        }
    }
}

/// Tries of something, with longer pauses between them and an end.
pub(crate) struct Tries {
    /// `None` where there is none.
    until: Option<Instant>,
    pause: Duration,
}

impl Tries {
    const LONGEST: Duration = Duration::from_millis(500);

    pub(crate) fn within(patience: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(patience),
            pause: Duration::from_millis(10),
        }
    }

    /// Waits before another try; `false`, and at once, where there is no time for one.
    pub(crate) async fn another(&mut self) -> bool {
        let next = Instant::now() + self.pause;
        if self.until.is_some_and(|until| next >= until) {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Self::LONGEST);
        true
    }
}

/// Which server it was, and what the system or the server says of it.
fn not_connected(config: &Config, error: Error) -> StorageError {
    let cause = std::error::Error::source(&error).filter(|_| error.as_db_error().is_none());
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    let mut error = storage(error);
    error.message = format!("{}: {}{cause}", hosts(config), error.message);
    error
}

fn is_retryable(kind: StorageErrorKind) -> bool {
    matches!(kind, StorageErrorKind::Unreachable | StorageErrorKind::Busy)
}

/// The runtime that the store's tasks live in.
pub(crate) fn in_runtime() -> Result<Handle, StorageError> {
    Handle::try_current().map_err(|_| no_runtime())
}

fn no_runtime() -> StorageError {
    StorageError::new(
        StorageErrorKind::CannotOpen,
        "a PostgreSQL store must be opened in a tokio runtime, which must live as long as the store is used",
    )
}

impl fmt::Debug for Connector {
    /// Where to, and nothing of the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

/// One connection. Dropping it ends it; what it has open is rolled back.
pub(crate) struct Session {
    client: Client,
    /// `None` for a pooler, which gives the server connection to others.
    pub(crate) prepared: Option<Prepared>,
}

/// Statements by their text.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The statements of this crate: a fixed list.
    own: Mutex<HashMap<String, Statement>>,
    /// The statements of handlers and queries: any number of texts.
    #[cfg(feature = "projections")]
    pub(crate) users: Mutex<HashMap<String, Statement>>,
}

impl Session {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Makes a statement ready, so that [`rows`](Session::rows) and the others send it at their first
    /// poll: what is sent in one flight must go out in its order.
    pub(crate) async fn prepare(&self, sql: &str, types: &[Type]) -> Result<(), Error> {
        if let Some(prepared) = &self.prepared {
            self.statement(&prepared.own, sql, types).await?;
        }
        Ok(())
    }

    pub(crate) async fn statement(
        &self,
        prepared: &Mutex<HashMap<String, Statement>>,
        sql: &str,
        types: &[Type],
    ) -> Result<Statement, Error> {
        if let Some(statement) = lock(prepared).get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare_typed(sql, types).await?;
        lock(prepared).insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// All rows of a statement.
    pub(crate) async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        match &self.prepared {
            None => self.client.query_typed(sql, params).await,
            Some(prepared) => {
                let (values, types) = split(params);
                let statement = self.statement(&prepared.own, sql, &types).await?;
                self.client.query(&statement, &values).await
            }
        }
    }

    /// The rows of a statement as they come.
    pub(crate) async fn stream(&self, sql: &str, params: &[Param<'_>]) -> Result<RowStream, Error> {
        match &self.prepared {
            None => {
                let params = params.iter().map(|(value, kind)| (*value, kind.clone()));
                self.client.query_typed_raw(sql, params).await
            }
            Some(prepared) => {
                let (values, types) = split(params);
                let statement = self.statement(&prepared.own, sql, &types).await?;
                self.client.query_raw(&statement, values).await
            }
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        match &self.prepared {
            None => self.client.execute_typed(sql, params).await,
            Some(prepared) => {
                let (values, types) = split(params);
                let statement = self.statement(&prepared.own, sql, &types).await?;
                self.client.execute(&statement, &values).await
            }
        }
    }
}

fn split<'a>(params: &[Param<'a>]) -> (Vec<&'a (dyn ToSql + Sync)>, Vec<Type>) {
    params.iter().cloned().unzip()
}

/// Nothing that can panic runs under the locks of this crate.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that many reads share: each sends its statement at once, the server answers in order.
pub(crate) struct Readers {
    connector: Connector,
    connections: Vec<Shared>,
}

#[derive(Default)]
struct Shared {
    state: tokio::sync::Mutex<ConnectionState>,
    in_use: Arc<AtomicUsize>,
}

#[derive(Default)]
struct ConnectionState {
    session: Option<Arc<Session>>,
    /// When and why connecting failed last.
    failed: Option<(Instant, StorageError)>,
}

impl ConnectionState {
    /// The session; connected again where it was lost. A caller that waited for a failed attempt
    /// of another shares the failure, so that timeouts do not accumulate.
    async fn session(
        &mut self,
        connector: &Connector,
        came: Instant,
    ) -> Result<Arc<Session>, StorageError> {
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        if let Some((_, error)) = self.failed.as_ref().filter(|(at, _)| *at >= came) {
            return Err(again(error));
        }
        match connector.patient_session().await {
            Ok(session) => {
                let session = Arc::new(session);
                self.session = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(error) => {
                self.failed = Some((Instant::now(), again(&error)));
                Err(error)
            }
        }
    }
}

/// A session in use by one read.
pub(crate) struct Reading {
    session: Arc<Session>,
    _place: Place,
}

impl std::ops::Deref for Reading {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// Counts one read; given back also when connecting fails or the caller goes away.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(in_use: &Arc<AtomicUsize>) -> Self {
        in_use.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(in_use))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// So many of them, at least one.
    pub(crate) fn new(connector: Connector, count: usize) -> Self {
        let connections = (0..count.max(1)).map(|_| Shared::default());
        Self {
            connector,
            connections: connections.collect(),
        }
    }

    /// The session with the least to do; connected again where it was lost.
    pub(crate) async fn get(&self) -> Result<Reading, StorageError> {
        let least = self
            .connections
            .iter()
            .min_by_key(|shared| shared.in_use.load(Ordering::Relaxed));
        let Some(shared) = least else {
            return Err(crate::errors::closed());
        };
        let place = Place::take(&shared.in_use);
        let came = Instant::now();
        let mut state = shared.state.lock().await;
        Ok(Reading {
            session: state.session(&self.connector, came).await?,
            _place: place,
        })
    }

    /// Forgets the connections; reads that are under way end by themselves.
    pub(crate) async fn close(&self) {
        for shared in &self.connections {
            *shared.state.lock().await = ConnectionState::default();
        }
    }
}
