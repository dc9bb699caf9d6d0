//! The handle that applications hold.

use crate::{
    connection::{Param, Readers, Session},
    errors::{closed, no_answer, read_error, storage},
    feed::{feed_page, head_of},
    inline::Running,
    rows::{self, Recorded, clamped, position, stored_event},
    schema,
    settings::{Durability, StoreSettings},
    statements::Statements,
    stats::{Counters, Stats},
    wake, write,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, FeedPage, Outcome, Position,
    ReadDirection, ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError,
    StorageErrorKind, StreamFold, StreamId, StreamRange,
    store::author::{self, Page, RowLocation},
};
use futures_util::TryStreamExt;
use std::{
    fmt,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::types::Type;

/// Events and snapshots in one schema of a PostgreSQL database.
///
/// A handle: clones are the same store. Its tasks end with [`close`](PostgresStore::close), with the
/// last handle or with the tokio runtime that opened it; what was handed over before is still written
/// as long as that runtime lives.
///
/// # Promises
/// `Ok` from an append means that the server committed it ([`durability`](PostgresStore::durability)
/// says what that survives). Appends that wait at the same time are committed together, each with a
/// verdict of its own. Any number of processes may append to one schema.
///
/// Positions are dense: 1, 2, 3, .. An append takes the lock on the end of the feed, decides, writes
/// and commits; so a reader that has seen a position has seen everything before it.
///
/// When the answer to a commit is lost, the store connects again, waits for the transaction in
/// doubt to end and looks whether it was committed. Only where the server cannot be reached for
/// [`patience`](crate::PostgresOptions::patience) is the answer [`Outcome::Unknown`].
///
/// # Tables
/// In the schema, `es` by default: `events` has one row an event, with the columns that the fields of
/// [`RecordedEvent`] are named after; `convert_from(payload, 'UTF8')` shows a JSON payload. Triggers
/// refuse `UPDATE`, `DELETE` and `TRUNCATE` as a guard against accidents. `appends` has the requests
/// that had an id, `snapshots` the newest snapshot of each stream, `work` a row for each saga or process manager,
/// `cursors` how far their inputs are, `store_id` what the keys of their effects are derived from,
/// `head` the newest position, `es_meta` the version of these tables.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Arc<StoreSettings>,
    pub(crate) statements: Arc<Statements>,
    readers: Readers,
    pub(crate) writes: mpsc::Sender<write::Message>,
    counters: Arc<Counters>,
    durability: Durability,
    newest: watch::Sender<u64>,
    listening: OnceLock<()>,
    /// Ends listening, by a word or by being dropped.
    stopped: watch::Sender<()>,
    writer_ended: watch::Sender<()>,
    is_closed: AtomicBool,
    pub(crate) runtime: tokio::runtime::Handle,
}

impl PostgresStore {
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) async fn start(mut settings: StoreSettings) -> Result<Self, StorageError> {
        let session = settings.connector.patient_session().await?;
        if settings.migrate {
            schema::migrate(&session, &settings.schema).await?;
            settings.read.prepare(&session).await?;
        } else {
            schema::check(&session, &settings.schema).await?;
        }
        let (durability, wait) = durability(&session).await?;
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
        let begin = settings.connector.begin("READ COMMITTED");
        let (inlines, session) =
            Running::open(&settings.read, session, &begin, &statements).await?;
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
                runtime: tokio::runtime::Handle::current(),
            }),
        })
    }

    /// Finishes what was handed over, and ends the tasks and the connections. Later calls on any
    /// handle fail with [`Closed`](StorageErrorKind::Closed); a second `close` does nothing.
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
    }

    /// What was written since the store was opened. More writes than commits say that callers
    /// shared them.
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
    pub(crate) fn check_open(&self) -> Result<(), StorageError> {
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

    /// Begins to hear of what other processes append.
    fn listen(&self) {
        let settings = &self.settings;
        if settings.connector.pooled {
            return;
        }
        self.listening.get_or_init(|| {
            self.runtime.spawn(wake::listen(
                settings.connector.clone(),
                settings.schema.clone(),
                Arc::clone(&self.statements),
                self.newest.clone(),
                self.stopped.subscribe(),
            ));
        });
    }
}

/// So many rows are asked for at once when a stream is folded.
const FOLD_PAGE: i64 = 1000;

impl EventStore for PostgresStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let failed = |outcome, error| {
            Err(AppendError::Storage {
                stream: stream.clone(),
                outcome,
                error,
            })
        };
        author::check_bounds(&append, &self.shared.settings.limits)?;
        if let Err(error) = self.shared.check_open() {
            return failed(Outcome::NotApplied, error);
        }
        let (reply, answer) = oneshot::channel();
        let message = write::Message::Append(Box::new(append), reply);
        if self.shared.writes.send(message).await.is_err() {
            return failed(Outcome::NotApplied, closed());
        }
        match answer.await {
            Ok(verdict) => verdict,
            Err(_) => failed(Outcome::Unknown, no_answer()),
        }
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let params: [Param<'_>; 3] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
            (&id.as_str(), Type::TEXT),
        ];
        let sql = &self.shared.statements.first_append;
        let found = self.shared.rows(sql, &params).await?;
        let first = found.first().map(|row| rows::appended(row, stream, id));
        Ok(first.transpose()?)
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        self.shared.check_open()?;
        let mut folding = Folding {
            stream,
            fold,
            previous: after,
        };
        let mut tries = 0;
        loop {
            let session = self.shared.readers.get().await?;
            let before = folding.previous;
            match folding.page(&session, &self.shared.statements.fold).await {
                Ok(true) => return Ok(folding.fold),
                Ok(false) => tries = 0,
                // What was folded stays; reading goes on after it.
                Err(_) if session.is_closed() && tries < 2 => {
                    tries = if folding.previous > before {
                        0
                    } else {
                        tries + 1
                    };
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let statements = &self.shared.statements;
        let pages = match range.direction {
            ReadDirection::Forward => &statements.stream_forward,
            ReadDirection::Backward => &statements.stream_backward,
        };
        let most = i64::try_from(limit.events).unwrap_or(i64::MAX);
        let bytes = i64::try_from(limit.bytes).unwrap_or(i64::MAX);
        let params: [Param<'_>; 5] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
            (&most, Type::INT8),
            (&bytes, Type::INT8),
            (&clamped(range.after), Type::INT8),
        ];
        self.shared.check_open()?;
        let session = self.shared.readers.get().await?;
        let mut recorded = Recorded::default();
        let mut page = Page::new(limit);
        // Backward, the first one is the newest: whatever its version is.
        let mut previous = match range.direction {
            ReadDirection::Forward => Some(range.after),
            ReadDirection::Backward => None,
        };
        let sql = pages.sql(limit);
        let found = session.stream(sql, &params).await.map_err(read_error)?;
        let mut found = pin!(found);
        while let Some(row) = found.try_next().await.map_err(read_error)? {
            let place = rows::place(&row)?;
            if let Some(previous) = previous {
                place.follows(stream, previous, range.direction)?;
            }
            if !page.take(recorded.read(&row)?) {
                pages.learn(&page.events);
                return Ok(page.events);
            }
            previous = Some(place.version);
        }
        pages.learn(&page.events);
        // Backward, a stream that was read to its end ends at its first event.
        if let (ReadDirection::Backward, Some(2..), Some(last), false) = (
            range.direction,
            previous,
            page.events.last(),
            page.is_full(),
        ) {
            let place = RowLocation {
                version: last.version,
                position: last.position,
            };
            return Err(place.damaged(stream, "the versions before it are missing"));
        }
        Ok(page.events)
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        self.shared.check_open()?;
        let session = self.shared.readers.get().await?;
        let read = feed_page(&session, &self.shared.statements, after, filter, limit).await;
        match read {
            Err(_) if session.is_closed() => {
                let session = self.shared.readers.get().await?;
                feed_page(&session, &self.shared.statements, after, filter, limit).await
            }
            other => other,
        }
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let sql = &self.shared.statements.head;
        let head = head_of(&self.shared.rows(sql, &[]).await?)?;
        Ok(position(head))
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn changed(&self, position: Position) {
        self.shared.listen();
        let seen = rows::start(position);
        let mut newest = self.shared.newest.subscribe();
        if newest.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A stream on its way through a fold.
struct Folding<'a, F> {
    stream: &'a StreamId,
    fold: F,
    previous: u64,
}

impl<F: StreamFold> Folding<'_, F> {
    /// Folds the next rows; says whether that was all.
    async fn page(&mut self, session: &Session, sql: &str) -> Result<bool, ReadError> {
        let after = clamped(self.previous);
        let params: [Param<'_>; 4] = [
            (&self.stream.aggregate(), Type::TEXT),
            (&self.stream.id(), Type::TEXT),
            (&after, Type::INT8),
            (&FOLD_PAGE, Type::INT8),
        ];
        let found = session.stream(sql, &params).await.map_err(read_error)?;
        let mut found = pin!(found);
        let mut count = 0;
        while let Some(row) = found.try_next().await.map_err(read_error)? {
            count += 1;
            let place = rows::place(&row)?;
            place.follows(self.stream, self.previous, ReadDirection::Forward)?;
            let event =
                stored_event(&row, place).map_err(|what| place.damaged(self.stream, what))?;
            // The panic's own text may quote a payload and goes to the panic hook only.
            let flow = catch_unwind(AssertUnwindSafe(|| self.fold.event(event))).map_err(|_| {
                let (stream, version) = (self.stream, place.version);
                StorageError::new(
                    StorageErrorKind::Other,
                    format!("the fold of stream {stream} at version {version} panicked"),
                )
            })?;
            self.previous = place.version;
            if flow == ControlFlow::Break(()) {
                return Ok(true);
            }
        }
        Ok(count < FOLD_PAGE)
    }
}

impl SnapshotStore for PostgresStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let params: [Param<'_>; 2] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
        ];
        let sql = &self.shared.statements.load_snapshot;
        let found = self.shared.rows(sql, &params).await?;
        Ok(found.first().and_then(|row| rows::snapshot(row, stream)))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let params: [Param<'_>; 7] = [
            (&snapshot.stream.aggregate(), Type::TEXT),
            (&snapshot.stream.id(), Type::TEXT),
            (&clamped(snapshot.version), Type::INT8),
            (&snapshot.position.to_string(), Type::TEXT),
            (&snapshot.fingerprint.to_string(), Type::TEXT),
            (&snapshot.content_type, Type::TEXT),
            (&snapshot.state, Type::BYTEA),
        ];
        let sql = &self.shared.statements.save_snapshot;
        self.shared.rows(sql, &params).await.map(|_| ())
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        let params: [Param<'_>; 2] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
        ];
        let sql = &self.shared.statements.delete_snapshot;
        self.shared.rows(sql, &params).await.map(|_| ())
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
