//! Tests of process managers: given what happened, when something else happens or time passes, then
//! this follows; and a process that dies at every write.

use super::{CrashPoint, Fuse, Matrix, MortalStore, crash_points, virtual_clock};
use es_runtime::{
    Aggregate, Append, EventFilter, EventId, EventSet, EventStore, Events, ExpectedVersion,
    MemoryStore, NewEvent, Position, ProcessManager, ReadLimit, RecordedEvent, Sagas, StreamId,
    Timestamp,
    saga::{Commit, CursorMove, ProcessOutcome, SagaStore, Stepped, stream_of},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// What happens to a process manager, in its order. Every run has a store and a clock of its own; the
/// clock stands still but for [`given_time`](Self::given_time) and [`when_time`](Self::when_time).
///
/// Events go into the streams of their aggregates, so those decide on them when they are commanded.
///
/// ```
/// # use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle, ProcessManager};
/// # use es_runtime::saga::{OnTimer, ReactTo, Reactions};
/// # use serde::{Deserialize, Serialize};
/// # use std::convert::Infallible;
/// # #[derive(Clone)]
/// # struct Remind;
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("bill.opened")]
/// # struct BillOpened {}
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("bill.reminded")]
/// # struct BillReminded {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("bill", id = u32, error = Infallible, events(BillOpened, BillReminded))]
/// # struct Bill {}
/// # impl Apply<BillOpened> for Bill { fn apply(&mut self, _: &BillOpened) {} }
/// # impl Apply<BillReminded> for Bill { fn apply(&mut self, _: &BillReminded) {} }
/// # impl Handle<Remind> for Bill {
/// #     fn handle(&self, _: Remind) -> Result<Events<Self>, Infallible> { Ok(BillReminded {}.into()) }
/// # }
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("dunning.begun")]
/// # struct DunningBegun { bill: u32 }
/// # /// Reminds of bills.
/// # #[derive(Aggregate, ProcessManager, Default)]
/// # #[aggregate("dunning", id = u32, error = Infallible, events(DunningBegun))]
/// # #[process_manager(reacts(BillOpened), timers)]
/// # struct Dunning { bill: u32 }
/// # impl Apply<DunningBegun> for Dunning {
/// #     fn apply(&mut self, event: &DunningBegun) { self.bill = event.bill; }
/// # }
/// # impl ReactTo<BillOpened> for Dunning {
/// #     fn correlate(opened: &Envelope<BillOpened>) -> Option<u32> {
/// #         opened.stream.id().parse().ok()
/// #     }
/// #     fn react(&self, opened: &Envelope<BillOpened>) -> Reactions<Self> {
/// #         let bill = opened.stream.id().parse().unwrap_or_default();
/// #         Reactions::none().event(DunningBegun { bill }).timer("remind", DAY * 14)
/// #     }
/// # }
/// # impl OnTimer for Dunning {
/// #     fn timer(&self, _: &str) -> Reactions<Self> {
/// #         Reactions::none().command::<Bill, _>(&self.bill, Remind).end()
/// #     }
/// # }
/// use es_testkit::saga::ProcessTest;
/// use std::time::Duration;
///
/// const DAY: Duration = Duration::from_secs(24 * 3600);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let opened = ProcessTest::<Dunning>::new().when::<Bill>(&7, BillOpened {});
/// opened
///     .run()
///     .await
///     .then(DunningBegun { bill: 7 })
///     .then_timer("remind", DAY * 14)
///     .then_nothing_else();
///
/// let open = ProcessTest::<Dunning>::new().given::<Bill>(&7, BillOpened {});
/// open.clone().when_time(DAY * 13).run().await.then_nothing_else();
///
/// let late = open.when_time(DAY * 14);
/// late.run()
///     .await
///     .then_command::<Bill>(&7, BillReminded {})
///     .then_ended()
///     .then_nothing_else();
///
/// // Dies before and behind every write, is started again and told everything once more: it must
/// // come to the same end.
/// assert!(late.crash_matrix().await.runs > 4);
/// # });
/// ```
#[must_use = "a test proves nothing before it is run"]
pub struct ProcessTest<P> {
    script: Vec<Entry>,
    /// So many entries are given.
    given: usize,
    manager: PhantomData<fn() -> P>,
}

#[derive(Clone, Debug)]
enum Entry {
    Happens(StreamId, Vec<NewEvent>),
    Passes(Duration),
}

impl<P> Clone for ProcessTest<P> {
    fn clone(&self) -> Self {
        Self {
            script: self.script.clone(),
            given: self.given,
            manager: PhantomData,
        }
    }
}

impl<P: ProcessManager> Debug for ProcessTest<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessTest")
            .field("process_manager", &P::NAME)
            .field("script", &self.script)
            .field("given", &self.given)
            .finish()
    }
}

impl<P: ProcessManager> Default for ProcessTest<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// In virtual time, and shorter than any timer: who died must not make one run out.
const LEASE: Duration = Duration::from_micros(1);
/// What is not at rest after so many timers never will be.
const TURNS: usize = 2_000;

impl<P: ProcessManager> ProcessTest<P> {
    /// Nothing has happened.
    pub const fn new() -> Self {
        Self {
            script: Vec::new(),
            given: 0,
            manager: PhantomData,
        }
    }

    /// These events of an aggregate have happened, and it has reacted to them: one event, or
    /// `events![..]`.
    ///
    /// # Panics
    /// When an event cannot be stored, or when it stands behind a `when`.
    #[track_caller]
    pub fn given<A: Aggregate>(self, id: &A::Id, events: impl Into<Events<A>>) -> Self {
        let entry = happens(id, &events.into());
        self.entry_given(entry)
    }

    /// This time has passed, and timers have run out in it.
    ///
    /// # Panics
    /// When it stands behind a `when`.
    #[track_caller]
    pub fn given_time(self, time: Duration) -> Self {
        self.entry_given(Entry::Passes(time))
    }

    #[track_caller]
    fn entry_given(mut self, entry: Entry) -> Self {
        let mixed = self.given < self.script.len();
        assert!(!mixed, "what is given stands before what is asked about");
        self.script.push(entry);
        self.given = self.script.len();
        self
    }

    /// These events of an aggregate happen: one event, or `events![..]`. What follows is what
    /// [`Reacted`] is about.
    ///
    /// # Panics
    /// When an event cannot be stored.
    #[track_caller]
    pub fn when<A: Aggregate>(mut self, id: &A::Id, events: impl Into<Events<A>>) -> Self {
        self.script.push(happens(id, &events.into()));
        self
    }

    /// This time passes: each timer that runs out in it does so at its own time.
    pub fn when_time(mut self, time: Duration) -> Self {
        self.script.push(Entry::Passes(time));
        self
    }

    /// Lets it happen.
    ///
    /// # Panics
    /// When the process manager cannot go on, such as when `correlate` panics, or when it never comes
    /// to rest.
    pub async fn run(&self) -> Reacted<P>
    where
        P::Event: Debug,
    {
        let world = self.dying(None).await;
        world.reacted(&self.ids()).await
    }

    /// Dies before and behind every write, once in each run; all that happened so far comes once more
    /// to the next process. Every run must leave the same streams as one without a crash.
    ///
    /// What it finds are reactions that are not pure: those of the second attempt differ.
    ///
    /// # Panics
    /// When a run ends in another way, and as [`run`](Self::run).
    pub async fn crash_matrix(&self) -> Matrix {
        let whole = self.dying(None).await;
        let expected = whole.streams().await;
        let mut matrix = Matrix {
            points: whole.passed.len(),
            runs: 0,
        };
        for crash in crash_points(matrix.points) {
            let world = self.dying(Some(crash)).await;
            let side = if crash.after { "behind" } else { "before" };
            let at = world.passed.last().map_or("?", String::as_str);
            let streams = world.streams().await;
            assert!(
                streams == expected,
                "with a crash {side} {} ({at}) it comes to another end\nwithout: {expected:#?}\n   \
                 with: {streams:#?}",
                crash.at
            );
            matrix.runs += 1;
        }
        matrix
    }

    fn ids(&self) -> Vec<EventId> {
        let events = self.script.iter().filter_map(|entry| match entry {
            Entry::Happens(_, events) => Some(events),
            Entry::Passes(_) => None,
        });
        events.flatten().map(|event| event.id).collect()
    }

    /// The script on a store of its own; the first process dies there.
    async fn dying(&self, crash: Option<CrashPoint>) -> World {
        let (store, clock) = virtual_clock();
        let mut world = World {
            store,
            clock,
            fuse: Fuse::new(crash),
            passed: Vec::new(),
            asked_from: Position::START,
        };
        world.settle::<P>().await;
        for (number, entry) in self.script.iter().enumerate() {
            if number == self.given {
                world.asked_from = world.head().await;
            }
            match entry {
                Entry::Happens(stream, events) => {
                    let append = Append::new(stream.clone(), ExpectedVersion::Any)
                        .with_events(events.iter().cloned());
                    let stored = world.store.append(append).await;
                    stored.unwrap_or_else(|error| panic!("the events cannot be stored: {error}"));
                    world.settle::<P>().await;
                }
                Entry::Passes(time) => world.pass::<P>(*time).await,
            }
        }
        if world.passed.is_empty() {
            world.passed = world.fuse.passed();
        }
        world
    }
}

#[track_caller]
fn happens<A: Aggregate>(id: &A::Id, events: &Events<A>) -> Entry {
    let stream = StreamId::of::<A>(id).unwrap_or_else(|error| panic!("{error}"));
    let stored = events.iter().map(|event| {
        let kind = event.event_type();
        match event.encode(A::CODEC) {
            Ok(payload) => NewEvent::new(kind.name, kind.version, A::CODEC.content_type(), payload),
            Err(error) => panic!("event `{}` cannot be stored: {error}", kind.name),
        }
    });
    Entry::Happens(stream, stored.collect())
}

/// The store and the time of one run, and the process that lives in it.
struct World {
    store: MemoryStore,
    clock: Arc<AtomicI64>,
    fuse: Fuse,
    /// The writes of the process that died, or of the only one.
    passed: Vec<String>,
    /// Behind what is given.
    asked_from: Position,
}

impl World {
    fn tick(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.clock.fetch_add(micros, Ordering::Relaxed);
    }

    async fn head(&self) -> Position {
        let head = self.store.head().await;
        head.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Does what can be done now; when the process dies, by another one. Says when something is due.
    async fn settle<P: ProcessManager>(&mut self) -> Option<Timestamp> {
        loop {
            let mortal = MortalStore::new(self.store.clone(), self.fuse.clone());
            let sagas = Sagas::new(mortal)
                .from_the_beginning(true)
                .lease(LEASE)
                .with_process_manager::<P>();
            let idle = sagas.run_until_idle().await;
            if !self.fuse.is_dead() {
                let idle = idle.unwrap_or_else(|error| panic!("the runner failed: {error}"));
                return idle.next_due;
            }
            self.passed = self.fuse.passed();
            self.fuse = Fuse::new(None);
            self.tick(LEASE);
            self.forget_cursor(P::NAME).await;
        }
    }

    /// Everything comes once more.
    async fn forget_cursor(&self, name: &str) {
        let stream = stream_of(name, "cursor").unwrap_or_else(|error| panic!("{error}"));
        let consumer = stream.aggregate();
        let at = self.store.saga_cursor(consumer).await;
        let at = at.unwrap_or_else(|error| panic!("{error}"));
        if at.is_some() {
            let back = CursorMove::new(consumer, at, Position::START);
            let back = self.store.commit(Commit::new().cursor(back)).await;
            back.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Lets time pass, from one timer to the next.
    async fn pass<P: ProcessManager>(&mut self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let end = self.clock.load(Ordering::Relaxed).saturating_add(micros);
        for _ in 0..TURNS {
            match self.settle::<P>().await.map(Timestamp::unix_micros) {
                Some(due) if due <= end => self.clock.fetch_max(due, Ordering::Relaxed),
                _ if self.clock.fetch_max(end, Ordering::Relaxed) >= end => return,
                _ => continue,
            };
        }
        panic!("the process manager does not come to rest");
    }

    async fn feed(&self, mut after: Position) -> Vec<RecordedEvent> {
        let mut all = Vec::new();
        loop {
            let filter = EventFilter::all();
            let page = self.store.read_feed(after, &filter, ReadLimit::default());
            let page = page.await.unwrap_or_else(|error| panic!("{error}"));
            after = page.next;
            all.extend(page.events);
            if page.at_end {
                return all;
            }
        }
    }

    async fn reacted<P: ProcessManager<Event: Debug>>(&self, inputs: &[EventId]) -> Reacted<P> {
        let mut reacted = Reacted {
            events: VecDeque::new(),
            commands: BTreeMap::new(),
            timers: BTreeMap::new(),
            ended: false,
            refused: VecDeque::new(),
            parked: VecDeque::new(),
        };
        let own = own_streams(P::NAME);
        for event in self.feed(self.asked_from).await {
            if inputs.contains(&event.event_id) {
                continue;
            }
            if event.stream.aggregate() != own {
                let stream = event.stream.to_string();
                reacted.commands.entry(stream).or_default().push(event);
            } else if *event.name == *Stepped::NAME {
                reacted.step(stepped(&event), event.recorded_at);
            } else {
                let decoded = P::Event::decode(&event.name, event.stored_payload());
                let decoded = decoded.unwrap_or_else(|error| panic!("{error}"));
                reacted.events.extend(decoded);
            }
        }
        reacted
    }

    /// What is in each stream, but for ids of what was decided and for times.
    async fn streams(&self) -> BTreeMap<StreamId, Vec<String>> {
        let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in self.feed(Position::START).await {
            let what = if *event.name == *Stepped::NAME {
                let step = stepped(&event);
                let timers = step.timers.iter();
                let timers: Vec<_> = timers.map(|(name, at)| (name, at.is_some())).collect();
                let cause = step.cause.name();
                format!(
                    "{cause}: {:?}, timers {timers:?}, commands {:?}, refused {:?}, ended {}",
                    step.outcome, step.commands, step.refused, step.ended
                )
            } else {
                let payload = String::from_utf8_lossy(&event.payload);
                format!("{} {payload}", event.name)
            };
            streams.entry(event.stream).or_default().push(what);
        }
        streams
    }
}

/// The aggregate half of the streams of a process manager.
fn own_streams(name: &str) -> String {
    let stream = stream_of(name, "any").unwrap_or_else(|error| panic!("{error}"));
    stream.aggregate().to_owned()
}

fn stepped(event: &RecordedEvent) -> Stepped {
    let step = serde_json::from_slice(&event.payload);
    step.unwrap_or_else(|error| panic!("the record cannot be read: {error}"))
}

/// What followed from the `when` of a [`ProcessTest`], in all instances together. Each assertion takes
/// away what it is about; [`then_nothing_else`](Self::then_nothing_else) says that nothing is left.
#[must_use = "end with `then_nothing_else`: more may have followed"]
pub struct Reacted<P: ProcessManager> {
    events: VecDeque<P::Event>,
    commands: BTreeMap<String, Vec<RecordedEvent>>,
    timers: BTreeMap<String, Option<Duration>>,
    ended: bool,
    refused: VecDeque<String>,
    parked: VecDeque<String>,
}

impl<P: ProcessManager<Event: Debug>> Debug for Reacted<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let commands = self.commands.iter().map(|(stream, events)| {
            let names: Vec<_> = events.iter().map(|event| &*event.name).collect();
            (stream, names)
        });
        let commands: BTreeMap<_, _> = commands.collect();
        f.debug_struct("Reacted")
            .field("events", &self.events)
            .field("commands", &commands)
            .field("timers", &self.timers)
            .field("ended", &self.ended)
            .field("refused", &self.refused)
            .field("parked", &self.parked)
            .finish()
    }
}

impl<P: ProcessManager<Event: Debug>> Reacted<P> {
    fn step(&mut self, step: Stepped, at: Timestamp) {
        for stream in step.commands {
            self.commands.entry(stream).or_default();
        }
        for (name, until) in step.timers {
            self.timers.insert(name, until.map(|until| until.since(at)));
        }
        self.ended |= step.ended;
        self.refused.extend(step.refused);
        if let ProcessOutcome::Parked { why } = step.outcome {
            self.parked.push_back(why);
        }
    }

    /// It stored these events of its own next: one event, or `events![..]`.
    ///
    /// # Panics
    /// When it stored others, or too few.
    #[track_caller]
    pub fn then(mut self, expected: impl Into<Events<P>>) -> Self
    where
        P::Event: PartialEq,
    {
        for expected in expected.into().into_vec() {
            let actual = self.events.pop_front();
            assert!(
                actual.as_ref() == Some(&expected),
                "another event than expected\nexpected: {expected:#?}\n  actual: {actual:#?}\n    \
                 rest: {self:#?}"
            );
        }
        self
    }

    /// It sent commands to this aggregate, which stored exactly these events for them: one event, or
    /// `events![..]`, or `Events::none()`.
    ///
    /// # Panics
    /// When it sent none, or the aggregate stored other events.
    #[track_caller]
    pub fn then_command<A: Aggregate<Event: Debug + PartialEq>>(
        mut self,
        id: &A::Id,
        expected: impl Into<Events<A>>,
    ) -> Self {
        let stream = StreamId::of::<A>(id).unwrap_or_else(|error| panic!("{error}"));
        let Some(stored) = self.commands.remove(&stream.to_string()) else {
            panic!("no command was sent to {stream}: {self:#?}");
        };
        let stored = stored.iter().flat_map(|event| {
            let decoded = A::Event::decode(&event.name, event.stored_payload());
            decoded.unwrap_or_else(|error| panic!("{error}"))
        });
        let (actual, expected): (Vec<_>, _) = (stored.collect(), expected.into().into_vec());
        assert!(
            actual == expected,
            "{stream} stored other events than expected\nexpected: {expected:#?}\n  actual: \
             {actual:#?}"
        );
        self
    }

    /// It set this timer, to run out after this time.
    ///
    /// # Panics
    /// When it did not, or for another time.
    #[track_caller]
    pub fn then_timer(mut self, name: &str, after: Duration) -> Self {
        let actual = self.timers.remove(name);
        assert!(
            actual == Some(Some(after)),
            "timer `{name}` is set otherwise\nexpected: {after:?}\n  actual: {actual:?}"
        );
        self
    }

    /// It cancelled this timer.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn then_timer_cancelled(mut self, name: &str) -> Self {
        let actual = self.timers.remove(name);
        assert!(
            actual == Some(None),
            "timer `{name}` was not cancelled: {actual:?}"
        );
        self
    }

    /// An aggregate refused a command, it was told so, and what else is here is what it decided then.
    /// `reason` is a part of what the aggregate said.
    ///
    /// # Panics
    /// When none refused next, or another reason was given.
    #[track_caller]
    pub fn then_refused(mut self, reason: &str) -> Self {
        let actual = self.refused.pop_front();
        let same = actual.as_ref().is_some_and(|why| why.contains(reason));
        assert!(same, "not refused by `{reason}`: {actual:?}");
        self
    }

    /// It cannot react, and waits for an operator. `reason` is a part of why.
    ///
    /// # Panics
    /// When it was not parked next, or for another reason.
    #[track_caller]
    pub fn then_parked(mut self, reason: &str) -> Self {
        let actual = self.parked.pop_front();
        let same = actual.as_ref().is_some_and(|why| why.contains(reason));
        assert!(same, "not parked by `{reason}`: {actual:?}");
        self
    }

    /// It has ended.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn then_ended(mut self) -> Self {
        assert!(self.ended, "it has not ended: {self:#?}");
        self.ended = false;
        self
    }

    /// Nothing followed but what was asserted before.
    ///
    /// # Panics
    /// When something else did.
    #[track_caller]
    pub fn then_nothing_else(self) {
        let nothing = self.events.is_empty()
            && self.commands.is_empty()
            && self.timers.is_empty()
            && !self.ended
            && self.refused.is_empty()
            && self.parked.is_empty();
        assert!(nothing, "more followed: {self:#?}");
    }
}
