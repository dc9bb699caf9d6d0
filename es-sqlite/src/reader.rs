//! The connections that read. A short read runs on the thread of its caller where a connection is free, since waking
//! another thread takes longer than the read. The threads of a set do all others, out of one queue.

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
    settings: Arc<StoreSettings>,
    writer: Option<mpsc::WeakSender<writer::Message>>,
    waiting: Mutex<Waiting>,
    more: Condvar,
    room: Semaphore,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// The connections that no read uses. `None` stands for one that has to be opened again.
    idle: Vec<Option<Connection>>,
    in_use: usize,
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

    /// Reads on this thread. `None` when no connection is free, when others wait for one, and after a panic.
    pub(crate) fn here<T>(&self, read: impl FnOnce(&Connection) -> T) -> Option<T> {
        let connection = self.0.free_connection()?;
        let mut done = None;
        inside::during(&self.0.settings, || {
            self.0
                .read(connection, |connection| done = Some(read(connection)));
        });
        done
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

    fn free_connection(&self) -> Option<Connection> {
        let mut waiting = self.lock();
        if waiting.closed || !waiting.jobs.is_empty() {
            return None;
        }
        let free = waiting.idle.iter().position(Option::is_some)?;
        waiting.in_use += 1;
        waiting.idle.swap_remove(free)
    }

    /// The next job and a connection for it. `None` when the queue is closed, no job is left and all reads have
    /// ended.
    fn next(&self) -> Option<(Job, Option<Connection>)> {
        let mut waiting = self.lock();
        loop {
            if !waiting.idle.is_empty() {
                if let Some(job) = waiting.jobs.pop_front() {
                    self.room.add_permits(1);
                    waiting.in_use += 1;
                    return Some((job, waiting.idle.pop().flatten()));
                }
            }
            if waiting.closed && waiting.jobs.is_empty() && waiting.in_use == 0 {
                waiting.idle.clear();
                return None;
            }
            waiting = self
                .more
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets `read` use the connection, and gives it back.
    fn read(&self, connection: Connection, read: impl FnOnce(&Connection)) {
        self.settings.log.begin_read();
        let panicked = catch_unwind(AssertUnwindSafe(|| read(&connection))).is_err();
        // A read leaves no transaction open. Where it did, a new connection is safe.
        let is_usable = !panicked && connection.is_autocommit();
        self.give_back(is_usable.then_some(connection));
        if self.settings.log.end_read() {
            if let Some(writer) = self.writer.as_ref().and_then(mpsc::WeakSender::upgrade) {
                // Where its queue is full it writes, and looks at the log by itself.
                let _ = writer.try_send(writer::Message::LogIsFree);
            }
        }
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut waiting = self.lock();
        waiting.idle.push(connection);
        waiting.in_use -= 1;
        let (closed, wanted) = (waiting.closed, !waiting.jobs.is_empty());
        drop(waiting);
        if closed {
            self.more.notify_all();
        } else if wanted {
            self.more.notify_one();
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
        settings: Arc::clone(settings),
        writer: writer.map(mpsc::Sender::downgrade),
        waiting: Mutex::default(),
        more: Condvar::new(),
        room: Semaphore::new(QUEUE),
    }));
    let mut opening = Vec::new();
    for number in 1..=settings.reader_threads {
        let (ready, opened) = oneshot::channel();
        opening.push(opened);
        let queue = Arc::clone(&handle.0);
        let alive = alive.clone();
        thread::Builder::new()
            .name(format!("es-sqlite-{name}-{number}"))
            .spawn(move || {
                inside::enter(&queue.settings);
                match open(&queue.settings) {
                    Ok(connection) => {
                        queue.lock().idle.push(Some(connection));
                        if ready.send(Ok(())).is_ok() {
                            serve(&queue);
                        }
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
                drop(queue);
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

fn serve(queue: &Queue) {
    while let Some((job, connection)) = queue.next() {
        match connection.map_or_else(|| open(&queue.settings), Ok) {
            // Jobs catch what a fold does; the queue catches what dropping it does.
            Ok(connection) => queue.read(connection, |connection| job(Ok(connection))),
            Err(error) => {
                let _ = catch_unwind(AssertUnwindSafe(|| job(Err(error))));
                queue.give_back(None);
            }
        }
    }
}
