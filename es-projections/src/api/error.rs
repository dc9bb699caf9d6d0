//! Errors of handlers and of the runner.

use es_runtime::{DecodeError, EventId, Position, StorageError, StreamId};
use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Why a handler could not handle an event. `?` turns every error into one.
///
/// It does not implement `Error`, because it converts from every type that does.
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
    /// An error with a message, for a failure without an error value.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }

    /// The error that the handler returned.
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// The error that the handler returned, to become the source of another error.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }

    /// The text of the error. It is foreign code, which may panic.
    pub(crate) fn message(&self) -> String {
        catch_unwind(AssertUnwindSafe(|| self.0.to_string()))
            .unwrap_or_else(|_| "the text of the error cannot be made: it panicked".to_owned())
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

/// An event that its handler failed to handle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poison {
    /// Its position in the store.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its version in the stream.
    pub version: u64,
    /// Its id.
    pub event_id: EventId,
    /// Its stored name.
    pub name: Arc<str>,
    /// The error of the handler or of the decoder.
    pub reason: String,
    /// The number of attempts.
    pub attempts: u32,
}

/// Why a projection is waiting. It tries again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stalled {
    /// A database failed or does not answer.
    Database(String),
    /// An event failed and is retried. After the last attempt it is parked.
    Retrying(Box<Poison>),
    /// An event was written by a newer program.
    NewerEvent(String),
    /// Its runner is in another process and waits for this.
    Elsewhere(String),
    /// Another runner has the partition. This one waits to take over.
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
                "retries the event at position {}: {}",
                poison.position, poison.reason
            ),
            Self::NewerEvent(what) => write!(f, "waits for a newer program: {what}"),
            Self::Elsewhere(what) => write!(f, "waits: {what}"),
            Self::StandBy { owner } => write!(f, "stands by while {owner} runs it"),
        }
    }
}

/// Why a projection stopped, or why a request was refused. Everything committed before stays
/// committed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// The store ends before the checkpoint: it was restored from an older copy.
    #[error(
        "the checkpoint of projection `{projection}` is at position {checkpoint}, but the store ends at \
         {head}: it was restored from an older copy; rebuild the projection from this store"
    )]
    StoreBehind {
        /// The projection.
        projection: &'static str,
        /// Its checkpoint.
        checkpoint: Position,
        /// The position of the last event of the store.
        head: Position,
    },
    /// The tables were built from the events of another store. Nothing was changed.
    #[error(
        "the tables of projection `{projection}` in this read database belong to another store \
         ({stored}, this one is {mine}); give each store a read database or schema of its own. If this \
         store takes the place of the other one, drop the read models and the tables whose names begin \
         with `es_` first"
    )]
    OtherStore {
        /// The projection.
        projection: &'static str,
        /// The id of the store that the tables belong to.
        stored: String,
        /// The id of this store.
        mine: String,
    },
    /// The store has another event in the place of the last one that was handled.
    #[error(
        "projection `{projection}` handled event {expected} of stream {stream} at version \
         {version}, which is not in this store: the store has another history, as after a restore from an older \
         copy; rebuild the projection if the read database belongs to this store"
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
        "the tables of projection `{projection}` version {version} were created from another schema \
         than that of this program; raise the version, and new tables are built next to them"
    )]
    SchemaChanged {
        /// The projection.
        projection: &'static str,
        /// The version.
        version: u32,
    },
    /// The list of events changed without a new version, directly or by a name that an aggregate
    /// retired. Events that the older program passed would be missing.
    #[error(
        "projection or subscription `{projection}` version {version} began with the events {stored}, and \
         this program lists {mine}; raise the version: the tables of a projection are then built anew, \
         and a subscription goes on from its position with the new list"
    )]
    EventsChanged {
        /// The projection or subscription.
        projection: &'static str,
        /// The version.
        version: u32,
        /// The stored names of the events of the running version, `*` for all.
        stored: String,
        /// Those of this program.
        mine: String,
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
    /// A subscription has another number of partitions than when it began. Each partition has a
    /// position, and positions cannot be divided.
    #[error(
        "subscription `{subscription}` began with {stored} partitions and has {mine} in this program; \
         use {stored} again, or give it a new name and `from = now` once the old one has delivered \
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
    /// The projection runs inside the appends of its store, so no runner may run it.
    #[error(
        "projection `{projection}` runs inside the appends of its store, so no runner can run it; \
         open the store with it, or raise its version to have it run here"
    )]
    RunsInline {
        /// The projection.
        projection: &'static str,
    },
    /// Catching up met an event that a newer program wrote.
    #[error("projection `{projection}` cannot go on with this program: {what}")]
    NewerEvent {
        /// The projection.
        projection: &'static str,
        /// The error of the decoder.
        what: String,
    },
    /// Two projections of one runner have one name.
    #[error("two projections or subscriptions have the name `{projection}`")]
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
    /// The statements of the schema failed.
    #[error("the tables of projection `{projection}` could not be created: {what}")]
    Schema {
        /// The projection.
        projection: &'static str,
        /// The error of the database.
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
    /// The runner found a state that it does not expect.
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
