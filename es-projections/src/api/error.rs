//! Errors of handlers and of the runner.

use es_runtime::{DecodeError, EventId, Position, StorageError, StreamId};
use std::{error::Error, fmt, sync::Arc};

/// Why a handler could not handle an event. Every error turns into one with `?`.
///
/// It is not an error type itself, as is usual for one that takes all others.
///
/// ```
/// use es_projections::HandlerError;
///
/// fn cents(text: &str) -> Result<u32, HandlerError> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(cents("12").unwrap(), 12);
/// assert_eq!(cents("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct HandlerError(Box<dyn Error + Send + Sync>);

impl HandlerError {
    /// An error out of words, for what is no error of a library.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }

    /// The error that was returned, to look into it.
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// The error that was returned, for an error type that has it as its source.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }

    /// Whether the event was written by a newer program.
    pub(crate) fn is_newer(&self) -> bool {
        matches!(
            self.0.downcast_ref(),
            Some(DecodeError::NewerVersion { .. })
        )
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandlerError({self})")
    }
}

/// An event that a handler did not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poison {
    /// Where it stands among all events.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its version in the stream.
    pub version: u64,
    /// Its id.
    pub event_id: EventId,
    /// Its stored name.
    pub name: Arc<str>,
    /// What the handler, or the decoder, said.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// Why a projection does not go on at the moment. It tries again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stalled {
    /// A database does not answer, or not well.
    Database(String),
    /// An event fails and is tried again; then it is parked.
    Retrying(Box<Poison>),
    /// An event was written by a newer program.
    NewerEvent(String),
    /// Its runner, in another process, waits for this.
    Elsewhere(String),
    /// Another runner has it; this one waits to take over.
    StandBy {
        /// Who has it.
        owner: String,
    },
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(what) => write!(f, "waits for a database: {what}"),
            Self::Retrying(poison) => write!(
                f,
                "tries the event at position {} again: {}",
                poison.position, poison.reason
            ),
            Self::NewerEvent(what) => write!(f, "waits for a newer program: {what}"),
            Self::Elsewhere(what) => write!(f, "waits: {what}"),
            Self::StandBy { owner } => write!(f, "stands by while {owner} runs it"),
        }
    }
}

/// Why a projection stopped, or why something was refused. What was committed before stays.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// The store ends before the checkpoint: it was restored from an older copy.
    #[error(
        "projection `{projection}` stands at position {checkpoint}, but the store ends at {head}: \
         it was restored from an older copy; rebuild the projection from this store"
    )]
    StoreBehind {
        /// The projection.
        projection: &'static str,
        /// Its checkpoint.
        checkpoint: Position,
        /// The end of the store.
        head: Position,
    },
    /// At the place of the last event that was handled stands another one.
    #[error(
        "projection `{projection}` handled event {expected} of stream {stream} at version \
         {version}, which is not in this store: it is another store, or one with another past; \
         rebuild the projection from this store"
    )]
    OtherHistory {
        /// The projection.
        projection: &'static str,
        /// The stream of the event.
        stream: Box<StreamId>,
        /// Its version.
        version: u64,
        /// The event's id.
        expected: EventId,
    },
    /// The tables are of a newer version than this program builds.
    #[error(
        "projection `{projection}` is live in version {live}, this program builds version {mine}; \
         run the newer program, or raise the version here"
    )]
    OlderProgram {
        /// The projection.
        projection: &'static str,
        /// The version that answers queries.
        live: u32,
        /// The version of this program.
        mine: u32,
    },
    /// The schema changed without a new version, so the handlers would not fit the tables.
    #[error(
        "the tables of projection `{projection}` version {version} were made from another schema \
         than this program has; raise the version, and new ones are built beside them"
    )]
    SchemaChanged {
        /// The projection.
        projection: &'static str,
        /// The version.
        version: u32,
    },
    /// The number of partitions changed without a new version.
    #[error(
        "projection `{projection}` version {version} has {stored} partitions in the database and \
         {mine} in this program; raise the version to change them"
    )]
    PartitionsChanged {
        /// The projection.
        projection: &'static str,
        /// The version.
        version: u32,
        /// As it was created.
        stored: u32,
        /// As this program has it.
        mine: u32,
    },
    /// A subscription has another number of partitions than when it began. Each has a position, and
    /// those cannot be divided anew.
    #[error(
        "subscription `{subscription}` began with {stored} partitions and has {mine} in this program; \
         go back to {stored}, or give it a new name and `from = now` once the old one has delivered \
         everything"
    )]
    SubscriptionPartitions {
        /// The subscription.
        subscription: &'static str,
        /// As it was created.
        stored: u32,
        /// As this program has it.
        mine: u32,
    },
    /// It runs inside the appends of its store, which nobody else may do for it.
    #[error("projection `{projection}` runs inside the appends of its store; open that with it")]
    RunsInline {
        /// The projection.
        projection: &'static str,
    },
    /// Catching up met an event that a newer program wrote.
    #[error("projection `{projection}` cannot go on with this program: {what}")]
    NewerEvent {
        /// The projection.
        projection: &'static str,
        /// What the decoder says.
        what: String,
    },
    /// Two projections of one runner have one name.
    #[error("two projections are called `{projection}`")]
    NamedTwice {
        /// The name.
        projection: &'static str,
    },
    /// There is no projection of that name in the read database.
    #[error("there is no projection `{projection}` in this read database")]
    Unknown {
        /// The name.
        projection: String,
    },
    /// The projection state in the read database does not hold what this program writes.
    #[error("the projection state of `{projection}` is damaged: {what}")]
    ProjectionState {
        /// The projection.
        projection: String,
        /// What is wrong.
        what: String,
    },
    /// The statements of the schema failed.
    #[error("the tables of projection `{projection}` could not be created: {what}")]
    Schema {
        /// The projection.
        projection: &'static str,
        /// What the database says.
        what: String,
    },
    /// A database failed.
    #[error("projection `{projection}`: {source}")]
    Storage {
        /// The projection.
        projection: String,
        /// What failed.
        source: Arc<StorageError>,
    },
    /// The runner's own code ended where it should not.
    #[error("projection `{projection}` ended: {what}")]
    Ended {
        /// The projection.
        projection: &'static str,
        /// How.
        what: String,
    },
}

impl ProjectionError {
    pub(crate) fn storage(projection: &str, error: impl Into<StorageError>) -> Self {
        Self::Storage {
            projection: projection.to_owned(),
            source: Arc::new(error.into()),
        }
    }
}
