//! The reactions of a process manager to an input.

use super::{OnTimer, ProcessManager, SendsTo};
use es_runtime::{
    Append, AsId, Command, EventOf, Events, Handle, StreamId, Timestamp, command::AggregateCommand,
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// When a timer fires.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// So long after the input is handled.
    After(Duration),
    /// At this time, whenever the input is handled.
    At(Timestamp),
}

/// The reactions to an input: events of the process manager, commands to aggregates, timers, and the end.
///
/// All of them are one transaction. [`ProcessManager`] has a complete example.
#[must_use = "reactions have no effect unless they are returned"]
pub struct Reactions<P: ProcessManager> {
    pub(super) events: Events<P>,
    pub(super) commands: Vec<AggregateCommand>,
    pub(super) timers: BTreeMap<String, Option<Due>>,
    pub(super) ended: bool,
}

impl<P: ProcessManager> Reactions<P> {
    /// No reactions. The runtime only records that the input was processed.
    pub const fn none() -> Self {
        Self {
            events: Events::none(),
            commands: Vec::new(),
            timers: BTreeMap::new(),
            ended: false,
        }
    }

    /// Adds an event of the process manager itself. It changes its state.
    pub fn event(mut self, event: impl EventOf<P, Event = P::Event>) -> Self {
        self.events.push(event);
        self
    }

    /// Adds a command to an aggregate of the same store, at most one for each aggregate.
    pub fn command<A: Handle<C>, C: Command>(mut self, id: impl AsId<A::Id>, command: C) -> Self
    where
        P: SendsTo<A, C>,
    {
        self.commands
            .push(AggregateCommand::new::<A, C>(id, command));
        self
    }

    /// Sets a timer to fire after this time, by the clock of the database. It replaces a timer of the same
    /// name.
    ///
    /// The time counts from when the input is handled, not from when the event was stored. After an outage, or with
    /// [`from_the_beginning`](crate::Sagas::from_the_beginning), that is later. [`timer_at`](Self::timer_at) can count from
    /// the event.
    pub fn timer(mut self, name: impl Into<String>, after: Duration) -> Self
    where
        P: OnTimer,
    {
        self.timers.insert(name.into(), Some(Due::After(after)));
        self
    }

    /// Sets a timer to fire at this time, by the clock of the database, at once when the time is over. It replaces a
    /// timer of the same name.
    ///
    /// Take the time from the event, such as a due date in it. With [`recorded_at`](es_runtime::Envelope::recorded_at)
    /// the timer counts from when the event was stored, however late it is handled. Do not take it from
    /// [`Timestamp::now`]: a reaction may run again, and would decide otherwise.
    ///
    /// ```
    /// # use es_runtime::{Aggregate, Apply, Envelope, Event, MemoryStore};
    /// # use es_runtime::{Events, Handle, Repository};
    /// # use es_sagas::{OnTimer, ProcessManager, ReactTo, Sagas};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::convert::Infallible;
    /// use es_runtime::Timestamp;
    /// use es_sagas::Reactions;
    /// use std::time::Duration;
    /// # #[derive(Clone)]
    /// # struct Send(Timestamp);
    /// #
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("bill", id = u32, error = Infallible, events(BillSent))]
    /// # struct Bill {}
    /// # impl Apply<BillSent> for Bill { fn apply(&mut self, _: &BillSent) {} }
    /// # impl Handle<Send> for Bill {
    /// #     fn handle(&self, Send(due): Send) -> Result<Events<Self>, Infallible> {
    /// #         Ok(BillSent { due }.into())
    /// #     }
    /// # }
    /// # #[derive(Event, Serialize, Deserialize)]
    /// # #[event("dunning.begun")]
    /// # struct Begun {}
    /// # #[derive(Aggregate, ProcessManager, Default)]
    /// # #[aggregate("dunning", id = u32, error = Infallible, events(Begun))]
    /// # #[process_manager(reacts(BillSent), timers)]
    /// # struct Dunning {}
    /// # impl Apply<Begun> for Dunning { fn apply(&mut self, _: &Begun) {} }
    /// # impl OnTimer for Dunning {
    /// #     fn timer(&self, _: &str) -> Reactions<Self> { Reactions::none() }
    /// # }
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event("bill.sent")]
    /// struct BillSent {
    ///     due: Timestamp,
    /// }
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 3600);
    ///
    /// impl ReactTo<BillSent> for Dunning {
    /// #   fn correlate(sent: &Envelope<BillSent>) -> Option<u32> { sent.stream.id().parse().ok() }
    ///     // ..
    ///     fn react(&self, sent: &Envelope<BillSent>) -> Reactions<Self> {
    ///         Reactions::none()
    ///             .timer_at("overdue", sent.event.due)
    ///             .timer_at("ask whether it came", sent.recorded_at.after(DAY * 3))
    ///     }
    /// }
    ///
    /// # futures_executor::block_on(async {
    /// # let store = MemoryStore::new();
    /// # let due = Timestamp::now().after(DAY * 30);
    /// # Repository::<Bill, _>::new(store.clone()).execute(&7, Send(due)).await?;
    /// # let sagas = Sagas::new(store).from_the_beginning(true).with_process_manager::<Dunning>();
    /// # sagas.run_until_idle().await?;
    /// let timers = sagas.show_process("dunning", "7").await?.state.timers;
    /// assert_eq!(timers["overdue"], due);
    /// # assert_eq!(timers.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn timer_at(mut self, name: impl Into<String>, at: Timestamp) -> Self
    where
        P: OnTimer,
    {
        self.timers.insert(name.into(), Some(Due::At(at)));
        self
    }

    /// Cancels the timer of this name, if it is set.
    pub fn cancel_timer(mut self, name: impl Into<String>) -> Self {
        self.timers.insert(name.into(), None);
        self
    }

    /// Ends the instance. Its timers are cancelled, and later inputs are recorded and change nothing.
    pub const fn end(mut self) -> Self {
        self.ended = true;
        self
    }

    /// Adds all reactions of `other`.
    pub(super) fn and(mut self, other: Self) -> Self {
        for event in other.events.into_vec() {
            self.events.push_event(event);
        }
        self.commands.extend(other.commands);
        self.timers.extend(other.timers);
        self.ended |= other.ended;
        self
    }
}

impl<P: ProcessManager> fmt::Debug for Reactions<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactions")
            .field("events", &self.events.len())
            .field("commands", &self.commands)
            .field("timers", &self.timers)
            .field("ended", &self.ended)
            .finish()
    }
}

/// A command that an aggregate rejected, or that claims a unique value that another stream has. None of the reactions to
/// the input was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The stream of the aggregate, `None` when its id is not valid.
    pub stream: Option<StreamId>,
    /// The text of the aggregate's error.
    pub reason: String,
}

impl Rejected {
    /// A rejection, for tests.
    pub const fn new(stream: Option<StreamId>, reason: String) -> Self {
        Self { stream, reason }
    }

    /// Whether it is one of the commands that led to these appends.
    pub(super) fn is_of(&self, appends: &[Append]) -> bool {
        appends
            .iter()
            .any(|append| Some(&append.stream) == self.stream.as_ref())
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stream {
            Some(stream) => write!(f, "{stream} rejected: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
