//! What a process manager answers to an input.

use super::{OnTimer, ProcessManager};
use es_runtime::{AsId, Command, EventOf, Events, Handle, StreamId, command::AggregateCommand};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What follows from an input: events of the process manager, commands to aggregates, timers, its
/// end. All of it is one transaction, or nothing.
///
/// [`ProcessManager`] has a whole example.
#[must_use = "it does nothing unless it is returned"]
pub struct Reactions<P: ProcessManager> {
    pub(super) events: Events<P>,
    pub(super) commands: Vec<AggregateCommand>,
    pub(super) timers: BTreeMap<String, Option<Duration>>,
    pub(super) ended: bool,
}

impl<P: ProcessManager> Reactions<P> {
    /// Nothing: it is only recorded that the input was taken.
    pub const fn none() -> Self {
        Self {
            events: Events::none(),
            commands: Vec::new(),
            timers: BTreeMap::new(),
            ended: false,
        }
    }

    /// With this event of the process manager itself; it changes its state.
    pub fn event(mut self, event: impl EventOf<P, Event = P::Event>) -> Self {
        self.events.push(event);
        self
    }

    /// With this command to an aggregate of the same store; one for each aggregate at most.
    pub fn command<A: Handle<C>, C: Command>(mut self, id: impl AsId<A::Id>, command: C) -> Self {
        self.commands
            .push(AggregateCommand::new::<A, C>(id, command));
        self
    }

    /// With this timer, so long from now by the clock of the database. A timer of this name that was
    /// set before is set anew.
    pub fn timer(mut self, name: impl Into<String>, after: Duration) -> Self
    where
        P: OnTimer,
    {
        self.timers.insert(name.into(), Some(after));
        self
    }

    /// Without the timer of this name. One that is not set is none of its concern.
    pub fn cancel_timer(mut self, name: impl Into<String>) -> Self {
        self.timers.insert(name.into(), None);
        self
    }

    /// It has ended: timers are gone, later inputs are recorded and change nothing.
    pub const fn end(mut self) -> Self {
        self.ended = true;
        self
    }

    /// Everything of both, in this order.
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

/// A command that an aggregate rejected. Nothing of what was decided with it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The stream of the aggregate, `None` when its id cannot be one.
    pub stream: Option<StreamId>,
    /// The text of the aggregate's error.
    pub reason: String,
}

impl Rejected {
    /// A rejection, such as for tests.
    pub const fn new(stream: Option<StreamId>, reason: String) -> Self {
        Self { stream, reason }
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
