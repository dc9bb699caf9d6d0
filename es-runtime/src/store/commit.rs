//! Commits: several appends in one transaction, with changes of work items and of a cursor.

use super::{
    Append, AppendError, Appended, EventStore, Limits, Outcome, ReadError, StorageError, TagGuard,
    WorkChange,
};
use crate::{Position, StreamId, TagQuery};
use std::future::Future;

/// A store that commits appends to several streams in one transaction.
///
/// Use it for rules and processes that span streams. Stores with transactions implement it: the
/// in-memory store, `es-sqlite`, `es-postgres` and `es-nats` do. An implementation promises, in addition to
/// [`EventStore`], that it does all of a [`Commit`] or nothing: its appends, its changes of work items
/// and its cursor move.
pub trait CommitStore: EventStore {
    /// Commits all of it in one transaction, or nothing.
    ///
    /// The store checks the appends in their order, each as [`append`](EventStore::append) does, with one
    /// difference: an append id that its stream has seen makes the whole commit fail. It checks the guards after the
    /// append ids and before all else.
    ///
    /// # Errors
    /// See [`CommitError`]. Its [`outcome`](CommitError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// When the future is dropped the commit may or may not happen, never half of it.
    fn commit(&self, commit: Commit)
    -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// The position that a consumer of the feed has reached, `None` when it has not begun.
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

    /// The text that a consumer stored by [`CursorMove::with_inputs`], `None` when the store keeps none.
    ///
    /// It may belong to a later move than a position that was read before. Who needs both reads the position first: then
    /// the text is never the older one.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn cursor_inputs(
        &self,
        consumer: &str,
    ) -> impl Future<Output = Result<Option<String>, ReadError>> + Send {
        let _ = consumer;
        std::future::ready(Ok(None))
    }
}

/// Appends to several streams, changes of work items and a cursor move, in one transaction.
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
    /// The appends, at most one for each stream.
    pub appends: Vec<Append>,
    /// The changes of work items.
    pub work: Vec<WorkChange>,
    /// The move of a consumer of the feed.
    pub cursor: Option<CursorMove>,
    /// Queries by tags that must find no new event.
    pub guards: Vec<TagGuard>,
}

impl Commit {
    /// An empty commit.
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

    /// With one more guard: no event that the query finds is after this position. It sees the commits before this
    /// one, and never the events of its own commit.
    ///
    /// ```
    #[doc = include_str!("../../docs/guard.rs")]
    /// ```
    #[must_use]
    pub fn guard(mut self, query: TagQuery, after: Position) -> Self {
        self.guards.push(TagGuard { query, after });
        self
    }

    /// For stores: the checks that need no database, of a store without tags. It refuses guards. Others call
    /// [`check_appends`](Commit::check_appends).
    ///
    /// # Errors
    /// Those of `check_appends`, and [`CommitError::Storage`] for a guard.
    pub fn check(&self, limits: &Limits) -> Result<(), CommitError> {
        if self.guards.is_empty() {
            return self.check_appends(limits);
        }
        let (outcome, error) = (Outcome::NotApplied, super::rules::unsupported("tags"));
        Err(CommitError::Storage { outcome, error })
    }

    /// For stores: the checks that need no database.
    ///
    /// # Errors
    /// [`CommitError::Append`] for an append that breaks a bound, [`CommitError::SameStream`] for two
    /// appends to one stream.
    pub fn check_appends(&self, limits: &Limits) -> Result<(), CommitError> {
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

/// The result of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The result of each append, in the order of the commit.
    pub appended: Vec<Appended>,
}

impl Committed {
    /// For stores: the results of the appends.
    pub const fn new(appended: Vec<Appended>) -> Self {
        Self { appended }
    }
}

/// Moves the cursor of a consumer of the feed, if it is where the consumer expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CursorMove {
    /// The name of the consumer, such as the aggregate half of the stream ids of a saga.
    pub consumer: String,
    /// The expected position, `None` when the consumer must not have begun.
    pub from: Option<Position>,
    /// The new position.
    pub to: Position,
    /// The expected and the new text about the inputs, `None` when the move neither compares nor changes it.
    pub inputs: Option<(Option<String>, String)>,
}

impl CursorMove {
    /// A move from one position to another.
    pub fn new(consumer: impl Into<String>, from: Option<Position>, to: Position) -> Self {
        Self {
            consumer: consumer.into(),
            from,
            to,
            inputs: None,
        }
    }

    /// Also compares and changes a text of the consumer, such as how far it has read each of its inputs.
    #[must_use]
    pub fn with_inputs(mut self, from: Option<String>, to: String) -> Self {
        self.inputs = Some((from, to));
        self
    }
}

/// Why a commit failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// One of the appends failed. Nothing was written, unless its own outcome says otherwise.
    #[error(transparent)]
    Append(AppendError),
    /// A stream has already seen the id of its append. Nothing was written now. The events of the first
    /// append remain.
    #[error("stream {stream} has already seen this append id, at version {}; nothing was written", first.version)]
    Repeated {
        /// The stream.
        stream: StreamId,
        /// The result of the first append with this id.
        first: Appended,
    },
    /// Two appends of one commit go to one stream. Nothing was written.
    #[error("the commit has two appends to stream {stream}; nothing was written")]
    SameStream {
        /// The stream.
        stream: StreamId,
    },
    /// The work item has another epoch, because another worker claimed it. Nothing was written.
    #[error(
        "another worker claimed {instance}: its epoch is {actual}, not {epoch}; nothing was written"
    )]
    Fenced {
        /// The stream of the instance.
        instance: StreamId,
        /// The epoch of the caller.
        epoch: u64,
        /// The epoch of the work item, 0 when there is none.
        actual: u64,
    },
    /// The cursor is at another position, or its inputs changed, because another process moved it. Nothing was
    /// written.
    #[error("another process moved the cursor of `{consumer}`; nothing was written")]
    CursorMoved {
        /// The consumer.
        consumer: String,
        /// Its position.
        actual: Option<Position>,
    },
    /// An event after the position of a guard is one that its query finds. Nothing was written. Read what is new and
    /// decide again.
    #[error("the event at position {by} is one that guard {guard} excludes; nothing was written")]
    Guarded {
        /// The index of the guard in the commit, from 0.
        guard: usize,
        /// The position of the event.
        by: Position,
    },
    /// A guard is about a position that this store has not reached: what was read comes from another store, or from
    /// this one before a backup was restored. Nothing was written.
    #[error(
        "guard {guard} is about what follows position {after}, and this store ends at {head}; nothing was written; \
         read again from this store"
    )]
    GuardAhead {
        /// The index of the guard in the commit, from 0.
        guard: usize,
        /// Its position.
        after: Position,
        /// The newest position.
        head: Position,
    },
    /// Tags of this kind are not recorded for all stored events of this name, so a guard could miss one. Nothing was
    /// written.
    #[error(
        "tags of kind `{kind}` are not recorded for all events `{event}`; nothing was written; turn them on with \
         `turn_on_tags` of es-decisions"
    )]
    TagsNotReady {
        /// The stored name of the event.
        event: String,
        /// The kind.
        kind: String,
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
            | Self::CursorMoved { .. }
            | Self::Guarded { .. }
            | Self::GuardAhead { .. }
            | Self::TagsNotReady { .. } => Outcome::NotApplied,
        }
    }
}
