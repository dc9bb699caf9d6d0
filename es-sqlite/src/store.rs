//! The handle that applications hold: it puts requests into the queues of the threads.

use crate::{
    append::{Done, Task, first_append},
    connection,
    errors::{Failed, closed, no_answer, panicked, read_only},
    options::{Durability, Settings, SqliteOptions},
    reader,
    rows::{Recorded, clamped, event_columns, place, read_error, snapshot, stored_event, unplaced},
    stats::{Counters, Stats},
    writer,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Direction, EventFilter, EventStore, FeedPage, Outcome,
    Position, ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError,
    StreamFold, StreamId, StreamRange,
    rows::{Page, Place},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    fmt,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{mpsc, oneshot, watch};

/// Events and snapshots in one SQLite file.
///
/// A handle: clones are the same store. Its threads end with [`close`](SqliteStore::close) or with
/// the last handle; what was handed over before is still written.
///
/// # Promises
/// `Ok` from an append means that the data is on the disk ([`Durability::Full`]). Appends that wait
/// at the same time are committed together, each with a verdict of its own. Several processes may
/// use one file on one machine; a network file system will not do.
///
/// # Tables
/// `events` has one row an event: `position`, `aggregate` and `aggregate_id` (the stream),
/// `version`, `event` (its name), `schema_version`, `recorded_at`, `event_id`, `metadata`,
/// `content_type` and `payload`, which is text where it is JSON. SQL may read it; triggers refuse
/// `UPDATE` and `DELETE` as a guard against accidents, not against an owner of the file who means it
/// (`INSERT OR REPLACE` gets past them). `appends` has the requests that had an id, `snapshots` the
/// newest snapshot of each stream, `es_work` a row for each saga or process manager, `es_cursors` how far their
/// inputs are, `es_meta` the version of these tables. Other names are free.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// The threads behind a file, and the ends of their queues.
pub(crate) struct Shared {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    /// `None` when the store was opened for reading only.
    writes: Option<mpsc::Sender<writer::Message>>,
    reads: reader::Reads,
    /// The newest position that this process appended.
    appended: watch::Sender<u64>,
    writer_ended: watch::Sender<()>,
    readers_ended: watch::Sender<()>,
}

impl SqliteStore {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Opens the store in this file with the usual settings, and creates it where it is missing.
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    ///
    /// # Cancel safety
    /// The file may have been created.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::options().open(path).await
    }

    /// For opening it with other settings.
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }

    /// Finishes what was handed over, ends the threads and closes the file. Later calls on any
    /// handle fail with [`Closed`](es_runtime::StorageErrorKind::Closed); a second `close` does
    /// nothing.
    ///
    /// # Cancel safety
    /// The store may be closed, or closed for reading only, or open. Call it again.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// A handle for read models in this file, beside the events: written by the same thread, so that
    /// the two never wait for each other's locks. [`inline`](SqliteOptions::inline) projections are
    /// asked through it too.
    pub fn read_database(&self) -> crate::SqliteReadDatabase {
        crate::SqliteReadDatabase::of(Arc::clone(&self.shared))
    }

    /// What was written since the store was opened. More writes than commits say that callers
    /// shared them.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
        }
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        self.shared.path()
    }

    /// What an acknowledged append survives.
    pub fn durability(&self) -> Durability {
        self.shared.settings.durability
    }
}

impl Shared {
    pub(crate) async fn start(settings: Arc<Settings>) -> Result<Arc<Self>, StorageError> {
        connection::check_library(rusqlite::version_number())?;
        let (writer_ended, writer_alive) = watch::channel(());
        let (readers_ended, readers_alive) = watch::channel(());
        let counters = Arc::<Counters>::default();
        let appended = watch::Sender::new(0);
        let writes = if settings.read_only {
            drop(writer_alive);
            None
        } else {
            let told = writer::Told {
                counters: Arc::clone(&counters),
                appended: appended.clone(),
            };
            Some(writer::start(Arc::clone(&settings), told, writer_alive).await?)
        };
        let reads = reader::start(Arc::clone(&settings), readers_alive).await?;
        Ok(Arc::new(Self {
            settings,
            counters,
            writes,
            reads,
            appended,
            writer_ended,
            readers_ended,
        }))
    }

    pub(crate) async fn close(&self) {
        // The writer ends last, since the last connection empties the log into the file.
        self.reads.close();
        self.readers_ended.closed().await;
        if let Some(writes) = &self.writes {
            // A queue that takes nothing more is closed already.
            let _ = writes.send(writer::Message::Close).await;
        }
        self.writer_ended.closed().await;
    }

    pub(crate) fn path(&self) -> &Path {
        &self.settings.path
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn writes(&self) -> Option<&mpsc::Sender<writer::Message>> {
        self.writes.as_ref()
    }

    pub(crate) async fn write(&self, task: Task) -> Result<Done, Failed> {
        let not_sent = |error| Failed {
            outcome: Outcome::NotApplied,
            error,
        };
        let Some(writes) = &self.writes else {
            return Err(not_sent(read_only()));
        };
        let (reply, answer) = oneshot::channel();
        writes
            .send(writer::Message::Write(task, reply))
            .await
            .map_err(|_| not_sent(closed()))?;
        answer.await.unwrap_or_else(|_| {
            Err(Failed {
                outcome: Outcome::Unknown,
                error: no_answer(),
            })
        })
    }

    /// Runs `read` on a reader's thread. It is told when nobody waits for its answer any more.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Waiting<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        let job = move |connection: Result<&Connection, StorageError>| {
            if reply.is_closed() {
                return;
            }
            let waiting = || !reply.is_closed();
            let result = catch_unwind(AssertUnwindSafe(|| read(connection?, &waiting)))
                .unwrap_or_else(|panic| Err(panicked("a read", panic).into()));
            let _ = reply.send(result);
        };
        self.reads.send(Box::new(job)).await?;
        answer.await.map_err(|_| no_answer())?
    }
}

/// Whether somebody still waits for the answer of a read.
pub(crate) type Waiting<'a> = dyn Fn() -> bool + 'a;

/// So many events, for each that is wanted, one page of the feed looks through at most.
const WINDOW: u64 = 64;

/// A long read looks so often whether somebody still waits for it.
const LOOK_EVERY: u64 = 64;

impl EventStore for SqliteStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        if let Err(reason) = append.check(&self.shared.settings.limits) {
            return Err(AppendError::Invalid { stream, reason });
        }
        match self.shared.write(Task::Append(Box::new(append))).await {
            Ok(Done::Appended(appended)) => Ok(appended),
            Ok(Done::Refused(error)) => Err(error),
            // No append is answered so.
            Ok(_) => Err(AppendError::Storage {
                stream,
                outcome: Outcome::Unknown,
                error: no_answer(),
            }),
            Err(Failed { outcome, error }) => Err(AppendError::Storage {
                stream,
                outcome,
                error,
            }),
        }
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        let (stream, id) = (stream.clone(), id.clone());
        self.shared
            .read(move |connection, _| {
                let found = first_append(connection, &stream, &id).map_err(read_error)?;
                Ok(found.transpose()?)
            })
            .await
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        fold: F,
    ) -> Result<F, ReadError> {
        let stream = stream.clone();
        self.shared
            .read(move |connection, waiting| fold_rows(connection, waiting, &stream, after, fold))
            .await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let stream = stream.clone();
        self.shared
            .read(move |connection, waiting| {
                stream_rows(connection, waiting, &stream, range, limit)
            })
            .await
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let filter = filter.clone();
        self.shared
            .read(move |connection, waiting| feed_rows(connection, waiting, after, &filter, limit))
            .await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.shared
            .read(|connection, _| {
                let newest: Option<i64> = connection
                    .prepare_cached("SELECT max(position) FROM events")
                    .and_then(|mut select| select.query_row([], |row| row.get(0)))
                    .map_err(read_error)?;
                let newest = u64::try_from(newest.unwrap_or(0)).map_err(|_| {
                    crate::errors::corrupt("the newest position is not a positive number")
                })?;
                Ok(Position::from_parts([0, 0, newest]))
            })
            .await
    }

    async fn changed(&self, position: Position) {
        let [_, _, seen] = position.to_parts();
        let mut appended = self.shared.appended.subscribe();
        if appended.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn fold_rows<F: StreamFold>(
    connection: &Connection,
    waiting: &Waiting<'_>,
    stream: &StreamId,
    after: u64,
    mut fold: F,
) -> Result<F, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT version, position, event, schema_version, content_type, payload FROM events
             WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3 ORDER BY version",
        )
        .map_err(read_error)?;
    let mut rows = select
        .query(params![stream.aggregate(), stream.id(), clamped(after)])
        .map_err(read_error)?;
    let mut previous = after;
    while let Some(row) = rows.next().map_err(read_error)? {
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        place.follows(stream, previous, Direction::Forward)?;
        let event = stored_event(row, place).map_err(|what| place.damaged(stream, what))?;
        let flow = catch_unwind(AssertUnwindSafe(|| fold.event(event))).map_err(|panic| {
            let what = format!("the fold of stream {stream} at version {}", place.version);
            panicked(&what, panic)
        })?;
        let abandoned = place.version % LOOK_EVERY == 0 && !waiting();
        if flow == ControlFlow::Break(()) || abandoned {
            break;
        }
        previous = place.version;
    }
    Ok(fold)
}

fn stream_rows(
    connection: &Connection,
    waiting: &Waiting<'_>,
    stream: &StreamId,
    range: StreamRange,
    limit: ReadLimit,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let sql = match range.direction {
        Direction::Forward => concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE aggregate = ?1 AND aggregate_id = ?2 AND version > ?3
              ORDER BY version"
        ),
        Direction::Backward => concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE aggregate = ?1 AND aggregate_id = ?2 AND version < ?3
              ORDER BY version DESC"
        ),
    };
    let mut select = connection.prepare_cached(sql).map_err(read_error)?;
    let mut rows = select
        .query(params![
            stream.aggregate(),
            stream.id(),
            clamped(range.after)
        ])
        .map_err(read_error)?;
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    // Backward, the first one is the newest: whatever its version is.
    let mut previous = match range.direction {
        Direction::Forward => Some(range.after),
        Direction::Backward => None,
    };
    while !page.is_full() {
        let Some(row) = rows.next().map_err(read_error)? else {
            // Backward, a stream that was read to its end ends at its first event.
            if let (Direction::Backward, Some(2..), Some(last)) =
                (range.direction, previous, page.events.last())
            {
                let place = Place {
                    version: last.version,
                    position: last.position,
                };
                return Err(place.damaged(stream, "the versions before it are missing"));
            }
            break;
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        if let Some(previous) = previous {
            place.follows(stream, previous, range.direction)?;
        }
        let event = recorded.read(row)?;
        if event.stream != *stream {
            return Err(place.damaged(stream, "the row names another stream than its index"));
        }
        if !page.take(event) {
            break;
        }
        previous = Some(place.version);
        if place.version % LOOK_EVERY == 0 && !waiting() {
            break;
        }
    }
    Ok(page.events)
}

pub(crate) fn feed_rows(
    connection: &Connection,
    waiting: &Waiting<'_>,
    after: Position,
    filter: &EventFilter,
    limit: ReadLimit,
) -> Result<FeedPage, ReadError> {
    let start = match after.to_parts() {
        [0, 0, low] => clamped(low),
        // After every position of this store.
        _ => i64::MAX,
    };
    let mut select = connection
        .prepare_cached(concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE position > ?1 ORDER BY position"
        ))
        .map_err(read_error)?;
    let mut rows = select.query([start]).map_err(read_error)?;
    let mut recorded = Recorded::default();
    let mut page = Page::new(limit);
    let mut next = after;
    // A reader who wants little hears from time to time how far it is, and others get their turn.
    let wanted = u64::try_from(limit.events).unwrap_or(u64::MAX);
    let window = wanted.max(1).saturating_mul(WINDOW);
    let mut seen = 0_u64;
    while !page.is_full() {
        let Some(row) = rows.next().map_err(read_error)? else {
            return Ok(FeedPage::new(page.events, next, true));
        };
        let place = place(row, 0, 1).map_err(|what| unplaced(row, what))?;
        let name = crate::rows::text(row, 2, "the event's name is not text");
        // A name that cannot be read may be one that is wanted.
        let wanted = name.map_or(true, |name| filter.accepts(name));
        if wanted && !page.take(recorded.read(row)?) {
            break;
        }
        next = place.position;
        seen += 1;
        if seen >= window {
            break;
        }
        if seen % LOOK_EVERY == 0 && !waiting() {
            break;
        }
    }
    Ok(FeedPage::new(page.events, next, false))
}

impl SnapshotStore for SqliteStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let stream = stream.clone();
        self.shared
            .read(move |connection, _| {
                connection
                    .prepare_cached(
                        "SELECT version, position, fingerprint, content_type, state FROM snapshots
                     WHERE aggregate = ?1 AND aggregate_id = ?2",
                    )
                    .and_then(|mut select| {
                        select
                            .query_row([stream.aggregate(), stream.id()], |row| {
                                Ok(snapshot(row, &stream))
                            })
                            .optional()
                    })
                    .map(Option::flatten)
                    .map_err(read_error)
            })
            .await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let task = Task::SaveSnapshot(Box::new(snapshot));
        self.shared
            .write(task)
            .await
            .map(|_| ())
            .map_err(|failed| failed.error)
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        let task = Task::DeleteSnapshot(stream.clone());
        self.shared
            .write(task)
            .await
            .map(|_| ())
            .map_err(|failed| failed.error)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path())
            .field("durability", &self.durability())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
