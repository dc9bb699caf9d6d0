//! The state cache: what a repository keeps between commands, and the queue of the commands to one stream.

use super::{Loaded, RetryPolicy};
use crate::first::{first_of, sleep};
use crate::{Aggregate, StreamId};
use std::{
    any::Any,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::OwnedMutexGuard;

pub(super) struct StateCache {
    half: usize,
    /// The streams that were used lately and those of before. Full, the first half takes the place of the second.
    halves: Mutex<[HashMap<StreamId, Arc<Entry>>; 2]>,
}

/// Whoever has the lock has the turn. A command that waits sees by the number of turns that the queue moves.
type Entry = (Arc<tokio::sync::Mutex<Kept>>, AtomicU64);
/// A `Loaded<A>`, without its type: so the cache is compiled once, and not for each aggregate.
pub(super) type Kept = Option<Box<dyn Any + Send>>;

impl StateCache {
    /// Of at most this many states, and at least one.
    pub(super) fn new(states: usize) -> Self {
        Self {
            half: states.div_ceil(2).max(1),
            halves: Mutex::default(),
        }
    }

    fn entry(&self, stream: &StreamId) -> Arc<Entry> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let [recent, older] = &mut *halves;
        if let Some(entry) = recent.get(stream) {
            return Arc::clone(entry);
        }
        let entry = older.remove(stream).unwrap_or_default();
        recent.insert(stream.clone(), Arc::clone(&entry));
        let is_full = recent.len() >= self.half;
        // Code of the user drops these states, when nothing is locked any more.
        let _evicted = is_full.then(|| std::mem::replace(older, std::mem::take(recent)));
        drop(halves);
        entry
    }

    /// Waits until no other command has the stream. A queue that does not move is given up for a new one: its
    /// head may be a future that nobody polls.
    pub(super) async fn turn(
        &self,
        stream: &StreamId,
        retry: &RetryPolicy,
    ) -> OwnedMutexGuard<Kept> {
        loop {
            let entry = self.entry(stream);
            let (kept, turns) = &*entry;
            let mut lock = pin!(Arc::clone(kept).lock_owned());
            let mut seen = None;
            while seen != Some(turns.load(Relaxed)) {
                seen = Some(turns.load(Relaxed));
                // The timer is made only by those who have to wait.
                let patience = async { sleep(retry.longest).await };
                if let Ok(kept) = first_of(lock.as_mut(), patience).await {
                    turns.fetch_add(1, Relaxed);
                    return kept;
                }
            }
            let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            for half in &mut *halves {
                if half.get(stream).is_some_and(|now| Arc::ptr_eq(now, &entry)) {
                    half.remove(stream);
                }
            }
        }
    }
}

/// What a cache does with the states of one aggregate. An aggregate that is never cached compiles none of it.
pub(super) struct Typed<A: Aggregate> {
    take: fn(&mut Kept) -> Option<Loaded<A>>,
    copy: fn(&Loaded<A>) -> Option<Loaded<A>>,
    leave: fn(&mut Kept, Loaded<A>, &[A::Event]),
}

impl<A: Aggregate + Clone> Typed<A> {
    pub(super) const ALL: Self = Self {
        take: |kept| Some(*kept.take()?.downcast().ok()?),
        copy: |loaded| {
            let mut copied = None;
            is_survived(&mut || copied = Some(loaded.clone()));
            copied
        },
        leave: |kept, mut loaded, events| {
            if is_survived(&mut || events.iter().for_each(|e| loaded.state.apply_event(e))) {
                *kept = Some(Box::new(loaded));
            }
        },
    };
}

/// Whether user code does not panic.
fn is_survived(code: &mut dyn FnMut()) -> bool {
    catch_unwind(AssertUnwindSafe(code)).is_ok()
}

/// The turn of a command at a stream. Without a cache nobody waits for it, and it holds nothing.
pub(super) struct Turn<A: Aggregate + 'static>(
    pub(super) Option<(OwnedMutexGuard<Kept>, &'static Typed<A>)>,
);

impl<A: Aggregate> Turn<A> {
    /// What the command before has left. A command that is dropped leaves nothing.
    pub(super) fn take(&mut self) -> Option<Loaded<A>> {
        let (kept, typed) = self.0.as_mut()?;
        (typed.take)(kept)
    }

    /// A copy that user code does not see, so that it stays as it is stored. None without a cache.
    pub(super) fn copy(&self, loaded: &Loaded<A>) -> Option<Loaded<A>> {
        (self.0.as_ref()?.1.copy)(loaded)
    }

    /// Leaves a state to the next command, after these events.
    pub(super) fn leave(&mut self, state: Option<Loaded<A>>, events: &[A::Event]) {
        if let (Some((kept, typed)), Some(loaded)) = (&mut self.0, state) {
            (typed.leave)(kept, loaded, events);
        }
    }
}
