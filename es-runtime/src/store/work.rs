//! A table of work with leases: which instances have something to do, when, and who does it.
//!
//! The state of an instance is its stream. Its work item is an index next to it: who is due, who works on
//! it, who is parked. It changes only in a transaction that appends to the stream or compares its
//! version, so it never disagrees with the stream.

use super::{ReadError, StorageError};
use crate::{StreamId, Timestamp};
use es_runtime::CommitStore;
use std::{fmt, future::Future, time::Duration};

/// A store that hands out work on instances with leases.
///
/// Implemented by stores that run sagas and process managers. Beyond [`CommitStore`], an implementation
/// promises:
/// - Of two claims of one instance at one time at most one gets it, and each claim has a greater
///   epoch than all before it.
/// - Due times and leases are compared with the store's own clock, [`now`](WorkQueue::now).
pub trait WorkQueue: CommitStore {
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

    /// The work items that pass the filter, ordered by aggregate and id.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn work_items(
        &self,
        filter: &WorkFilter,
    ) -> impl Future<Output = Result<Vec<WorkItem>, ReadError>> + Send;

    /// The present by the clock that due times and leases are compared with.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot say.
    ///
    /// # Cancel safety
    /// Reads only.
    fn now(&self) -> impl Future<Output = Result<Timestamp, ReadError>> + Send;

    /// A text that no other store has, made when this one was: keys of effects are derived from it,
    /// so that a test's keys are never those of production.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn store_id(&self) -> impl Future<Output = Result<String, ReadError>> + Send;
}

/// What the work item of one instance becomes. It is created where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkChange {
    /// The stream of the instance.
    pub instance: StreamId,
    /// The epoch that the row must have, `None` for whichever: inputs and operators have none.
    pub epoch: Option<u64>,
    /// Version and hash of the definition that it runs by.
    pub definition: String,
    /// Whether it goes on.
    pub status: WorkStatus,
    /// Where it stands, in a word or two for operators.
    pub phase: String,
    /// Why it is parked, or how it ended.
    pub reason: Option<String>,
    /// When there is something to do, `None` for never.
    pub due_at: Option<Timestamp>,
    /// Whether the claimer lets go of it with this change.
    pub release: bool,
}

impl WorkChange {
    /// A row that is running, with nothing to do.
    pub fn new(instance: StreamId, definition: impl Into<String>) -> Self {
        Self {
            instance,
            epoch: None,
            definition: definition.into(),
            status: WorkStatus::Running,
            phase: String::new(),
            reason: None,
            due_at: None,
            release: false,
        }
    }

    /// Whether there is something to do by then.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    /// For stores: whether a claimer of `epoch` is still the newest.
    pub fn is_fenced_by(&self, epoch: u64) -> bool {
        self.epoch.is_some_and(|mine| mine != epoch)
    }
}

/// Whether an instance goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkStatus {
    /// It has something to do, now or later.
    Running,
    /// It waits for an operator.
    Parked,
    /// It has ended.
    Done,
}

impl WorkStatus {
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

impl fmt::Display for WorkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Asks for instances to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Of these kinds: the aggregate halves of their stream ids.
    pub aggregates: Vec<String>,
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
        aggregates: Vec<String>,
        owner: impl Into<String>,
        lease: Duration,
        at_most: usize,
    ) -> Self {
        Self {
            aggregates,
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
    pub lease_expired: bool,
}

impl Claimed {
    /// For stores: a claim that was granted.
    pub const fn new(instance: StreamId, epoch: u64) -> Self {
        Self {
            instance,
            epoch,
            lease_expired: false,
        }
    }

    /// For stores: whether the row still had a lease, one that has run out.
    #[must_use]
    pub const fn after_expired_lease(mut self, lease_expired: bool) -> Self {
        self.lease_expired = lease_expired;
        self
    }
}

/// Which rows to list: all that pass every part that is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkFilter {
    /// Of these kinds, by the aggregate halves of their stream ids; empty for all.
    pub aggregates: Vec<String>,
    /// Only the instance with this id.
    pub id: Option<String>,
    /// Only those with this status.
    pub status: Option<WorkStatus>,
    /// Rows after this one.
    pub after: Option<StreamId>,
    /// So many at most.
    pub at_most: usize,
}

impl Default for WorkFilter {
    /// All, 1,000 at most.
    fn default() -> Self {
        Self {
            aggregates: Vec::new(),
            id: None,
            status: None,
            after: None,
            at_most: 1_000,
        }
    }
}

impl WorkFilter {
    /// Work items of these aggregates, 1,000 at most; empty for all. Set what else is wanted on the
    /// fields.
    pub fn of(aggregates: Vec<String>) -> Self {
        Self {
            aggregates,
            ..Self::default()
        }
    }

    /// Whether it lets a row through; [`at_most`](WorkFilter::at_most) is not looked at.
    pub fn accepts(&self, instance: &StreamId, status: WorkStatus) -> bool {
        (self.aggregates.is_empty()
            || self
                .aggregates
                .iter()
                .any(|kind| kind == instance.aggregate()))
            && self.id.as_deref().is_none_or(|id| id == instance.id())
            && self.status.is_none_or(|wanted| wanted == status)
            && self.after.as_ref().is_none_or(|after| instance > after)
    }
}

/// The row of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkItem {
    /// Its stream.
    pub instance: StreamId,
    /// Version and hash of its definition.
    pub definition: String,
    /// Whether it goes on.
    pub status: WorkStatus,
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

impl WorkItem {
    /// For stores: a row that nobody claimed yet. Set what differs afterwards.
    pub fn new(change: &WorkChange, updated_at: Timestamp) -> Self {
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
    pub fn change(&mut self, change: &WorkChange, now: Timestamp) {
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
        self.status == WorkStatus::Running
            && self.due_at.is_some_and(|due| due <= now)
            && self.lease_until.is_none_or(|until| until <= now)
    }
}
