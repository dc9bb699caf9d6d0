//! The reactions of a process manager to an input.

use super::{OnTimer, ProcessManager, SendsTo};
use es_runtime::{
    Append, AsId, Command, EventOf, Events, Handle, StreamId, command::AggregateCommand,
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// The reactions to an input: events of the process manager, commands to aggregates, timers, and the end.
///
/// All of them are one transaction. [`ProcessManager`] has a complete example.
#[must_use = "reactions have no effect unless they are returned"]
pub struct Reactions<P: ProcessManager> {
    pub(super) events: Events<P>,
    pub(super) commands: Vec<AggregateCommand>,
    pub(super) timers: BTreeMap<String, Option<Duration>>,
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
    pub fn timer(mut self, name: impl Into<String>, after: Duration) -> Self
    where
        P: OnTimer,
    {
        self.timers.insert(name.into(), Some(after));
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
