//! The threads that read, each on a connection of its own. Those of one set take their jobs out of one queue.

use crate::{
    connection::{self, Role},
    errors::{closed, no_answer},
    inside, schema,
    settings::StoreSettings,
    writer,
};
use es_runtime::{StorageError, StorageErrorKind};
use rusqlite::Connection;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// Reads that wait before callers wait to hand theirs over.
const QUEUE: usize = 1024;

/// One read; it answers its caller itself.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, StorageError>) + Send>;

/// The callers' end of the queue. Dropping it closes the queue.
pub(crate) struct Reads(Arc<Queue>);

/// A queue of several readers: a busy one takes its next job without sleeping in between.
struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
    room: Semaphore,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Reads {
    /// Hands a job over, when there is room for it.
    ///
    /// # Errors
    /// When the queue is closed.
    pub(crate) async fn send(&self, job: Job) -> Result<(), StorageError> {
        let room = self.0.room.acquire().await.map_err(|_| closed())?;
        let mut waiting = self.0.lock();
        if waiting.closed {
            return Err(closed());
        }
        // The reader that takes the job gives the place back.
        room.forget();
        waiting.jobs.push_back(job);
        drop(waiting);
        self.0.more.notify_one();
        Ok(())
    }

    /// Takes no more jobs; the threads end when those that wait are done.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.room.close();
        self.0.more.notify_all();
    }
}

impl Drop for Reads {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    /// Nothing that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, `None` when the queue is closed and no job is left.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                self.room.add_permits(1);
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .more
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Starts a set of threads and waits until each has its connection.
pub(crate) async fn start(
    settings: &Arc<StoreSettings>,
    name: &str,
    writer: Option<&mpsc::Sender<writer::Message>>,
    alive: &watch::Receiver<()>,
) -> Result<Reads, StorageError> {
    let handle = Reads(Arc::new(Queue {
        waiting: Mutex::default(),
        more: Condvar::new(),
        room: Semaphore::new(QUEUE),
    }));
    let mut opening = Vec::new();
    for number in 1..=settings.reader_threads {
        let (ready, opened) = oneshot::channel();
        opening.push(opened);
        let settings = Arc::clone(settings);
        let queue = Arc::clone(&handle.0);
        let alive = alive.clone();
        let writer = writer.map(mpsc::Sender::downgrade);
        thread::Builder::new()
            .name(format!("es-sqlite-{name}-{number}"))
            .spawn(move || {
                inside::enter(&settings);
                match open(&settings) {
                    Ok(connection) => {
                        if ready.send(Ok(())).is_ok() {
                            serve(connection, &settings, &queue, writer.as_ref());
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
                    format!("a reader thread could not be started: {error}"),
                )
            })?;
    }
    for opened in opening {
        opened.await.map_err(|_| no_answer())??;
    }
    Ok(handle)
}

fn open(settings: &StoreSettings) -> Result<Connection, StorageError> {
    let connection = connection::open(settings, Role::Reader)?;
    if settings.holds_events {
        schema::check(&connection, settings)?;
    }
    Ok(connection)
}

fn serve(
    connection: Connection,
    settings: &StoreSettings,
    queue: &Queue,
    writer: Option<&mpsc::WeakSender<writer::Message>>,
) {
    let mut connection = Some(connection);
    while let Some(job) = queue.next() {
        if connection.is_none() {
            match open(settings) {
                Ok(new) => connection = Some(new),
                Err(error) => {
                    let _ = catch_unwind(AssertUnwindSafe(|| job(Err(error))));
                    continue;
                }
            }
        }
        let Some(open) = &connection else { continue };
        // Jobs catch what a fold does; this catches what dropping it does.
        settings.log.begin_read();
        let panicked = catch_unwind(AssertUnwindSafe(|| job(Ok(open)))).is_err();
        // A read leaves no transaction open. Where it did, a new connection is safe.
        if panicked || !open.is_autocommit() {
            connection = None;
        }
        if settings.log.end_read() {
            if let Some(writer) = writer.and_then(mpsc::WeakSender::upgrade) {
                // Where its queue is full it writes, and looks at the log by itself.
                let _ = writer.try_send(writer::Message::LogIsFree);
            }
        }
    }
}
