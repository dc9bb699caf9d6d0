//! Commands to aggregates of any type as one type. Sagas decide them without a repository and commit the
//! events together with their own.

use super::{
    ExecuteError,
    execute::{decide, encode},
    replay::{Replay, SnapshotUse},
};
use crate::{
    Aggregate, AnyStore, Append, AsId, Command, EventId, EventStore, Events, ExpectedVersion,
    InvalidStreamId, NewEvent, ReadError, StreamId, aggregate::HandledBy,
};
use std::{fmt, future::Future, pin::Pin};

/// A command to one aggregate of any type, to be decided later.
pub struct AggregateCommand {
    stream: Result<StreamId, InvalidStreamId>,
    decide: Box<Decide>,
}

type Deciding = Pin<Box<dyn Future<Output = Result<Append, DecideError>> + Send>>;
type Decide = dyn FnOnce(AnyStore, StreamId) -> Deciding + Send;

impl AggregateCommand {
    /// `command` to the aggregate with this id.
    ///
    /// ```
    /// use es_runtime::command::AggregateCommand;
    #[doc = include_str!("../../docs/door.rs")]
    /// let command = AggregateCommand::new::<Door, _>(&7, Open);
    /// assert_eq!(command.stream().map(ToString::to_string), Some("door/7".to_owned()));
    /// ```
    pub fn new<A: Aggregate, C: Command + HandledBy<A>>(id: impl AsId<A::Id>, command: C) -> Self {
        Self {
            stream: StreamId::of::<A>(id),
            decide: Box::new(|store, stream| Box::pin(decide_on::<A, C>(store, stream, command))),
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
    pub async fn decide(self, store: &AnyStore) -> Result<Append, DecideError> {
        let stream = self
            .stream
            .map_err(|e| DecideError::Rejected(e.to_string()))?;
        (self.decide)(store.clone(), stream).await
    }
}

async fn decide_on<A: Aggregate, C: Command + HandledBy<A>>(
    store: AnyStore,
    stream: StreamId,
    command: C,
) -> Result<Append, DecideError> {
    let replay = Replay::<A>::from_start(u64::MAX);
    let replay = store.fold_stream(&stream, 0, replay).await;
    let replay = replay.map_err(DecideError::Unread)?;
    let loaded = replay.into_loaded(&stream, SnapshotUse::None);
    let loaded = loaded.map_err(|e| DecideError::Failed(e.to_string()))?;
    match decide(&stream, loaded.state, |state| command.handled_by(state)) {
        Ok(decision) => {
            let expected = ExpectedVersion::Exact(loaded.version);
            Ok(Append::new(stream, expected).with_events(decision.stored))
        }
        Err(ExecuteError::Rejected(error)) => Err(DecideError::Rejected(error.to_string())),
        Err(error) => Err(DecideError::Failed(error.to_string())),
    }
}

impl fmt::Debug for AggregateCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateCommand")
            .field("stream", &self.stream().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// The name of a Rust type without its modules and arguments, such as `PlaceOrder`: what catalogues call a command. It is
/// never stored.
///
/// ```
/// # mod order { pub struct PlaceOrder; }
/// assert_eq!(es_runtime::command::name_of::<order::PlaceOrder>(), "PlaceOrder");
/// ```
pub fn name_of<C>() -> &'static str {
    let path = std::any::type_name::<C>();
    let path = path.split_once('<').map_or(path, |(path, _)| path);
    path.rsplit_once("::").map_or(path, |(_, name)| name)
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

/// Encodes events, reads each back and applies it to the state: all that must work before they are stored.
///
/// Returns the state after them, and the events as a store takes them.
///
/// # Errors
/// [`DecideError::Failed`] when one of these fails or panics.
pub fn prove<A: Aggregate>(
    stream: &StreamId,
    state: A,
    events: Events<A>,
) -> Result<(A, Vec<NewEvent>), DecideError> {
    let decision = decide(stream, state, |_| Ok(events));
    let decision = decision.map_err(|error| DecideError::Failed(error.to_string()))?;
    Ok((decision.state, decision.stored))
}
