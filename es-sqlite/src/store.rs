//! The handle that applications hold: it puts requests into the queues of the threads.

use crate::{
    append::first_append,
    connection,
    errors::{Failed, closed, no_answer, panicked, read_only},
    inside::refuse_reentry,
    queries::{self, Waiting, feed_rows, fold_rows, stream_ids, stream_rows},
    reader,
    rows::{read_error, snapshot},
    settings::{Durability, NAME, StoreSettings},
    stats::{Counters, Stats},
    tags,
    task::{Done, Task},
    unique, writer,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, FeedPage, Outcome, Position,
    ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError, StreamFold,
    StreamId, StreamRange, TagQuery, TagWalk, TagWalked, TaggedBackward, TaggedPage, UniqueWalk,
    UniqueWalked, store::author,
};
use rusqlite::{Connection, OptionalExtension};
use std::{
    fmt,
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{mpsc, oneshot, watch};

/// Events and snapshots in one SQLite file. It implements [`EventStore`], [`SnapshotStore`],
/// [`CommitStore`](es_runtime::CommitStore) and [`WorkQueue`](es_runtime::WorkQueue).
///
/// Clones are handles of the same store. Its threads end after [`close`](SqliteStore::close), or when the
/// last handle is dropped; pending writes are finished first.
///
/// # Guarantees
/// - When an append returns `Ok`, the data is on the disk ([`Durability::Full`]).
/// - Appends that wait at the same time share one commit. Each gets its own result.
/// - Several processes on one machine may use the same file. Network file systems are not supported.
/// - Loads and commands do not wait for the queries of the read database, which have threads of their own.
/// - The write-ahead log (the file that ends with `-wal`) shrinks again after the reads that made it grow. While one
///   read lasts, it keeps what was written since.
///
/// # Tables
/// | table | contents |
/// |---|---|
/// | `events` | one row for each event: `position`, `aggregate` and `aggregate_id` (the stream), `version`, `event` (its name), `schema_version`, `recorded_at`, `event_id`, `metadata`, `content_type` and `payload` |
/// | `appends` | the appends that had an id |
/// | `snapshots` | the newest snapshot of each stream |
/// | `es_work` | one row for each saga or process manager |
/// | `es_cursors` | the positions of their inputs in the feed |
/// | `es_meta` | the version of these tables |
/// | `es_rules` | the rules of unique values and kinds of tags that are on; made by the first one |
/// | `es_unique_values` | who has which unique value; made by the first append with a rule |
/// | `es_tags`, `es_tag_walks` | the tags of events, and how far recording them for older events has come; made by the first tag |
/// | `es_unique_walks`, `es_unique_duplicates` | of rules that are being turned on: where that is, and the streams whose value another one has |
///
/// A JSON payload is stored as text. Triggers reject `UPDATE` and `DELETE` of events. They prevent
/// accidents; `INSERT OR REPLACE` circumvents them. Other table names are free for the application.
///
/// Files that were made before the first release are rejected with
/// [`StorageErrorKind::Version`](es_runtime::StorageErrorKind::Version). There is no migration from them.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// The threads of a file, and the ends of their queues.
pub(crate) struct Shared {
    settings: Arc<StoreSettings>,
    counters: Arc<Counters>,
    /// `None` when the store was opened for reading only.
    writes: Option<mpsc::Sender<writer::Message>>,
    reads: reader::Reads,
    /// Queries of the application, which may take long: the loads of commands do not wait for them.
    #[cfg(feature = "projections")]
    reports: reader::Reads,
    #[cfg(feature = "projections")]
    pub(crate) stops: es_projections::backend::Stops,
    /// The newest position that this process appended.
    appended: watch::Sender<u64>,
    writer_ended: watch::Sender<()>,
    readers_ended: watch::Sender<()>,
}

impl SqliteStore {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Finishes pending writes, ends the threads and closes the file. Later calls on any handle fail with [`Closed`](es_runtime::StorageErrorKind::Closed); a second `close` does
    /// nothing.
    ///
    /// # Cancel safety
    /// The store may be closed, or closed for reading only, or open. Call it again.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// Counts of the writes and commits since the store was opened. There are more writes than commits
    /// when callers shared commits.
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
    pub(crate) async fn start(settings: Arc<StoreSettings>) -> Result<Arc<Self>, StorageError> {
        connection::check_library(rusqlite::version_number())?;
        let (writer_ended, writer_alive) = watch::channel(());
        let (readers_ended, readers_alive) = watch::channel(());
        let counters = Arc::<Counters>::default();
        let appended = watch::Sender::new(0);
        let writes = if settings.read_only {
            drop(writer_alive);
            None
        } else {
            let notifier = writer::Notifier {
                counters: Arc::clone(&counters),
                appended: appended.clone(),
            };
            Some(writer::start(Arc::clone(&settings), notifier, writer_alive).await?)
        };
        let reads = reader::start(&settings, "read", writes.as_ref(), &readers_alive).await?;
        #[cfg(feature = "projections")]
        let reports = reader::start(&settings, "report", writes.as_ref(), &readers_alive).await?;
        drop(readers_alive);
        Ok(Arc::new(Self {
            settings,
            counters,
            writes,
            reads,
            #[cfg(feature = "projections")]
            reports,
            #[cfg(feature = "projections")]
            stops: es_projections::backend::Stops::default(),
            appended,
            writer_ended,
            readers_ended,
        }))
    }

    pub(crate) async fn close(&self) {
        // The writer ends last, since the last connection empties the log into the file.
        self.reads.close();
        #[cfg(feature = "projections")]
        self.reports.close();
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

    pub(crate) fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// Where writes are sent.
    ///
    /// # Errors
    /// For a store that only reads, and for requests out of its own threads.
    pub(crate) fn queue_of_writes(&self) -> Result<&mpsc::Sender<writer::Message>, StorageError> {
        refuse_reentry(&self.settings)?;
        self.writes.as_ref().ok_or_else(read_only)
    }

    pub(crate) async fn write(&self, task: Task) -> Result<Done, Failed> {
        let not_sent = |error| Failed {
            outcome: Outcome::NotApplied,
            error,
        };
        let writes = self.queue_of_writes().map_err(not_sent)?;
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

    /// Runs `read` on a reader's thread. Its second argument says whether the caller still waits.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Waiting<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.read_in(&self.reads, read).await
    }

    /// The same for a query of the application.
    #[cfg(feature = "projections")]
    pub(crate) async fn report<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Waiting<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.read_in(&self.reports, read).await
    }

    async fn tagged(
        &self,
        query: &TagQuery,
        range: tags::Range,
        limit: ReadLimit,
    ) -> Result<tags::Found, ReadError> {
        let (query, settings) = (query.clone(), Arc::clone(&self.settings));
        self.read(move |connection, waiting| {
            tags::page(connection, waiting, &query, range, limit, &settings.absent)
        })
        .await
    }

    async fn read_in<T: Send + 'static>(
        &self,
        reads: &reader::Reads,
        read: impl FnOnce(&Connection, &Waiting<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        refuse_reentry(&self.settings)?;
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
        reads.send(Box::new(job)).await?;
        answer.await.map_err(|_| no_answer())?
    }
}

impl EventStore for SqliteStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        author::check_bounds(&append, &self.shared.settings.limits)?;
        let since = author::Timer::start();
        let answer = match self.shared.write(Task::Append(Box::new(append))).await {
            Ok(Done::Appended(appended)) => Ok(appended),
            Ok(Done::Rejected(error)) => Err(error),
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
        };
        author::appended(since, NAME, &answer);
        answer
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

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let (aggregate, after) = (aggregate.to_owned(), after.to_owned());
        self.shared
            .read(move |connection, waiting| {
                stream_ids(connection, waiting, &aggregate, &after, at_most)
            })
            .await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.shared
            .read(|connection, _| {
                let newest = queries::newest(connection).map_err(read_error)?;
                let newest = u64::try_from(newest).map_err(|_| {
                    crate::errors::corrupt("the newest position is not a positive number")
                })?;
                Ok(Position::from_parts([0, 0, newest]))
            })
            .await
    }

    async fn store_id(&self) -> Result<String, ReadError> {
        self.shared
            .read(|connection, _| queries::store_id(connection).map_err(read_error))
            .await
    }

    async fn walk_unique(&self, walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        match self.shared.write(Task::Walk(Box::new(walk))).await {
            Ok(Done::Walked(walked)) => walked,
            Ok(_) => Err(no_answer()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let range = tags::Range::forward(after);
        let found = self.shared.tagged(query, range, limit).await?;
        let head = found.is_over.then_some(found.head);
        Ok(TaggedPage::new(found.events, after, head))
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let range = tags::Range::backward(after, until);
        let found = self.shared.tagged(query, range, limit).await?;
        let (head, is_over) = (found.head, found.is_over);
        Ok(TaggedBackward::new(found.events, head, is_over))
    }

    async fn walk_tags(&self, walk: TagWalk) -> Result<TagWalked, StorageError> {
        match self.shared.write(Task::WalkTags(Box::new(walk))).await {
            Ok(Done::WalkedTags(walked)) => Ok(walked),
            Ok(_) => Err(no_answer()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        let (rule, value) = (rule.to_owned(), value.to_owned());
        let now = (self.shared.settings.clock)();
        self.shared
            .read(move |connection, _| {
                let found = unique::holder(connection, &rule, &value, now).map_err(read_error)?;
                Ok(found?)
            })
            .await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn changed(&self, position: Position) {
        let [_, _, seen] = position.to_parts();
        let mut appended = self.shared.appended.subscribe();
        if appended.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
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
