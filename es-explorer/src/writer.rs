//! The thread that writes: one operation at a time, by the application's own verbs.

use crate::{Application, Done, Operation, Place, Refusal, answer::Failure};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};
use tokio::sync::oneshot;

/// So many operations wait. Whoever asks for more presses the button too often.
const WAITING: usize = 4;

type Job = (Operation, oneshot::Sender<Result<Done, Refusal>>);

/// A handle of the thread. It ends with the last one.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
}

impl Writer {
    pub(crate) fn start(place: Place, application: Arc<dyn Application>) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING);
        let thread = thread::Builder::new().name("es-explorer-write".to_owned());
        thread.spawn(move || {
            for (operation, answer) in waiting {
                // The panic hook has the message.
                let operate = || application.operate(&place, &operation);
                let done = catch_unwind(AssertUnwindSafe(operate));
                if let Ok(done) = done {
                    // Nobody may wait any more.
                    let _ = answer.send(done);
                }
            }
        })?;
        Ok(Self { jobs })
    }

    /// Has it done. Dropping the future does not stop it.
    pub(crate) async fn operate(&self, operation: Operation) -> Result<Done, Failure> {
        let (answer, answered) = oneshot::channel();
        match self.jobs.try_send((operation, answer)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                let why = "other operations are still running, so nothing was done; look at the page again before you repeat it";
                return Err(Failure::NotNow(why.to_owned()));
            }
        }
        match answered.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(refusal)) => Err(match refusal {
                Refusal::Wrong(what) => Failure::Wrong(what),
                Refusal::Missing(what) => Failure::Missing(what),
                Refusal::NotNow(what) => Failure::NotNow(what),
                Refusal::Failed(what) => Failure::Failed(what),
            }),
            Err(_) => {
                let why = "the program panicked during the operation, and its output has the message. Look at the page again to see \
                     whether something was done";
                Err(Failure::Failed(why.to_owned()))
            }
        }
    }
}
