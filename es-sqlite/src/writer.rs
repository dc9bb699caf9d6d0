//! The one thread that writes. What waits when it is free goes into one transaction, so that many
//! callers share one sync of the disk; each gets an answer of its own, after the commit.

use crate::{
    block_on::block_on,
    connection::{self, Role},
    errors::{Failed, SharedFailure, no_answer, outcome_of_commit, panicked},
    read_models::{
        SqliteReadDatabase, SqliteTransaction,
        inline::{self, Feed},
    },
    schema,
    settings::Settings,
    stats::Counters,
    task::{self, Done, Task},
};
use es_projections::backend::{InlineError, Inlines};
use es_runtime::{AppendError, Outcome, StorageError, StorageErrorKind};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
};
use tokio::sync::{mpsc, oneshot, watch};

/// At most so many writes share a transaction,
const GROUP: usize = 512;
/// and at most about so many bytes of payload, so that a group stays small beside the log.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Writes that wait before callers wait to hand theirs over.
const QUEUE: usize = 1024;

pub(crate) type Reply = oneshot::Sender<Result<Done, Failed>>;

pub(crate) enum Message {
    Write(Task, Reply),
    /// A transaction of its own.
    Job(Job),
    Close,
}

/// Gets the connection, or why there is none, and gives it back unless it is in doubt.
pub(crate) type Job =
    Box<dyn FnOnce(Result<SqliteTransaction, StorageError>) -> Option<SqliteTransaction> + Send>;

/// Whom the writer tells of what it did.
pub(crate) struct Told {
    pub(crate) counters: Arc<Counters>,
    /// The newest position.
    pub(crate) appended: watch::Sender<u64>,
}

/// Starts the thread and waits until the database is open and has its tables.
pub(crate) async fn start(
    settings: Arc<Settings>,
    told: Told,
    alive: watch::Receiver<()>,
) -> Result<mpsc::Sender<Message>, StorageError> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let (ready, opened) = oneshot::channel();
    let thread = thread::Builder::new().name("es-sqlite-writer".to_owned());
    thread
        .spawn(move || {
            match open(&settings) {
                Ok((connection, inlines)) => {
                    if ready.send(Ok(())).is_ok() {
                        Writer {
                            connection: Some(connection),
                            inlines,
                            settings,
                            told,
                        }
                        .serve(queue);
                    }
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
            drop(alive);
        })
        .map_err(|error| {
            StorageError::new(
                StorageErrorKind::Other,
                format!("its writer thread could not be started: {error}"),
            )
        })?;
    opened.await.map_err(|_| no_answer())??;
    Ok(sender)
}

fn open(
    settings: &Settings,
) -> Result<(SqliteTransaction, Inlines<SqliteReadDatabase>), StorageError> {
    let mut connection = connection::open(settings, Role::Writer)?;
    if settings.holds_events {
        schema::migrate(&mut connection, settings)?;
    }
    let mut connection = SqliteTransaction::new(connection);
    let inlines = inline::open(&settings.inline, &mut connection)
        .map_err(|error| connection::name_file(settings, error))?;
    Ok((connection, inlines))
}

struct Writer {
    /// `None` after a failure that left it in doubt; it is opened again for the next write.
    connection: Option<SqliteTransaction>,
    inlines: Inlines<SqliteReadDatabase>,
    settings: Arc<Settings>,
    told: Told,
}

/// Writes of one transaction, each beside the place for its answer.
#[derive(Default)]
struct Group {
    tasks: Vec<Task>,
    replies: Vec<Reply>,
    bytes: usize,
    /// What came behind them and goes alone.
    then: Option<Job>,
}

impl Group {
    fn push(&mut self, task: Task, reply: Reply) {
        self.bytes = self.bytes.saturating_add(task.size());
        self.tasks.push(task);
        self.replies.push(reply);
    }

    /// Takes what waits, as far as it fits.
    fn fill(&mut self, queue: &mut mpsc::Receiver<Message>) {
        while self.tasks.len() < GROUP && self.bytes < GROUP_BYTES {
            match queue.try_recv() {
                Ok(Message::Write(task, reply)) => self.push(task, reply),
                Ok(Message::Job(job)) => {
                    self.then = Some(job);
                    return;
                }
                Ok(Message::Close) => queue.close(),
                Err(_) => return,
            }
        }
    }
}

/// Why a transaction was given up.
struct Abandoned {
    failure: SharedFailure,
    /// Whether it makes sense to try its writes one by one.
    alone: bool,
}

impl Writer {
    fn serve(mut self, mut queue: mpsc::Receiver<Message>) {
        // A closed queue still gives what was in it.
        while let Some(message) = queue.blocking_recv() {
            match message {
                Message::Write(task, reply) => {
                    let mut group = Group::default();
                    group.push(task, reply);
                    group.fill(&mut queue);
                    let then = group.then.take();
                    self.write(group);
                    if let Some(job) = then {
                        self.job(job);
                    }
                }
                Message::Job(job) => self.job(job),
                Message::Close => queue.close(),
            }
        }
    }

    fn connection(&mut self) -> Result<SqliteTransaction, StorageError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let (connection, inlines) = open(&self.settings)?;
        self.inlines = inlines;
        Ok(connection)
    }

    fn job(&mut self, job: Job) {
        let connection = self.connection();
        // Jobs catch what handlers do; this catches what dropping their results does.
        let given_back = catch_unwind(AssertUnwindSafe(|| job(connection)));
        self.connection = given_back.ok().flatten();
    }

    fn write(&mut self, group: Group) {
        match self.transaction(&group.tasks) {
            Ok(done) => {
                for (reply, done) in group.replies.into_iter().zip(done) {
                    // Whoever does not wait any more does not want to know.
                    let _ = reply.send(Ok(done));
                }
            }
            Err(abandoned) if abandoned.alone && group.tasks.len() > 1 => self.one_by_one(group),
            Err(abandoned) => fail(group.replies, &abandoned.failure),
        }
    }

    /// Wakes those who wait for new events.
    fn told(&self, done: &[Done]) {
        let newest = done
            .iter()
            .flat_map(Done::appended)
            .map(|a| a.position.to_parts());
        if let Some([_, _, newest]) = newest.max() {
            self.told.appended.send_if_modified(|known| {
                let more = newest > *known;
                *known = newest.max(*known);
                more
            });
        }
    }

    /// A failure of one must not become the verdict of all.
    fn one_by_one(&mut self, group: Group) {
        let mut writes = group.tasks.into_iter().zip(group.replies);
        while let Some((task, reply)) = writes.next() {
            match self.transaction(&[task]) {
                Ok(done) => {
                    if let Some(done) = done.into_iter().next() {
                        let _ = reply.send(Ok(done));
                    }
                }
                Err(abandoned) => {
                    let _ = reply.send(Err(abandoned.failure.to_failed()));
                    if !abandoned.alone {
                        // The rest would wait for the same, one timeout after the other.
                        return fail(writes.map(|(_, reply)| reply), &abandoned.failure);
                    }
                }
            }
        }
    }

    /// One transaction. Afterwards the connection is outside of any.
    fn transaction(&mut self, tasks: &[Task]) -> Result<Vec<Done>, Abandoned> {
        let mut connection = self.connection().map_err(|error| Abandoned {
            failure: SharedFailure::own(Outcome::NotApplied, error),
            alone: false,
        })?;
        let mut stage = Stage::Begin;
        let (settings, inlines) = (&self.settings, &mut self.inlines);
        let result = catch_unwind(AssertUnwindSafe(|| {
            attempt(&mut connection, tasks, settings, inlines, &mut stage)
        }));
        match result {
            Ok(Ok(done)) => {
                self.told.counters.commits.fetch_add(1, Ordering::Relaxed);
                let writes = u64::try_from(tasks.len()).unwrap_or(u64::MAX);
                self.told
                    .counters
                    .writes
                    .fetch_add(writes, Ordering::Relaxed);
                self.connection = Some(connection);
                self.told(&done);
                Ok(done)
            }
            Ok(Err(error)) => {
                // SQLite may have rolled back by itself; only then is the outcome of a failed
                // commit in question.
                let sqlite = connection.connection();
                let gone = sqlite.is_autocommit();
                let rolled_back = gone || sqlite.execute_batch("ROLLBACK").is_ok();
                let outcome = match (&error, stage) {
                    (Broken::Driver(error), Stage::Commit) if gone => outcome_of_commit(error),
                    // A handler of the user's ended the transaction: it may have committed it.
                    (Broken::Own(_), _) if gone => Outcome::Unknown,
                    _ => Outcome::NotApplied,
                };
                if rolled_back && sqlite.is_autocommit() {
                    self.connection = Some(connection);
                }
                let failure = match error {
                    Broken::Driver(error) => SharedFailure::new(outcome, error),
                    Broken::Own(error) => SharedFailure::own(outcome, error),
                };
                let alone = stage != Stage::Begin && failure.is_settled();
                Err(Abandoned { failure, alone })
            }
            // Only the clock is foreign code here. Dropping the connection rolls back.
            Err(panic) => {
                drop(connection);
                let outcome = match stage {
                    Stage::Commit => Outcome::Unknown,
                    Stage::Begin | Stage::Write => Outcome::NotApplied,
                };
                let error = panicked("a write, or the clock that it asked,", panic);
                Err(Abandoned {
                    failure: SharedFailure::own(outcome, error),
                    alone: outcome == Outcome::NotApplied,
                })
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Write,
    Commit,
}

/// Why a transaction failed.
enum Broken {
    Driver(rusqlite::Error),
    Own(StorageError),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

fn attempt(
    tx: &mut SqliteTransaction,
    tasks: &[Task],
    settings: &Settings,
    inlines: &mut Inlines<SqliteReadDatabase>,
    stage: &mut Stage,
) -> Result<Vec<Done>, Broken> {
    // IMMEDIATE: a transaction that only becomes a writer half-way may be refused then.
    run(tx, "BEGIN IMMEDIATE")?;
    *stage = Stage::Write;
    if !inlines.is_empty() {
        block_on(inlines.catch_up(tx, &Feed)).map_err(Broken::Own)?;
    }
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(match task {
            Task::Append(_) | Task::Commit(_) if !inlines.is_empty() => {
                append_inline(tx, task, settings, inlines)?
            }
            _ => task::run(tx.connection(), task, settings)?,
        });
    }
    *stage = Stage::Commit;
    run(tx, "COMMIT")?;
    Ok(done)
}

fn run(tx: &SqliteTransaction, sql: &str) -> rusqlite::Result<usize> {
    tx.connection().prepare_cached(sql)?.execute([])
}

/// Appends whose projections are part of them: where one fails, nothing of the appends is left.
fn append_inline(
    tx: &mut SqliteTransaction,
    task: &Task,
    settings: &Settings,
    inlines: &Inlines<SqliteReadDatabase>,
) -> Result<Done, Broken> {
    run(tx, "SAVEPOINT projected")?;
    let done = task::run(tx.connection(), task, settings)?;
    let mut handled = Ok(());
    let mut stream = None;
    for (append, appended) in task.appends().iter().zip(done.appended()) {
        if !appended.repeated && handled.is_ok() {
            handled = block_on(inlines.handle(tx, append, appended));
            stream = Some(append.stream.clone());
        }
    }
    tx.forget_names();
    if !tx.in_transaction() {
        return Err(Broken::Own(StorageError::new(
            StorageErrorKind::Other,
            "the handler of an inline projection ended the transaction",
        )));
    }
    match (handled, stream) {
        (Err(InlineError::Failure(failure)), Some(stream)) => {
            run(tx, "ROLLBACK TO projected")?;
            run(tx, "RELEASE projected")?;
            Ok(Done::Refused(AppendError::Projection {
                stream,
                projection: failure.projection,
                error: failure.error.into_error(),
            }))
        }
        (Err(error), _) => Err(Broken::Own(error.into())),
        (Ok(()), _) => {
            run(tx, "RELEASE projected")?;
            Ok(done)
        }
    }
}

fn fail(replies: impl IntoIterator<Item = Reply>, failure: &SharedFailure) {
    for reply in replies {
        let _ = reply.send(Err(failure.to_failed()));
    }
}
