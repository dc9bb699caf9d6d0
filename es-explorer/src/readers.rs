//! Threads that read the store. A store blocks while the database works, so it never runs on a thread of the
//! server. The code of an application that decodes and folds runs here, too.

use crate::answer::Failure;
use es_tables::{Error, Place, Store};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};
use tokio::sync::oneshot;

/// A slow request leaves the other thread to those that are quick.
const THREADS: usize = 2;
/// So many requests wait. More are refused: whoever asked is gone, or asks too often.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle of the threads. They end with the last one.
#[derive(Clone)]
pub(crate) struct Readers {
    jobs: SyncSender<Job>,
}

/// A store that is opened when it is needed, and again after it failed.
struct Connection {
    place: Place,
    store: Option<Store<'static>>,
}

impl Connection {
    fn open(&mut self) -> Result<(), Error> {
        self.store = Some(Store::open(&self.place, None)?);
        Ok(())
    }

    fn read<T>(
        &mut self,
        ask: impl FnOnce(&mut Store<'static>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::open(&self.place, None)?,
        };
        let answer = ask(&mut store);
        // A connection may be lost. What was wrong with the question is no reason to open another one. JetStream's is made again by
        // itself, and a store that is opened anew would read all of the stream once more.
        let is_lost = match &answer {
            Err(Failure::Store(error)) => !matches!(error, Error::Server(_)),
            _ => false,
        };
        if !is_lost {
            self.store = Some(store);
        }
        answer
    }
}

impl Readers {
    /// Blocks until the store is open. It is opened on a thread of its own: the caller may be a task, and a store
    /// has a runtime.
    pub(crate) fn open(place: &Place) -> Result<Self, Error> {
        let (jobs, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let (opened, is_open) = sync_channel(1);
        for number in 0..THREADS {
            let waiting = waiting.clone();
            let opened = opened.clone();
            let place = place.clone();
            let thread = thread::Builder::new().name(format!("es-explorer-{number}"));
            thread.spawn(move || {
                let mut connection = Connection { place, store: None };
                if number == 0 {
                    // Whoever asked waits for it.
                    let _ = opened.send(connection.open());
                }
                drop(opened);
                work(connection, &waiting);
            })?;
        }
        drop(opened);
        match is_open.recv() {
            Ok(opened) => opened.map(|()| Self { jobs }),
            Err(_) => Err(io::Error::other("a thread ended").into()),
        }
    }

    /// Has a thread read the store. Dropping the future leaves the thread to finish its bounded work.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Store<'static>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody may wait any more.
            let _ = answer.send(connection.read(ask));
        });
        match self.jobs.try_send(job) {
            Ok(()) => answered.await.map_err(|_| Failure::Panicked)?,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Failure::Busy),
        }
    }
}

fn work(mut connection: Connection, waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match job {
            // The panic hook has the message, and whoever waits sees that there is no answer. The store, which the job has
            // taken out, is opened again.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut connection)))),
            Err(_) => return,
        }
    }
}
