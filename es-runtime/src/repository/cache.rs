//! The state cache: what a repository keeps between commands, and the queue of the commands to one stream.

use super::{Loaded, RetryPolicy};
use crate::first::{first_of, pause, sleep};
use crate::{Aggregate, StreamId, metrics};
use std::{
    any::Any,
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::OwnedMutexGuard;

/// States and queues by key. Decisions have one without states, with keys of their own.
pub struct StateCache<K = StreamId> {
    half: usize,
    /// The keys that were used lately and those of before. Full, the first half takes the place of the second.
    halves: Mutex<[HashMap<K, Arc<Entry>>; 2]>,
}

/// A state and the queue of those who want it.
#[derive(Default)]
struct Entry {
    /// Whoever has it has the turn.
    lock: Arc<tokio::sync::Mutex<Kept>>,
    /// How many have had it. By it those who wait see that the queue moves.
    turns: AtomicU64,
    /// How many queues were given up for this one. A slow store is no reason to give up each one after it, too.
    before: u32,
}

/// What is waited for a queue that does not move is doubled so often.
const DOUBLINGS: u32 = 3;

/// A `Loaded<A>`, without its type: so the cache is compiled once, and not for each aggregate.
pub(super) type Kept = Option<Box<dyn Any + Send>>;

impl<K: Clone + Eq + Hash> StateCache<K> {
    /// Of at most this many keys, and at least one.
    pub fn new(states: usize) -> Self {
        Self {
            half: states.div_ceil(2).max(1),
            halves: Mutex::default(),
        }
    }

    fn halves(&self) -> MutexGuard<'_, [HashMap<K, Arc<Entry>>; 2]> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: &K) -> Arc<Entry> {
        let mut halves = self.halves();
        let [recent, older] = &mut *halves;
        if let Some(entry) = recent.get(key) {
            return Arc::clone(entry);
        }
        let entry = older.remove(key).unwrap_or_default();
        recent.insert(key.clone(), Arc::clone(&entry));
        let is_full = recent.len() >= self.half;
        // Code of the user drops these states, when nothing is locked any more.
        let _evicted = is_full.then(|| std::mem::replace(older, std::mem::take(recent)));
        drop(halves);
        entry
    }

    /// The first of these keys at which somebody has the turn. They are only made when there are queues. Who does not try
    /// again does not wait.
    pub fn busy<Q: Borrow<K>, I: IntoIterator<Item = Q>>(
        &self,
        retry: &RetryPolicy,
        keys: impl FnOnce() -> I,
    ) -> Option<Q> {
        if retry.attempts.get() == 1 || self.halves().iter().all(HashMap::is_empty) {
            return None;
        }
        let mut keys = keys().into_iter();
        let halves = self.halves();
        // Who has the turn or waits for it shares the lock with the entry.
        let is_used = |entry: &Arc<Entry>| Arc::strong_count(&entry.lock) > 1;
        keys.find(|key| {
            let mut entries = halves.iter().filter_map(|half| half.get(key.borrow()));
            entries.any(is_used)
        })
    }

    /// Ends the queue of a turn: those who wait in it have their turns, and nobody else joins them.
    pub fn end(&self, key: &K, turn: &OwnedMutexGuard<Kept>) {
        for half in &mut *self.halves() {
            if half.get(key).is_some_and(|entry| is_of(entry, turn)) {
                half.remove(key);
            }
        }
    }

    /// Whether nobody queues elsewhere for what this is a turn at.
    pub fn is_current(&self, key: &K, turn: &OwnedMutexGuard<Kept>) -> bool {
        let halves = self.halves();
        let mut entries = halves.iter().filter_map(|half| half.get(key));
        entries.all(|entry| is_of(entry, turn))
    }

    /// Waits until no other command has the stream. A queue that does not move is given up for a new one: its
    /// head may be a future that nobody polls.
    pub async fn turn(&self, key: &K, retry: &RetryPolicy) -> OwnedMutexGuard<Kept> {
        loop {
            let entry = self.entry(key);
            let longest = retry.longest.saturating_mul(1 << entry.before);
            let mut lock = pin!(Arc::clone(&entry.lock).lock_owned());
            let mut seen = None;
            while seen != Some(entry.turns.load(Relaxed)) {
                seen = Some(entry.turns.load(Relaxed));
                // The timer is made only by those who have to wait.
                let patience = async { sleep(longest).await };
                if let Ok(turn) = first_of(lock.as_mut(), patience).await {
                    entry.turns.fetch_add(1, Relaxed);
                    return turn;
                }
            }
            self.give_up(key, &entry);
        }
    }

    /// From now on all queue anew, unless somebody else was first to say so.
    fn give_up(&self, key: &K, entry: &Arc<Entry>) {
        for half in &mut *self.halves() {
            if let Some(now) = half.get_mut(key).filter(|now| Arc::ptr_eq(now, entry)) {
                *now = Arc::new(Entry {
                    before: (entry.before + 1).min(DOUBLINGS),
                    ..Entry::default()
                });
            }
        }
    }
}

fn is_of(entry: &Entry, turn: &OwnedMutexGuard<Kept>) -> bool {
    Arc::ptr_eq(&entry.lock, OwnedMutexGuard::mutex(turn))
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

/// The turn of a command at a stream. Without cached states it waits for it after a conflict, and while others do. A
/// command that writes nothing ends that queue, so that who comes after a rejection does not wait.
pub(super) struct Turn<A: Aggregate + 'static> {
    pub(super) kept: Option<OwnedMutexGuard<Kept>>,
    pub(super) typed: Option<&'static Typed<A>>,
}

impl<A: Aggregate> Turn<A> {
    /// Waits for it, or for a moment after so many conflicts in it.
    pub(super) async fn wait(
        &mut self,
        cache: &StateCache,
        stream: &StreamId,
        retry: &RetryPolicy,
        conflicts: u32,
    ) {
        let has_it = |kept| cache.is_current(stream, kept);
        if self.kept.as_ref().is_some_and(has_it) {
            return pause(retry.wait(conflicts)).await;
        }
        // The others gave up its queue for another one, or ended it. Alone it would lose against them again and again.
        self.kept = None;
        let since = metrics::Timer::start();
        self.kept = Some(cache.turn(stream, retry).await);
        metrics::queued(since, A::NAME);
    }

    /// Nothing is written.
    pub(super) fn end(&mut self, cache: &StateCache, stream: &StreamId, state: Option<Loaded<A>>) {
        match self.typed {
            Some(_) => self.leave(state, &[]),
            None => self
                .kept
                .take()
                .iter()
                .for_each(|kept| cache.end(stream, kept)),
        }
    }

    /// What the command before has left. A command that is dropped leaves nothing.
    pub(super) fn take(&mut self) -> Option<Loaded<A>> {
        let (kept, typed) = self.kept.as_mut().zip(self.typed)?;
        let found = (typed.take)(kept);
        metrics::cached(A::NAME, if found.is_some() { "hit" } else { "miss" });
        found
    }

    /// A copy that user code does not see, so that it stays as it is stored. None without cached states.
    pub(super) fn copy(&self, loaded: &Loaded<A>) -> Option<Loaded<A>> {
        (self.typed?.copy)(loaded)
    }

    /// Leaves a state to the next command, after these events.
    pub(super) fn leave(&mut self, state: Option<Loaded<A>>, events: &[A::Event]) {
        if let (Some(kept), Some(typed), Some(loaded)) = (&mut self.kept, self.typed, state) {
            (typed.leave)(kept, loaded, events);
        }
    }
}
