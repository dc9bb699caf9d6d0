//! What the feed has fetched for the page after the last one: messages that did not fit, and the batch after them. So
//! nothing is fetched twice, and a reader that follows the feed does not wait for the server on each page.

use crate::{direct::Batch, wire::Wire};
use es_runtime::FeedPage;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};

/// Readers at different places for which something is kept.
const READERS: usize = 4;
/// The most bytes of messages that did not fit.
const BYTES: usize = 4 * 1024 * 1024;
/// How long it is kept: what was erased since is not shown for longer.
const AGE: Duration = Duration::from_secs(5);

/// A batch that is on its way. It is given up with its reader.
#[derive(Debug)]
pub(crate) struct Fetch {
    from: u64,
    task: JoinHandle<Option<Batch>>,
}

impl Fetch {
    pub(crate) fn start(wire: &Wire, from: u64, many: usize, bytes: usize) -> Self {
        let wire = wire.clone();
        // Where it fails, the page that wants it asks again and has the error.
        let fetch = async move { wire.some_from(">", from, many, bytes).await.ok() };
        Self {
            from,
            task: tokio::spawn(fetch),
        }
    }

    /// The batch, if it begins here.
    pub(crate) async fn batch_from(mut self, start: u64) -> Option<Batch> {
        if self.from != start {
            return None;
        }
        (&mut self.task).await.ok().flatten()
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What comes next for a reader.
#[derive(Debug)]
pub(crate) struct Rest {
    /// From the message of the last event on.
    pub(crate) batch: Batch,
    pub(crate) fetch: Option<Fetch>,
    since: Instant,
}

/// What comes next for several readers, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    rests: Mutex<VecDeque<Rest>>,
}

impl Ahead {
    fn rests(&self) -> MutexGuard<'_, VecDeque<Rest>> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was fetched for the reader that goes on here.
    pub(crate) fn take(&self, start: u64) -> Option<Rest> {
        let mut rests = self.rests();
        rests.retain(|rest| rest.since.elapsed() < AGE);
        let begins = |rest: &Rest| {
            let first = rest.batch.messages.first();
            first.is_some_and(|first| first.sequence == start)
        };
        let found = rests.iter().position(begins)?;
        rests.remove(found)
    }

    /// Keeps what comes after this page. `fetch` begins after the batch.
    pub(crate) fn keep(&self, page: &FeedPage, mut batch: Batch, fetch: Option<Fetch>) {
        let [_, end, _] = page.next.to_parts();
        // The page after it begins with the message of its last event.
        let used = |sequence: u64| sequence < end;
        let used = batch
            .messages
            .partition_point(|message| used(message.sequence));
        batch.messages.drain(..used);
        let begins = batch
            .messages
            .first()
            .is_some_and(|first| first.sequence == end);
        let bytes: usize = batch
            .messages
            .iter()
            .map(|message| message.payload.len())
            .sum();
        if !begins || bytes > BYTES {
            return;
        }
        let rest = Rest {
            batch,
            fetch,
            since: Instant::now(),
        };
        let mut rests = self.rests();
        if rests.len() >= READERS {
            rests.pop_front();
        }
        rests.push_back(rest);
    }

    pub(crate) fn clear(&self) {
        self.rests().clear();
    }
}
