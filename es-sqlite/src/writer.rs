//! The one thread that writes. What waits when it is free goes into one transaction, so that many
//! callers share one sync of the disk; each gets an answer of its own, after the commit.

use crate::{
    append::{self, Done, Task},
    connection::{self, Role},
    errors::{Failed, SharedFailure, no_answer, outcome_of_commit, panicked},
    options::Settings,
    schema,
    stats::Counters,
};
use es_runtime::{Outcome, StorageError, StorageErrorKind};
use rusqlite::Connection;
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
    Close,
}

/// Starts the thread and waits until the database is open and has its tables.
pub(crate) async fn start(
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    alive: watch::Receiver<()>,
) -> Result<mpsc::Sender<Message>, StorageError> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let (ready, opened) = oneshot::channel();
    let thread = thread::Builder::new().name("es-sqlite-writer".to_owned());
    thread
        .spawn(move || {
            match open(&settings) {
                Ok(connection) => {
                    if ready.send(Ok(())).is_ok() {
                        Writer {
                            connection: Some(connection),
                            settings,
                            counters,
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

fn open(settings: &Settings) -> Result<Connection, StorageError> {
    let mut connection = connection::open(settings, Role::Writer)?;
    schema::migrate(&mut connection, settings)?;
    Ok(connection)
}

struct Writer {
    /// `None` after a failure that left it in doubt; it is opened again for the next write.
    connection: Option<Connection>,
    settings: Arc<Settings>,
    counters: Arc<Counters>,
}

/// Writes of one transaction, each beside the place for its answer.
#[derive(Default)]
struct Group {
    tasks: Vec<Task>,
    replies: Vec<Reply>,
    bytes: usize,
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
                    self.write(group);
                }
                Message::Close => queue.close(),
            }
        }
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
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&self.settings).map_err(|error| Abandoned {
                failure: SharedFailure::own(Outcome::NotApplied, error),
                alone: false,
            })?,
        };
        let mut stage = Stage::Begin;
        let settings = &self.settings;
        let result = catch_unwind(AssertUnwindSafe(|| {
            attempt(&connection, tasks, settings, &mut stage)
        }));
        match result {
            Ok(Ok(done)) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                let writes = u64::try_from(tasks.len()).unwrap_or(u64::MAX);
                self.counters.writes.fetch_add(writes, Ordering::Relaxed);
                self.connection = Some(connection);
                Ok(done)
            }
            Ok(Err(error)) => {
                // SQLite may have rolled back by itself; only then is the outcome of a failed
                // commit in question.
                let gone = connection.is_autocommit();
                let rolled_back = gone || connection.execute_batch("ROLLBACK").is_ok();
                let outcome = match stage {
                    Stage::Commit if gone => outcome_of_commit(&error),
                    _ => Outcome::NotApplied,
                };
                if rolled_back && connection.is_autocommit() {
                    self.connection = Some(connection);
                }
                let failure = SharedFailure::new(outcome, error);
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

fn attempt(
    connection: &Connection,
    tasks: &[Task],
    settings: &Settings,
    stage: &mut Stage,
) -> rusqlite::Result<Vec<Done>> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    // IMMEDIATE: a transaction that only becomes a writer half-way may be refused then.
    run("BEGIN IMMEDIATE")?;
    *stage = Stage::Write;
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(append::run(connection, task, settings)?);
    }
    *stage = Stage::Commit;
    run("COMMIT")?;
    Ok(done)
}

fn fail(replies: impl IntoIterator<Item = Reply>, failure: &SharedFailure) {
    for reply in replies {
        let _ = reply.send(Err(failure.to_failed()));
    }
}
