//! Tests of process managers: given what happened, when something else happens or time passes, then
//! this follows; and a process that dies at every write.

mod reacted;
mod world;

pub use reacted::Reacted;

use super::{CrashPoint, Matrix, crash_points, runs};
use crate::history;
use es_runtime::{Aggregate, Append, AsId, EventId, Events};
use es_sagas::{ProcessManager, log::Stepped};
use std::{fmt::Debug, future::Future, marker::PhantomData, panic::Location, time::Duration};
use world::World;

/// What happens to a process manager, in its order. Every run has a store and a clock of its own. The
/// clock begins at 2001-09-09T01:46:40Z and stands still but for [`given_time`](Self::given_time) and
/// [`when_time`](Self::when_time). So that is the time at which the first events are recorded.
///
/// Events go into the streams of their aggregates, so those decide on them when they are commanded.
///
/// ```
/// # use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle};
/// # use es_sagas::ProcessManager;
/// # use es_sagas::{OnTimer, ReactTo, Reactions};
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
/// // Dies before and after every write, is started again and gets everything once more: it must
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
    Happens(Box<Append>),
    Passes(Duration),
}

impl Entry {
    fn happens(append: Append) -> Self {
        Self::Happens(Box::new(append))
    }
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
    /// When an event cannot be stored, or when it stands after a `when`.
    #[track_caller]
    pub fn given<A: Aggregate>(self, id: impl AsId<A::Id>, events: impl Into<Events<A>>) -> Self {
        let append = history::append(id, events);
        self.entry_given(Entry::happens(append))
    }

    /// This event has happened, on the stream that its tag names, and it has reacted to it.
    ///
    /// # Panics
    /// When it has no such tag, cannot be stored and read back, or stands after a `when`.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn given_event<E: es_runtime::Event>(self, event: E) -> Self {
        let append = history::append_event(event);
        self.entry_given(Entry::happens(append))
    }

    /// This time has passed, and timers have run out in it.
    ///
    /// # Panics
    /// When it stands after a `when`.
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
    pub fn when<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        events: impl Into<Events<A>>,
    ) -> Self {
        let append = history::append(id, events);
        self.script.push(Entry::happens(append));
        self
    }

    /// This event happens, on the stream that its tag names.
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn when_event<E: es_runtime::Event>(mut self, event: E) -> Self {
        let append = history::append_event(event);
        self.script.push(Entry::happens(append));
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
        Reacted::of(world.asked().await, &self.ids(), world.set_before)
    }

    /// Dies before and after every write, once in each run; all that happened so far comes once more
    /// to the next process. Every run must leave the same streams as one without a crash.
    ///
    /// What it finds are reactions that are not pure: those of the second attempt differ.
    ///
    /// # Panics
    /// When a run ends in another way, and as [`run`](Self::run). The message names the line that calls this.
    #[track_caller]
    pub fn crash_matrix(&self) -> impl Future<Output = Matrix> + Send + '_ {
        self.crashes(Location::caller())
    }

    async fn crashes(&self, at: &'static Location<'static>) -> Matrix {
        let whole = self.dying(None).await;
        let expected = whole.streams().await;
        let mut matrix = Matrix {
            points: whole.passed.len(),
            runs: 0,
        };
        for crash in crash_points(matrix.points) {
            let world = self.dying(Some(crash)).await;
            let side = if crash.after { "after" } else { "before" };
            let write = world.passed.last().map_or("?", String::as_str);
            let when = format!("{at}: with a crash {side} write {} ({write})", crash.at);
            runs::assert_same_end(&when, LIKELY, &expected, &world.streams().await);
            matrix.runs += 1;
        }
        matrix
    }

    fn ids(&self) -> Vec<EventId> {
        let events = self.script.iter().filter_map(|entry| match entry {
            Entry::Happens(append) => Some(&append.events),
            Entry::Passes(_) => None,
        });
        events.flatten().map(|event| event.id).collect()
    }

    /// The script on a store of its own; the first process dies there.
    async fn dying(&self, crash: Option<CrashPoint>) -> World {
        let mut world = World::new(crash);
        world.settle::<P>().await;
        for (number, entry) in self.script.iter().enumerate() {
            if number == self.given {
                world.ask_from_here::<P>().await;
            }
            match entry {
                Entry::Happens(append) => world.happen::<P>(append).await,
                Entry::Passes(time) => world.pass::<P>(*time).await,
            }
        }
        if self.given == self.script.len() {
            world.ask_from_here::<P>().await;
        }
        world.end();
        world
    }
}

/// Why a run with a crash ends in another way.
const LIKELY: &str = ", since what ran again decided otherwise. The likely cause: a reaction uses the clock or chance, or keeps something \
     outside of its state, or an aggregate does that it commands. Take times from the event, such as its `recorded_at`";

fn stepped(payload: &[u8]) -> Stepped {
    let step = serde_json::from_slice(payload);
    step.unwrap_or_else(|error| panic!("the record cannot be read: {error}"))
}
