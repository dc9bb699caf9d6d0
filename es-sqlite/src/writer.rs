//! The one thread that writes. What waits when it is free, and what comes while it works on that, goes into one
//! transaction, so that many callers share one sync of the disk; each gets an answer of its own, after the commit.

use crate::{
    connection::{self, Role},
    errors::{
        Failed, SharedFailure, TransactionFailure, no_answer, outcome_of_commit, panicked, storage,
    },
    inline::{Running, WriterConnection},
    inside,
    log::Keeper,
    schema,
    settings::{NAME, StoreSettings},
    stats::Counters,
    task::{Done, Task},
};
use es_runtime::{Outcome, StorageError, StorageErrorKind, store::author};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot, watch,
};

/// At most so many writes share a transaction,
const GROUP: usize = 512;
/// and at most about so many bytes of payload, so that a group stays small compared with the log.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Writes that wait before callers wait to hand theirs over.
const QUEUE: usize = 1024;

pub(crate) type Reply = oneshot::Sender<Result<Done, Failed>>;

pub(crate) enum Message {
    Write(Task, Reply),
    /// A transaction of its own.
    #[cfg_attr(
        not(feature = "projections"),
        allow(dead_code, reason = "read databases send it")
    )]
    Job(Job),
    /// The reads have ended that kept the log from being emptied.
    LogIsFree,
    Close,
}

/// Gets the connection, or why there is none, and gives it back unless it is in doubt.
pub(crate) type Job =
    Box<dyn FnOnce(Result<WriterConnection, StorageError>) -> Option<WriterConnection> + Send>;

/// Publishes what the writer did.
pub(crate) struct Notifier {
    pub(crate) counters: Arc<Counters>,
    /// The newest position.
    pub(crate) appended: watch::Sender<u64>,
}

/// Starts the thread and waits until the database is open and has its tables.
pub(crate) async fn start(
    settings: Arc<StoreSettings>,
    notifier: Notifier,
    alive: watch::Receiver<()>,
) -> Result<mpsc::Sender<Message>, StorageError> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let (ready, opened) = oneshot::channel();
    let thread = thread::Builder::new().name("es-sqlite-writer".to_owned());
    thread
        .spawn(move || {
            inside::enter(&settings);
            match open(&settings) {
                Ok((connection, inlines)) => {
                    if ready.send(Ok(())).is_ok() {
                        Writer {
                            connection: Some(connection),
                            inlines,
                            log: Keeper::new(settings.busy_timeout),
                            settings,
                            notifier,
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

fn open(settings: &StoreSettings) -> Result<(WriterConnection, Running), StorageError> {
    let mut connection = open_connection(settings)?;
    let inlines = Running::open(&settings.inline, &mut connection)
        .map_err(|error| connection::name_file(settings, error))?;
    Ok((connection, inlines))
}

fn open_connection(settings: &StoreSettings) -> Result<WriterConnection, StorageError> {
    let mut connection = connection::open(settings, Role::Writer)?;
    if settings.holds_events {
        schema::migrate(&mut connection, settings)?;
        if settings.all_tables {
            schema::make_all_tables(&mut connection, settings)?;
        }
    }
    WriterConnection::new(connection, settings.statement_timeout).map_err(storage)
}

struct Writer {
    /// `None` after a failure that left it in doubt; it is opened again for the next write.
    connection: Option<WriterConnection>,
    inlines: Running,
    log: Keeper,
    settings: Arc<StoreSettings>,
    notifier: Notifier,
}

/// Writes of one transaction, each with the place for its answer.
#[derive(Default)]
struct Group {
    tasks: Vec<Task>,
    replies: Vec<Reply>,
    bytes: usize,
    /// What came after them and runs in a transaction of its own.
    next: Option<Job>,
}

impl Group {
    fn of(task: Task, reply: Reply) -> Self {
        let mut group = Self::default();
        group.push(task, reply);
        group
    }

    fn push(&mut self, task: Task, reply: Reply) {
        self.bytes = self.bytes.saturating_add(task.size());
        self.tasks.push(task);
        self.replies.push(reply);
    }

    /// Takes what waits, as far as it fits. Nothing overtakes a job.
    fn fill(&mut self, queue: &mut mpsc::Receiver<Message>) {
        while self.next.is_none() && self.tasks.len() < GROUP && self.bytes < GROUP_BYTES {
            match queue.try_recv() {
                Ok(Message::Write(task, reply)) => self.push(task, reply),
                Ok(Message::Job(job)) => self.next = Some(job),
                // What follows looks at the log, too.
                Ok(Message::LogIsFree) => {}
                Ok(Message::Close) => queue.close(),
                Err(_) => return,
            }
        }
    }

    fn succeed(self, done: Vec<Done>) {
        for (reply, done) in self.replies.into_iter().zip(done) {
            // The caller may have stopped waiting.
            let _ = reply.send(Ok(done));
        }
    }

    fn fail(self, failure: &SharedFailure) {
        for reply in self.replies {
            let _ = reply.send(Err(failure.to_failed()));
        }
    }
}

/// Why a transaction was given up.
struct Abandoned {
    failure: SharedFailure,
    /// Whether it makes sense to try its writes one by one.
    alone: bool,
}

/// Waits for what is to be done next. A lone caller often writes again at once, and waking the writer takes
/// longer than that. So while messages come soon, it looks for a moment before it sleeps.
#[derive(Default)]
struct Wait {
    is_soon: bool,
}

impl Wait {
    /// So long it looks: about as long as it takes to wake two threads.
    const MOMENT: Duration = Duration::from_micros(100);

    /// The next message; `None` when the queue is closed and empty.
    fn next(&mut self, queue: &mut mpsc::Receiver<Message>) -> Option<Message> {
        let start = Instant::now();
        while self.is_soon && start.elapsed() < Self::MOMENT {
            match queue.try_recv() {
                Err(TryRecvError::Empty) => thread::yield_now(),
                next => return next.ok(),
            }
        }
        let next = queue.blocking_recv();
        self.is_soon = start.elapsed() < 2 * Self::MOMENT;
        next
    }
}

impl Writer {
    fn serve(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut wait = Wait::default();
        // A closed queue still gives what was in it.
        while let Some(message) = wait.next(&mut queue) {
            match message {
                Message::Write(task, reply) => {
                    if let Some(job) = self.write(Group::of(task, reply), &mut queue) {
                        self.job(job);
                    }
                }
                Message::Job(job) => self.job(job),
                Message::LogIsFree => {
                    if let Some(connection) = &self.connection {
                        self.log
                            .after_reads(connection.connection(), &self.settings.log);
                    }
                    continue;
                }
                Message::Close => {
                    queue.close();
                    continue;
                }
            }
            if let Some(connection) = &self.connection {
                self.log
                    .after_write(connection.connection(), &self.settings.log);
            }
        }
    }

    fn connection(&mut self) -> Result<WriterConnection, StorageError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        // SQLite counts what others have written for each connection apart.
        self.settings.rules.forget();
        open_connection(&self.settings)
    }

    fn job(&mut self, job: Job) {
        let connection = self.connection();
        // Jobs catch what handlers do; this catches what dropping their results does.
        let given_back = catch_unwind(AssertUnwindSafe(|| job(connection)));
        self.connection = given_back.ok().flatten();
    }

    /// Does the writes of a group and those that come meanwhile. Returns what came after them.
    fn write(&mut self, mut group: Group, queue: &mut mpsc::Receiver<Message>) -> Option<Job> {
        group.fill(queue);
        let done = self.transaction(&mut group, Some(queue));
        let next = group.next.take();
        match done {
            Ok(done) => group.succeed(done),
            Err(abandoned) if abandoned.alone && group.tasks.len() > 1 => self.one_by_one(group),
            Err(abandoned) => group.fail(&abandoned.failure),
        }
        next
    }

    /// Wakes those who wait for new events.
    fn notify(&self, done: &[Done]) {
        let newest = done
            .iter()
            .flat_map(Done::appended)
            .map(|a| a.position.to_parts());
        if let Some([_, _, newest]) = newest.max() {
            self.notifier.appended.send_if_modified(|known| {
                let more = newest > *known;
                *known = newest.max(*known);
                more
            });
        }
    }

    /// A failure of one must not become the verdict of all.
    fn one_by_one(&mut self, group: Group) {
        let mut given_up = None;
        for (task, reply) in group.tasks.into_iter().zip(group.replies) {
            let mut group = Group::of(task, reply);
            if let Some(failure) = &given_up {
                group.fail(failure);
                continue;
            }
            match self.transaction(&mut group, None) {
                Ok(done) => group.succeed(done),
                Err(abandoned) => {
                    group.fail(&abandoned.failure);
                    // The rest would wait for the same, one timeout after the other.
                    given_up = (!abandoned.alone).then_some(abandoned.failure);
                }
            }
        }
    }

    /// One transaction, with what comes into `queue` meanwhile. Afterwards the connection is outside of any.
    fn transaction(
        &mut self,
        group: &mut Group,
        queue: Option<&mut mpsc::Receiver<Message>>,
    ) -> Result<Vec<Done>, Abandoned> {
        let mut connection = self.connection().map_err(|error| Abandoned {
            failure: SharedFailure::own(Outcome::NotApplied, error),
            alone: false,
        })?;
        let mut stage = Stage::Begin;
        let (settings, inlines) = (&self.settings, &mut self.inlines);
        let result = catch_unwind(AssertUnwindSafe(|| {
            attempt(&mut connection, group, queue, settings, inlines, &mut stage)
        }));
        match result {
            Ok(Ok(done)) => {
                self.notifier
                    .counters
                    .commits
                    .fetch_add(1, Ordering::Relaxed);
                let writes = u64::try_from(done.len()).unwrap_or(u64::MAX);
                self.notifier
                    .counters
                    .writes
                    .fetch_add(writes, Ordering::Relaxed);
                author::grouped(NAME, done.len());
                self.connection = Some(connection);
                self.notify(&done);
                Ok(done)
            }
            Ok(Err(error)) => {
                self.settings.rules.forget();
                // SQLite may have rolled back by itself; only then is the outcome of a failed
                // commit in question.
                let sqlite = connection.connection();
                let gone = sqlite.is_autocommit();
                let rolled_back = gone || sqlite.execute_batch("ROLLBACK").is_ok();
                let outcome = match (&error, stage) {
                    (TransactionFailure::Driver(error), Stage::Commit) if gone => {
                        outcome_of_commit(error)
                    }
                    // A handler of the user's ended the transaction: it may have committed it.
                    (TransactionFailure::Store(_), _) if gone => Outcome::Unknown,
                    _ => Outcome::NotApplied,
                };
                if rolled_back && sqlite.is_autocommit() {
                    self.connection = Some(connection);
                }
                let failure = match error {
                    TransactionFailure::Driver(error) => SharedFailure::new(outcome, error),
                    TransactionFailure::Store(error) | TransactionFailure::RolledBack(error) => {
                        SharedFailure::own(outcome, error)
                    }
                };
                let alone = stage != Stage::Begin && failure.is_settled();
                Err(Abandoned { failure, alone })
            }
            // Only the clock is foreign code here. Dropping the connection rolls back.
            Err(panic) => {
                self.settings.rules.forget();
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

fn attempt(
    tx: &mut WriterConnection,
    group: &mut Group,
    mut queue: Option<&mut mpsc::Receiver<Message>>,
    settings: &StoreSettings,
    inlines: &mut Running,
    stage: &mut Stage,
) -> Result<Vec<Done>, TransactionFailure> {
    // IMMEDIATE: a transaction that only becomes a writer half-way may be refused then.
    run(tx, "BEGIN IMMEDIATE")?;
    settings.rules.forget_older(tx.connection())?;
    *stage = Stage::Write;
    inlines.catch_up(tx)?;
    let mut done = Vec::with_capacity(group.tasks.len());
    while let Some(task) = group.tasks.get(done.len()) {
        done.push(inlines.run(tx, task, settings)?);
        // Others come while the first ones are written. Alone they would need one more sync.
        if let (Some(queue), true) = (&mut queue, done.len() == group.tasks.len()) {
            group.fill(queue);
        }
    }
    *stage = Stage::Commit;
    run(tx, "COMMIT")?;
    Ok(done)
}

fn run(tx: &WriterConnection, sql: &str) -> rusqlite::Result<usize> {
    tx.connection().prepare_cached(sql)?.execute([])
}
