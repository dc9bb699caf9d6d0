//! Commands to aggregates of any type as one type. Sagas decide them without a repository and commit the
//! events together with their own.

use super::{
    ExecuteError,
    execute::{decide, encode},
    replay::{Replay, SnapshotUse},
};
use crate::{
    Aggregate, Append, AsId, Command, EventId, EventStore, Events, ExpectedVersion,
    InvalidStreamId, NewEvent, ReadError, StoredEvent, StreamFold, StreamId, aggregate::HandledBy,
};
use std::{fmt, ops::ControlFlow};

/// A command to one aggregate of any type, to be decided later.
pub struct AggregateCommand {
    stream: Result<StreamId, InvalidStreamId>,
    plan: Box<dyn Plan>,
}

impl AggregateCommand {
    /// `command` to the aggregate with this id.
    ///
    /// ```
    /// use es_runtime::command::AggregateCommand;
    /// # use es_runtime::{Aggregate, Apply, Event, Events, Handle};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Event, Serialize, Deserialize)]
    /// # #[event("door.opened")]
    /// # struct Opened {}
    /// # #[derive(Clone)]
    /// # struct Open;
    /// # #[derive(Aggregate, Default)]
    /// # #[aggregate("door", id = u32, error = std::convert::Infallible, events(Opened))]
    /// # struct Door {}
    /// # impl Apply<Opened> for Door {
    /// #     fn apply(&mut self, _: &Opened) {}
    /// # }
    /// # impl Handle<Open> for Door {
    /// #     fn handle(&self, _: Open) -> Result<Events<Self>, std::convert::Infallible> {
    /// #         Ok(Opened {}.into())
    /// #     }
    /// # }
    /// let command = AggregateCommand::new::<Door, _>(&7, Open);
    /// assert_eq!(command.stream().map(ToString::to_string), Some("door/7".to_owned()));
    /// ```
    pub fn new<A: Aggregate, C: Command + HandledBy<A>>(id: impl AsId<A::Id>, command: C) -> Self {
        Self {
            stream: StreamId::of::<A>(id),
            plan: Box::new(Planned::<A, C> {
                replay: Replay::from_start(u64::MAX),
                command,
            }),
        }
    }

    /// The stream of the aggregate, `None` when its id is no valid stream id.
    pub fn stream(&self) -> Option<&StreamId> {
        self.stream.as_ref().ok()
    }

    /// Loads the aggregate and decides the command. The result is an append, possibly without events.
    ///
    /// # Errors
    /// See [`DecideError`]. Nothing was written.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn decide<S: EventStore>(self, store: &S) -> Result<Append, DecideError> {
        let stream = self
            .stream
            .map_err(|e| DecideError::Rejected(e.to_string()))?;
        let folded = store.fold_stream(&stream, 0, Folding(self.plan)).await;
        let folded = folded.map_err(DecideError::Unread)?;
        let (version, events) = folded.0.decide(&stream)?;
        Ok(Append::new(stream, ExpectedVersion::Exact(version)).with_events(events))
    }
}

impl fmt::Debug for AggregateCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateCommand")
            .field("stream", &self.stream().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// Why a command was not decided.
///
/// The enum is exhaustive on purpose: a caller must tell a rejection from a failure that a retry may
/// solve.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The aggregate rejected the command. It will do so again in the same state.
    #[error("{0}")]
    Rejected(String),
    /// The store could not read its stream.
    #[error(transparent)]
    Unread(ReadError),
    /// The aggregate could not be loaded, or deciding panicked.
    #[error("{0}")]
    Failed(String),
}

/// One aggregate's fold and decision.
trait Plan: Send {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()>;
    fn decide(self: Box<Self>, stream: &StreamId) -> Result<(u64, Vec<NewEvent>), DecideError>;
}

struct Planned<A, C> {
    replay: Replay<A>,
    command: C,
}

impl<A: Aggregate, C: Command + HandledBy<A>> Plan for Planned<A, C> {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        self.replay.event(event)
    }

    fn decide(self: Box<Self>, stream: &StreamId) -> Result<(u64, Vec<NewEvent>), DecideError> {
        let Self { replay, command } = *self;
        let loaded = replay.into_loaded(stream, SnapshotUse::None);
        let loaded = loaded.map_err(|e| DecideError::Failed(e.to_string()))?;
        match decide(stream, loaded.state, |state| command.handled_by(state)) {
            Ok(decision) => Ok((loaded.version, decision.stored)),
            Err(ExecuteError::Rejected(error)) => Err(DecideError::Rejected(error.to_string())),
            Err(error) => Err(DecideError::Failed(error.to_string())),
        }
    }
}

struct Folding(Box<dyn Plan>);

impl StreamFold for Folding {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        self.0.event(event)
    }
}

/// Encodes events and decodes each once, as a check that they can be read.
///
/// # Errors
/// The message of the codec when an event cannot be encoded or decoded.
pub fn encode_events<A: Aggregate>(
    stream: &StreamId,
    events: &Events<A>,
) -> Result<Vec<NewEvent>, String> {
    let ids = std::iter::successors(Some(EventId::new()), |id| Some(id.next()));
    let events = events.iter().zip(ids);
    let encoded = events.map(|(event, id)| encode::<A>(stream, event, id));
    let new = encoded.map(|encoded| encoded.map(|(new, _)| new).map_err(|e| e.to_string()));
    new.collect()
}
