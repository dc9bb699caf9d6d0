//! The state cache: what a repository keeps between commands, and the queue of the commands to one stream.

use super::{Loaded, Repository};
use crate::{
    Aggregate, StreamId,
    first::{first_of, sleep},
};
use std::{
    collections::HashMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::OwnedMutexGuard;

pub(super) struct StateCache<A> {
    half: usize,
    /// It carries the bound on `Clone`, so that commands without a cache need none.
    copy: Copy<A>,
    /// The streams that were used lately and those of before. Full, the first half takes the place of the second.
    halves: Mutex<[HashMap<StreamId, Arc<Slot<A>>>; 2]>,
}

/// Whoever has the lock has the turn. A command that waits sees by the number of turns that the queue moves.
type Slot<A> = (Arc<tokio::sync::Mutex<Kept<A>>>, AtomicU64);
type Kept<A> = Option<Loaded<A>>;
type Copy<A> = fn(&Loaded<A>) -> Loaded<A>;

impl<A> StateCache<A> {
    /// Of at most this many states, and at least one.
    pub(super) fn new(states: usize) -> Self
    where
        A: Clone,
    {
        Self {
            half: states.div_ceil(2).max(1),
            copy: Loaded::clone,
            halves: Mutex::default(),
        }
    }

    fn slot(&self, stream: &StreamId) -> Arc<Slot<A>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let [recent, older] = &mut *halves;
        if let Some(slot) = recent.get(stream) {
            return Arc::clone(slot);
        }
        let slot = older.remove(stream).unwrap_or_default();
        recent.insert(stream.clone(), Arc::clone(&slot));
        let is_full = recent.len() >= self.half;
        let evicted = is_full.then(|| mem::replace(older, mem::take(recent)));
        drop(halves);
        // Code of the user drops the states, so nothing is locked.
        drop(evicted);
        slot
    }
}

/// The turn of a command at a stream. Without a cache nobody waits for it, and it holds nothing.
pub(super) struct Turn<A>(Option<(OwnedMutexGuard<Kept<A>>, Copy<A>)>);

impl<A: Aggregate, S, N> Repository<A, S, N> {
    /// Waits until no other command has the stream. A queue that does not move is given up for a new one: its
    /// head may be a future that nobody polls.
    pub(super) async fn turn(&self, stream: &StreamId) -> Turn<A> {
        let Some(cache) = &self.cache else {
            return Turn(None);
        };
        loop {
            let slot = cache.slot(stream);
            let (kept, turns) = &*slot;
            let mut lock = pin!(Arc::clone(kept).lock_owned());
            let mut seen = None;
            while seen != Some(turns.load(Relaxed)) {
                seen = Some(turns.load(Relaxed));
                // The timer is made only by those who have to wait.
                let patience = async { sleep(self.retry.longest).await };
                if let Ok(kept) = first_of(lock.as_mut(), patience).await {
                    turns.fetch_add(1, Relaxed);
                    return Turn(Some((kept, cache.copy)));
                }
            }
            let mut halves = cache.halves.lock().unwrap_or_else(PoisonError::into_inner);
            for half in &mut *halves {
                if half.get(stream).is_some_and(|now| Arc::ptr_eq(now, &slot)) {
                    half.remove(stream);
                }
            }
        }
    }
}

impl<A: Aggregate> Turn<A> {
    /// What the command before has left. A command that is dropped leaves nothing.
    pub(super) fn take(&mut self) -> Kept<A> {
        self.0.as_mut()?.0.take()
    }

    /// A copy that user code does not see, so that it stays as it is stored. None without a cache.
    pub(super) fn copy(&self, loaded: &Loaded<A>) -> Kept<A> {
        let (_, copy) = self.0.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| copy(loaded))).ok()
    }

    /// Leaves a state to the next command, after these events.
    pub(super) fn leave(&mut self, state: Kept<A>, events: &[A::Event]) {
        let (Some((kept, _)), Some(mut loaded)) = (&mut self.0, state) else {
            return;
        };
        let apply = || events.iter().for_each(|e| loaded.state.apply_event(e));
        **kept = catch_unwind(AssertUnwindSafe(apply)).ok().map(|()| loaded);
    }
}
