//! The handle that applications hold: starting and closing a store.

use crate::{
    connection::{Param, Readers, Session},
    errors::{closed, storage},
    inline::{Running, refuse_reentry},
    schema,
    settings::{Durability, StoreSettings},
    statements::Statements,
    stats::{Counters, Stats},
    wake, write,
};
use es_runtime::StorageError;
#[cfg(doc)]
use es_runtime::{EventStore, Outcome, RecordedEvent, SnapshotStore, StorageErrorKind};
use futures_util::future::join3;
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{mpsc, watch};

/// Events and snapshots in one schema of a PostgreSQL database. It implements [`EventStore`],
/// [`SnapshotStore`], [`CommitStore`](es_runtime::CommitStore) and [`WorkQueue`](es_runtime::WorkQueue).
///
/// Clones are handles of the same store. Its tasks end after [`close`](PostgresStore::close), when the
/// last handle is dropped, or with the tokio runtime that opened it. Pending writes are finished first as
/// long as that runtime exists.
///
/// # Guarantees
/// - When an append returns `Ok`, the server has committed it;
///   [`durability`](PostgresStore::durability) says what that survives.
/// - Appends that wait at the same time share one commit. Each gets its own result.
/// - Any number of processes may append to one schema.
/// - Positions are dense: 1, 2, 3, .. An append holds the lock on the end of the feed until it commits.
///   So a reader that has seen a position has seen everything before it.
/// - When the answer to a commit is lost, the store connects again, waits until the transaction in doubt
///   has ended, and looks whether it was committed. The outcome is [`Outcome::Unknown`] only when the
///   server cannot be reached for [`patience`](crate::PostgresOptions::patience).
///
/// # Tables
/// They are in the schema `es`, or in that of [`PostgresOptions::schema`](crate::PostgresOptions::schema).
///
/// | table | contents |
/// |---|---|
/// | `events` | one row for each event; the columns have the names of the fields of [`RecordedEvent`] |
/// | `head` | the newest position |
/// | `appends` | the appends that had an id |
/// | `snapshots` | the newest snapshot of each stream |
/// | `work` | one row for each saga or process manager |
/// | `cursors` | the positions of their inputs in the feed |
/// | `rules` | the rules of unique values and kinds of tags that are on |
/// | `unique_values` | who has which unique value |
/// | `unique_walks`, `unique_duplicates` | of rules that are being turned on: where that is, and the streams whose value another one has |
/// | `event_tags`, `tag_walks` | the tags of events, and how far recording them for older events has come |
/// | `store_id` | the store's id, from which the idempotency keys of sagas are derived |
/// | `es_meta` | the version of these tables |
///
/// `convert_from(payload, 'UTF8')` shows a JSON payload. Triggers reject `UPDATE`, `DELETE` and
/// `TRUNCATE` of events. They prevent accidents.
///
/// Tables that were made before the first release are rejected with [`StorageErrorKind::Version`]. There
/// is no migration from them.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

/// The name of this kind of store in metrics.
pub(crate) const NAME: &str = "postgres";

pub(crate) struct Shared {
    pub(crate) settings: Arc<StoreSettings>,
    pub(crate) statements: Arc<Statements>,
    pub(crate) readers: Readers,
    /// Through a pooler: the connection of statements that write outside of appends.
    changes: Readers,
    one_change: tokio::sync::Mutex<()>,
    pub(crate) writes: mpsc::Sender<write::Message>,
    counters: Arc<Counters>,
    durability: Durability,
    pub(crate) newest: watch::Sender<u64>,
    listening: OnceLock<()>,
    /// Ends listening, by a message or by being dropped.
    stopped: watch::Sender<()>,
    writer_ended: watch::Sender<()>,
    is_closed: AtomicBool,
}

impl PostgresStore {
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) async fn start(mut settings: StoreSettings) -> Result<Self, StorageError> {
        let session = settings.connector.patient_session().await?;
        // Where any of it fails, the session is dropped and the server rolls back.
        let run = async |sql: &str| session.client().batch_execute(sql).await.map_err(storage);
        run(&settings.connector.begin_unhurried()).await?;
        if settings.migrate {
            schema::migrate(&session, &settings.schema).await?;
            settings.read.prepare(&session).await?;
        } else {
            schema::check(&session, &settings.schema).await?;
        }
        schema::refuse_hidden_rows(&session, &settings.schema).await?;
        let (durability, wait) = durability(&session).await?;
        run("COMMIT").await?;
        let session = if wait {
            session
        } else {
            // Each session from now on says that its commits wait for the log.
            let connector = &mut settings.connector;
            connector.set("synchronous_commit", "on".to_owned());
            connector.patient_session().await?
        };
        let settings = Arc::new(settings);
        let statements = Arc::new(Statements::new(&settings.schema));
        let counters = Arc::<Counters>::default();
        let newest = watch::Sender::new(0);
        let mine = watch::Sender::new(0);
        if settings.notify {
            let (connector, schema) = (settings.connector.clone(), settings.schema.clone());
            tokio::spawn(wake::announce(connector, schema, mine.subscribe()));
        }
        let begin = settings.connector.begin_unhurried();
        let (inlines, session) =
            Running::open(&settings.read, session, &begin, &statements).await?;
        let begin = settings.connector.begin("READ COMMITTED");
        let (writer_ended, alive) = watch::channel(());
        let notifier = write::Notifier {
            counters: Arc::clone(&counters),
            mine,
            newest: newest.clone(),
        };
        let writes = write::start(
            Arc::clone(&settings),
            Arc::clone(&statements),
            notifier,
            inlines,
            begin,
            session,
            alive,
        );
        Ok(Self {
            shared: Arc::new(Shared {
                readers: Readers::new(settings.connector.clone(), settings.readers),
                changes: Readers::new(settings.connector.clone(), 1),
                one_change: tokio::sync::Mutex::default(),
                settings,
                statements,
                writes,
                counters,
                durability,
                newest,
                listening: OnceLock::new(),
                stopped: watch::Sender::new(()),
                writer_ended,
                is_closed: AtomicBool::new(false),
            }),
        })
    }

    /// Finishes pending writes, and ends the tasks and the connections. Later calls on any handle fail with [`Closed`](StorageErrorKind::Closed); a second `close` does nothing.
    ///
    /// # Cancel safety
    /// The store may be closed or open. Call it again.
    pub async fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        // A queue that takes nothing more is closed already.
        let _ = self.shared.writes.send(write::Message::Close).await;
        self.shared.stopped.send_replace(());
        self.shared.writer_ended.closed().await;
        self.shared.readers.close().await;
        self.shared.changes.close().await;
    }

    /// Counts of the writes and commits since the store was opened. There are more writes than commits
    /// when callers shared commits.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
            resolved: counters.resolved.load(Ordering::Relaxed),
        }
    }

    /// What an acknowledged append survives, as the server was set up when the store was opened.
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// The name of the schema.
    pub fn schema(&self) -> &str {
        self.shared.settings.schema.as_str()
    }
}

/// How the server is set up, and whether its commits wait for the log by themselves.
async fn durability(session: &Session) -> Result<(Durability, bool), StorageError> {
    const SQL: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
                       current_setting('synchronous_commit')";
    let found = session.rows(SQL, &[]).await.map_err(storage)?;
    let is = |index, value| {
        let row = found.first();
        row.is_some_and(|row| {
            row.try_get::<_, &str>(index)
                .is_ok_and(|text| text == value)
        })
    };
    let durability = if is(0, "on") && is(1, "on") {
        Durability::Full
    } else {
        Durability::ProcessOnly
    };
    Ok((durability, !is(2, "off")))
}

impl Shared {
    /// Whether a request may be made now, and here: not out of a transaction.
    pub(crate) fn check_open(&self) -> Result<(), StorageError> {
        refuse_reentry()?;
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        Ok(())
    }

    /// All rows of a statement that reads; once more where the connection is lost meanwhile.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, StorageError> {
        self.check_open()?;
        let session = self.readers.get().await?;
        match session.rows(sql, params).await {
            Err(_) if session.is_closed() => {
                drop(session);
                let session = self.readers.get().await?;
                session.rows(sql, params).await.map_err(storage)
            }
            other => other.map_err(storage),
        }
    }

    /// All rows of a statement that writes, outside of appends. Through a pooler it needs a transaction
    /// that brings the settings, in which nothing else is sent.
    pub(crate) async fn change(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, StorageError> {
        self.check_open()?;
        let connector = &self.settings.connector;
        if !connector.pooled {
            return self.rows(sql, params).await;
        }
        let session = self.changes.get().await?;
        let start = connector.begin("READ COMMITTED");
        let _alone = self.one_change.lock().await;
        let (began, changed, committed) = join3(
            session.client().batch_execute(&start),
            session.rows(sql, params),
            session.client().batch_execute("COMMIT"),
        )
        .await;
        began.map_err(storage)?;
        let changed = changed.map_err(storage)?;
        committed.map_err(storage)?;
        Ok(changed)
    }

    /// Begins to listen for the appends of other processes.
    pub(crate) fn listen(&self) {
        let settings = &self.settings;
        if settings.connector.pooled {
            return;
        }
        self.listening.get_or_init(|| {
            settings.connector.runtime.spawn(wake::listen(
                settings.connector.clone(),
                settings.schema.clone(),
                Arc::clone(&self.statements),
                self.newest.clone(),
                self.stopped.subscribe(),
            ));
        });
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("connector", &self.shared.settings.connector)
            .field("schema", &self.schema())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
