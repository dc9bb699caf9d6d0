//! The store and the clock of one run of a test, and the processes that live in it.

use super::{
    super::{
        CrashPoint, Fuse, MortalStore,
        runs::{self, Streams},
    },
    stepped,
};
use crate::{VirtualClock, feed};
use es_runtime::{
    Append, Commit, CommitStore, CursorMove, EventStore, MemoryStore, Position, RecordedEvent,
    Timestamp, WorkChange, WorkFilter, WorkItem, WorkQueue,
};
use es_sagas::{ProcessManager, Sagas, log::Stepped, stream_of};
use std::{collections::BTreeMap, time::Duration};

/// What is not at rest after so many timers never will be.
const TURNS: usize = 2_000;

/// The store and the time of one run, and the process that lives in it.
pub(super) struct World {
    store: MemoryStore,
    clock: VirtualClock,
    fuse: Fuse,
    /// The writes of the process that died, or of the only one.
    pub(super) passed: Vec<String>,
    /// After what is given.
    asked_from: Position,
    /// The timers that were set then, with what was left of their times.
    pub(super) set_before: BTreeMap<String, Duration>,
}

impl World {
    /// Nothing has happened; the first process dies there.
    pub(super) fn new(crash: Option<CrashPoint>) -> Self {
        let (store, clock) = VirtualClock::with_store();
        Self {
            store,
            clock,
            fuse: Fuse::new(crash),
            passed: Vec::new(),
            asked_from: Position::START,
            set_before: BTreeMap::new(),
        }
    }

    /// What happens from here on is asked about.
    pub(super) async fn ask_from_here<P: ProcessManager>(&mut self) {
        let head = self.store.head().await;
        self.asked_from = head.unwrap_or_else(|error| panic!("{error}"));
        let sagas = Sagas::new(self.store.clone()).with_process_manager::<P>();
        let now = self.clock.now();
        for item in self.work::<P>().await {
            let shown = sagas.show_process(P::NAME, item.instance.id()).await;
            let shown = shown.unwrap_or_else(|error| panic!("{error}"));
            for (name, at) in shown.state.timers {
                self.set_before.insert(name, at.since(now));
            }
        }
    }

    /// The work items of its instances.
    async fn work<P: ProcessManager>(&self) -> Vec<WorkItem> {
        let any = stream_of(P::NAME, "any").unwrap_or_else(|error| panic!("{error}"));
        let mut filter = WorkFilter::of(vec![any.aggregate().to_owned()]);
        filter.at_most = usize::MAX;
        let items = self.store.work_items(&filter).await;
        items.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Nothing more happens.
    pub(super) fn end(&mut self) {
        if self.passed.is_empty() {
            self.passed = self.fuse.passed();
        }
    }

    /// Does what can be done now; when the process dies, by another one. Says when something is due.
    pub(super) async fn settle<P: ProcessManager>(&mut self) -> Option<Timestamp> {
        loop {
            let mortal = MortalStore::new(self.store.clone(), self.fuse.clone());
            let sagas = Sagas::new(mortal)
                .from_the_beginning(true)
                .with_process_manager::<P>();
            let idle = sagas.run_until_idle().await;
            if !self.fuse.is_dead() {
                let idle = idle.unwrap_or_else(|error| panic!("the runner failed: {error}"));
                return idle.next_due;
            }
            self.passed = self.fuse.passed();
            self.fuse = Fuse::new(None);
            self.end_leases::<P>().await;
            self.forget_cursor(P::NAME).await;
        }
    }

    /// Something happens to an aggregate.
    pub(super) async fn happen<P: ProcessManager>(&mut self, append: &Append) {
        let stored = self.store.append(append.clone()).await;
        stored.unwrap_or_else(|error| panic!("the events cannot be stored: {error}"));
        self.settle::<P>().await;
    }

    /// Who died holds nothing any more. No time passes in it, so that all runs have the same times.
    async fn end_leases<P: ProcessManager>(&self) {
        for item in self.work::<P>().await {
            let mut change = WorkChange::new(item.instance, item.definition);
            change.status = item.status;
            change.phase = item.phase;
            change.reason = item.reason;
            change.due_at = item.due_at;
            change.release = true;
            let ended = self.store.commit(Commit::new().work(change)).await;
            ended.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Everything comes once more.
    async fn forget_cursor(&self, name: &str) {
        let stream = stream_of(name, "cursor").unwrap_or_else(|error| panic!("{error}"));
        let consumer = stream.aggregate();
        let at = self.store.cursor(consumer).await;
        let at = at.unwrap_or_else(|error| panic!("{error}"));
        if at.is_some() {
            let back = CursorMove::new(consumer, at, Position::START);
            let back = self.store.commit(Commit::new().cursor(back)).await;
            back.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Lets time pass, from one timer to the next.
    pub(super) async fn pass<P: ProcessManager>(&mut self, time: Duration) {
        let end = self.clock.now().after(time);
        for _ in 0..TURNS {
            match self.settle::<P>().await {
                Some(due) if due <= end => self.clock.reach(due),
                _ if self.clock.now() >= end => return,
                _ => self.clock.reach(end),
            }
        }
        panic!("the process manager does not come to rest");
    }

    /// What happened that is asked about.
    pub(super) async fn asked(&self) -> Vec<RecordedEvent> {
        feed::all(&self.store, self.asked_from).await
    }

    /// What is in each stream, but for ids of what was decided and for times at which it was recorded.
    pub(super) async fn streams(&self) -> Streams {
        let mut streams = Streams::new();
        for event in feed::all(&self.store, Position::START).await {
            let what = if *event.name == *Stepped::NAME {
                let step = stepped(&event.payload);
                let timers = &step.timers;
                let cause = step.cause.name();
                format!(
                    "{cause}: {:?}, timers {timers:?}, commands {:?}, rejected {:?}, ended {}",
                    step.outcome, step.commands, step.rejected, step.ended
                )
            } else {
                runs::text(&event)
            };
            let stream = event.stream.to_string();
            streams.entry(stream).or_default().push(what);
        }
        streams
    }
}
