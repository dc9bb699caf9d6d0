//! What a store must do for sagas: several appends, a row and a cursor in one transaction, and
//! leases by its own clock.
//!
//! The state of a saga is its stream. The row beside it is an index: who is due, who works on it,
//! who is parked. It changes only in the transaction that appends to the stream, so it is never
//! older or newer than that.

use super::{Append, AppendError, Appended, EventStore, Limits, Outcome, ReadError, StorageError};
use crate::{Position, StreamId, Timestamp};
use std::{fmt, future::Future, time::Duration};

/// A store that keeps sagas beside its events.
///
/// What every implementation promises, beyond [`EventStore`]:
/// - A [`Commit`] is one transaction: all of its appends, rows and its cursor, or nothing.
/// - Of two claims of one instance at one time at most one gets it, and each claim has a greater
///   epoch than all before it.
/// - Due times and leases are compared with the store's own clock, [`saga_time`](SagaStore::saga_time).
pub trait SagaStore: EventStore {
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

    /// Takes up to `at_most` running instances that are due and on which nobody works, those that
    /// are due longest first. Each gets the next epoch and a lease, and is told whether the lease before
    /// it ran out.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot say; a lease that was taken all the same runs out.
    ///
    /// # Cancel safety
    /// Leases may have been taken; they run out.
    fn claim(
        &self,
        claim: Claim,
    ) -> impl Future<Output = Result<Vec<Claimed>, StorageError>> + Send;

    /// Lets a lease begin anew. `false` when the epoch is not the newest: somebody else has it.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot say.
    ///
    /// # Cancel safety
    /// It may have been renewed.
    fn renew(
        &self,
        claimed: &Claimed,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// The rows that the filter lets through, ordered by saga and id.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn saga_rows(
        &self,
        filter: &RowFilter,
    ) -> impl Future<Output = Result<Vec<SagaRow>, ReadError>> + Send;

    /// How far a consumer of the feed has come, `None` when it has not begun.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn saga_cursor(
        &self,
        consumer: &str,
    ) -> impl Future<Output = Result<Option<Position>, ReadError>> + Send;

    /// The present by the clock that due times and leases are compared with.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot say.
    ///
    /// # Cancel safety
    /// Reads only.
    fn saga_time(&self) -> impl Future<Output = Result<Timestamp, ReadError>> + Send;

    /// A text that no other store has, made when this one was: keys of effects are derived from it,
    /// so that a test's keys are never those of production.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn saga_space(&self) -> impl Future<Output = Result<String, ReadError>> + Send;
}

/// Appends to several streams, rows of sagas and a cursor: all of it or nothing.
///
/// ```
/// use es_runtime::{Append, ExpectedVersion, NewEvent, StreamId, saga::Commit};
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
    /// How the rows of sagas change.
    pub rows: Vec<RowChange>,
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

    /// With one more row.
    #[must_use]
    pub fn row(mut self, row: RowChange) -> Self {
        self.rows.push(row);
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

/// How the row of one saga becomes; it is made where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowChange {
    /// The stream of the instance.
    pub instance: StreamId,
    /// The epoch that the row must have, `None` for whichever: inputs and operators have none.
    pub epoch: Option<u64>,
    /// Version and hash of the definition that it runs by.
    pub definition: String,
    /// Whether it goes on.
    pub status: SagaStatus,
    /// Where it stands, in a word or two for operators.
    pub phase: String,
    /// Why it is parked, or how it ended.
    pub reason: Option<String>,
    /// When there is something to do, `None` for never.
    pub due_at: Option<Timestamp>,
    /// Whether the claimer lets go of it with this change.
    pub release: bool,
}

impl RowChange {
    /// A row that is running, with nothing to do.
    pub fn new(instance: StreamId, definition: impl Into<String>) -> Self {
        Self {
            instance,
            epoch: None,
            definition: definition.into(),
            status: SagaStatus::Running,
            phase: String::new(),
            reason: None,
            due_at: None,
            release: false,
        }
    }

    /// Whether there is something to do by then.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    /// For stores: whether a claimer of `epoch` is still the newest.
    pub fn is_fenced_by(&self, epoch: u64) -> bool {
        self.epoch.is_some_and(|mine| mine != epoch)
    }
}

/// A consumer of the feed goes on, compared with where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CursorMove {
    /// The consumer: the aggregate half of the stream ids of a saga.
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

/// Whether an instance goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SagaStatus {
    /// It has something to do, now or later.
    Running,
    /// It waits for an operator.
    Parked,
    /// It has ended.
    Done,
}

impl SagaStatus {
    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Done => "done",
        }
    }

    /// The status with this text.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Running, Self::Parked, Self::Done]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl fmt::Display for SagaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Asks for instances to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Of these sagas: the aggregate halves of their stream ids.
    pub sagas: Vec<String>,
    /// Who asks, for operators to see.
    pub owner: String,
    /// How long they stay with the claimer when it gives no sign of life.
    pub lease: Duration,
    /// So many at most.
    pub at_most: usize,
}

impl Claim {
    /// A claim.
    pub fn new(
        sagas: Vec<String>,
        owner: impl Into<String>,
        lease: Duration,
        at_most: usize,
    ) -> Self {
        Self {
            sagas,
            owner: owner.into(),
            lease,
            at_most,
        }
    }
}

/// An instance that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// Its stream.
    pub instance: StreamId,
    /// The epoch of this claim; a later claim has a greater one.
    pub epoch: u64,
    /// Whether the claim before it was not given back: its lease ran out, since its process died or
    /// was held up.
    pub lapsed: bool,
}

impl Claimed {
    /// For stores: a claim that was granted.
    pub const fn new(instance: StreamId, epoch: u64) -> Self {
        Self {
            instance,
            epoch,
            lapsed: false,
        }
    }

    /// For stores: whether the row still had a lease, one that has run out.
    #[must_use]
    pub const fn after_lapse(mut self, lapsed: bool) -> Self {
        self.lapsed = lapsed;
        self
    }
}

/// Which rows to list: all that pass every part that is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RowFilter {
    /// Of these sagas, by the aggregate halves of their stream ids; empty for all.
    pub sagas: Vec<String>,
    /// Only the instance with this id.
    pub id: Option<String>,
    /// Only those with this status.
    pub status: Option<SagaStatus>,
    /// Rows after this one.
    pub after: Option<StreamId>,
    /// So many at most.
    pub at_most: usize,
}

impl Default for RowFilter {
    /// All, 1,000 at most.
    fn default() -> Self {
        Self {
            sagas: Vec::new(),
            id: None,
            status: None,
            after: None,
            at_most: 1_000,
        }
    }
}

impl RowFilter {
    /// Whether it lets a row through; [`at_most`](RowFilter::at_most) is not looked at.
    pub fn accepts(&self, instance: &StreamId, status: SagaStatus) -> bool {
        (self.sagas.is_empty() || self.sagas.iter().any(|saga| saga == instance.aggregate()))
            && self.id.as_deref().is_none_or(|id| id == instance.id())
            && self.status.is_none_or(|wanted| wanted == status)
            && self.after.as_ref().is_none_or(|after| instance > after)
    }
}

/// The row of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaRow {
    /// Its stream.
    pub instance: StreamId,
    /// Version and hash of its definition.
    pub definition: String,
    /// Whether it goes on.
    pub status: SagaStatus,
    /// Where it stands.
    pub phase: String,
    /// Why it is parked, or how it ended.
    pub reason: Option<String>,
    /// When there is something to do.
    pub due_at: Option<Timestamp>,
    /// How often it was claimed.
    pub epoch: u64,
    /// Who claimed it last.
    pub owner: Option<String>,
    /// Until when that claim holds.
    pub lease_until: Option<Timestamp>,
    /// When the row changed.
    pub updated_at: Timestamp,
}

impl SagaRow {
    /// For stores: a row that nobody claimed yet. Set what differs afterwards.
    pub fn new(change: &RowChange, updated_at: Timestamp) -> Self {
        let mut row = Self {
            instance: change.instance.clone(),
            definition: String::new(),
            status: change.status,
            phase: String::new(),
            reason: None,
            due_at: None,
            epoch: 0,
            owner: None,
            lease_until: None,
            updated_at,
        };
        row.change(change, updated_at);
        row
    }

    /// For stores: takes over what a change says.
    pub fn change(&mut self, change: &RowChange, now: Timestamp) {
        self.definition.clone_from(&change.definition);
        self.status = change.status;
        self.phase.clone_from(&change.phase);
        self.reason.clone_from(&change.reason);
        self.due_at = change.due_at;
        self.updated_at = now;
        if change.release {
            self.owner = None;
            self.lease_until = None;
        }
    }

    /// For stores: whether a claim at `now` may have it.
    pub fn is_free_and_due(&self, now: Timestamp) -> bool {
        self.status == SagaStatus::Running
            && self.due_at.is_some_and(|due| due <= now)
            && self.lease_until.is_none_or(|until| until <= now)
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
    #[error("commit of a saga: {error}; {outcome}")]
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
