//! Several appends in one transaction, with the work items and the cursor that change with them.

use super::{Append, AppendError, Appended, EventStore, Limits, Outcome, ReadError, StorageError};
use crate::{Position, StreamId};
use es_runtime::WorkChange;
use std::future::Future;

/// A store that commits several appends as one: for rules and processes that span streams.
///
/// Implemented by stores that can change several streams in one transaction; all three stores of this
/// project can. Beyond [`EventStore`], an implementation promises that a [`Commit`] is one transaction:
/// all of its appends, its changes of work items and its cursor move, or nothing.
pub trait CommitStore: EventStore {
    /// Does all of it in one transaction, or nothing.
    ///
    /// Appends are looked at in their order, each as by [`append`](EventStore::append), with one
    /// difference: an append id that its stream has seen refuses the whole commit.
    ///
    /// # Errors
    /// See [`CommitError`]; its [`outcome`](CommitError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// When the future is dropped the commit may or may not happen, never half of it.
    fn commit(&self, commit: Commit)
    -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// How far a consumer of the feed has come, `None` when it has not begun.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn cursor(
        &self,
        consumer: &str,
    ) -> impl Future<Output = Result<Option<Position>, ReadError>> + Send;
}

/// Appends to several streams, changes of work items and a cursor move: all of it or nothing.
///
/// ```
/// use es_runtime::{Append, ExpectedVersion, NewEvent, StreamId, Commit};
///
/// let commit = Commit::new()
///     .append(
///         Append::new(StreamId::new("saga:order", "4711")?, ExpectedVersion::NoStream)
///             .with_event(NewEvent::json("saga.started", 1, "{}")),
///     )
///     .append(
///         Append::new(StreamId::new("order", "4711")?, ExpectedVersion::Exact(2))
///             .with_event(NewEvent::json("order.confirmed", 1, "{}")),
///     );
/// assert_eq!(commit.appends.len(), 2);
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Commit {
    /// What to append, each stream at most once.
    pub appends: Vec<Append>,
    /// How work items change.
    pub work: Vec<WorkChange>,
    /// Where a consumer of the feed moves to.
    pub cursor: Option<CursorMove>,
}

impl Commit {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more append.
    #[must_use]
    pub fn append(mut self, append: Append) -> Self {
        self.appends.push(append);
        self
    }

    /// With one more change of a work item.
    #[must_use]
    pub fn work(mut self, change: WorkChange) -> Self {
        self.work.push(change);
        self
    }

    /// With this move of a cursor.
    #[must_use]
    pub fn cursor(mut self, cursor: CursorMove) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// For stores: checks what can be checked before anything is written.
    ///
    /// # Errors
    /// [`CommitError::Append`] for an append that breaks a bound, [`CommitError::SameStream`] for two
    /// appends to one stream.
    pub fn check(&self, limits: &Limits) -> Result<(), CommitError> {
        let mut before: &[Append] = &[];
        for (index, append) in self.appends.iter().enumerate() {
            let stream = || append.stream.clone();
            if before.iter().any(|other| other.stream == append.stream) {
                return Err(CommitError::SameStream { stream: stream() });
            }
            if let Err(reason) = append.check(limits) {
                let stream = stream();
                return Err(CommitError::Append(AppendError::Invalid { stream, reason }));
            }
            before = self.appends.get(..=index).unwrap_or_default();
        }
        Ok(())
    }
}

/// What a commit wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// What each append did, in the order of the commit.
    pub appended: Vec<Appended>,
}

impl Committed {
    /// For stores: the results of the appends.
    pub const fn new(appended: Vec<Appended>) -> Self {
        Self { appended }
    }
}

/// A consumer of the feed goes on, compared with where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CursorMove {
    /// The name of the consumer, such as the aggregate half of the stream ids of a saga.
    pub consumer: String,
    /// Where it must stand, `None` when it must not have begun.
    pub from: Option<Position>,
    /// Where it stands then.
    pub to: Position,
}

impl CursorMove {
    /// A move from where it stands.
    pub fn new(consumer: impl Into<String>, from: Option<Position>, to: Position) -> Self {
        Self {
            consumer: consumer.into(),
            from,
            to,
        }
    }
}

/// Why a commit was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// One of the appends was refused. Nothing was written, unless its own outcome says otherwise.
    #[error(transparent)]
    Append(AppendError),
    /// A stream has seen the append id of its append. Nothing was written now; what was written
    /// then stands.
    #[error("stream {stream} has seen the append's id at version {}; nothing was written", first.version)]
    Repeated {
        /// The stream.
        stream: StreamId,
        /// What the first append with this id did.
        first: Appended,
    },
    /// Two appends of one commit go to one stream. Nothing was written.
    #[error("the commit has two appends to stream {stream}; nothing was written")]
    SameStream {
        /// The stream.
        stream: StreamId,
    },
    /// The row has another epoch: somebody else works on it. Nothing was written.
    #[error(
        "{instance} was claimed again: its epoch is {actual}, not {epoch}; nothing was written"
    )]
    Fenced {
        /// The stream of the instance.
        instance: StreamId,
        /// The epoch of the caller.
        epoch: u64,
        /// The epoch of the row, 0 when there is none.
        actual: u64,
    },
    /// The cursor stands elsewhere: another process moved it. Nothing was written.
    #[error("the cursor of `{consumer}` stands elsewhere; nothing was written")]
    CursorMoved {
        /// The consumer.
        consumer: String,
        /// Where it stands.
        actual: Option<Position>,
    },
    /// The database failed.
    #[error("commit: {error}; {outcome}")]
    Storage {
        /// Whether something was written.
        outcome: Outcome,
        /// What failed.
        #[source]
        error: StorageError,
    },
}

impl CommitError {
    /// Whether the write took effect.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Storage { outcome, .. } => *outcome,
            Self::Append(error) => error.outcome(),
            Self::Repeated { .. }
            | Self::SameStream { .. }
            | Self::Fenced { .. }
            | Self::CursorMoved { .. } => Outcome::NotApplied,
        }
    }
}
