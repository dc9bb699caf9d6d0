//! A queue of work items with leases: which instances are due, and which worker has each.
//!
//! The state of an instance is its stream. The work item is an index of that state: when it is due,
//! whether it is parked, and who works on it. It changes only in a transaction that appends to the stream
//! or compares its version, so it always agrees with the stream.

use super::{ReadError, StorageError};
use crate::{StreamId, Timestamp};
use es_runtime::CommitStore;
use std::{fmt, future::Future, time::Duration};

/// A store that leases work items to workers.
///
/// Stores that run sagas and process managers implement it: the in-memory store, `es-sqlite` and
/// `es-postgres` do. An implementation promises, in addition to [`CommitStore`]:
/// - At most one of several concurrent claims gets an instance. Each claim of it has a greater epoch
///   than all claims before.
/// - The store compares due times and leases with its own clock, [`now`](WorkQueue::now).
pub trait WorkQueue: CommitStore {
    /// Claims up to `at_most` running instances that are due and have no lease, the longest due first.
    /// Each gets the next epoch and a lease. [`Claimed::lease_expired`] says whether the lease before it
    /// expired.
    ///
    /// # Errors
    /// [`StorageError`] when the store fails. Leases that were granted nevertheless expire.
    ///
    /// # Cancel safety
    /// Leases may have been granted. They expire.
    fn claim(
        &self,
        claim: Claim,
    ) -> impl Future<Output = Result<Vec<Claimed>, StorageError>> + Send;

    /// Renews a lease. Returns `false` when the epoch is not the newest, because another worker claimed the
    /// instance.
    ///
    /// # Errors
    /// [`StorageError`] when the store fails.
    ///
    /// # Cancel safety
    /// The lease may have been renewed.
    fn renew(
        &self,
        claimed: &Claimed,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// The work items that the filter accepts, ordered by aggregate and id.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn work_items(
        &self,
        filter: &WorkFilter,
    ) -> impl Future<Output = Result<Vec<WorkItem>, ReadError>> + Send;

    /// The time of the clock that due times and leases are compared with.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn now(&self) -> impl Future<Output = Result<Timestamp, ReadError>> + Send;

    /// A unique text that is created with the store. Idempotency keys are derived from it, so a test
    /// system never has the keys of production.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn store_id(&self) -> impl Future<Output = Result<String, ReadError>> + Send;
}

/// The new values of the work item of one instance. A commit creates a missing work item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkChange {
    /// The stream of the instance.
    pub instance: StreamId,
    /// The epoch that the work item must have, `None` for any. Inputs and operators have none.
    pub epoch: Option<u64>,
    /// The version and the hash of its definition.
    pub definition: String,
    /// Whether it is running, parked or done.
    pub status: WorkStatus,
    /// Its phase in a word or two, for operators.
    pub phase: String,
    /// Why it is parked, or how it ended.
    pub reason: Option<String>,
    /// The time at which it is due, `None` for never.
    pub due_at: Option<Timestamp>,
    /// Whether this change releases the lease.
    pub release: bool,
}

impl WorkChange {
    /// A running work item that is not due.
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

    /// Whether it is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    /// For stores: whether this change is too late because the work item has the epoch `epoch`.
    pub fn is_fenced_by(&self, epoch: u64) -> bool {
        self.epoch.is_some_and(|mine| mine != epoch)
    }
}

/// The status of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkStatus {
    /// It is running: it has something to do, now or later.
    Running,
    /// It is parked until an operator acts.
    Parked,
    /// It has ended.
    Done,
}

impl WorkStatus {
    /// The text that stores write.
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

/// A request for instances to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The aggregate halves of the stream ids of wanted instances.
    pub aggregates: Vec<String>,
    /// The name of the worker, which operators see.
    pub owner: String,
    /// The duration of the leases.
    pub lease: Duration,
    /// The greatest number of results.
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

/// A claimed instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// Its stream.
    pub instance: StreamId,
    /// The epoch of this claim. A later claim has a greater one.
    pub epoch: u64,
    /// Whether the lease before this claim expired, because its process died or was delayed.
    pub lease_expired: bool,
}

impl Claimed {
    /// For stores: a granted claim.
    pub const fn new(instance: StreamId, epoch: u64) -> Self {
        Self {
            instance,
            epoch,
            lease_expired: false,
        }
    }

    /// For stores: whether the work item had an expired lease.
    #[must_use]
    pub const fn after_expired_lease(mut self, lease_expired: bool) -> Self {
        self.lease_expired = lease_expired;
        self
    }
}

/// Selects work items. Every condition that is set must hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkFilter {
    /// The aggregate halves of their stream ids, empty for all.
    pub aggregates: Vec<String>,
    /// The id of the instance.
    pub id: Option<String>,
    /// The status.
    pub status: Option<WorkStatus>,
    /// The work item before the first result.
    pub after: Option<StreamId>,
    /// The greatest number of results.
    pub at_most: usize,
}

impl Default for WorkFilter {
    /// All work items, at most 1,000.
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
    /// The work items of these aggregates, at most 1,000, empty for all. Set further conditions on the
    /// fields.
    pub fn of(aggregates: Vec<String>) -> Self {
        Self {
            aggregates,
            ..Self::default()
        }
    }

    /// Whether it accepts a work item. [`at_most`](WorkFilter::at_most) is ignored.
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

/// The work item of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkItem {
    /// Its stream.
    pub instance: StreamId,
    /// Version and hash of its definition.
    pub definition: String,
    /// Whether it is running, parked or done.
    pub status: WorkStatus,
    /// Its phase in a word or two, for operators.
    pub phase: String,
    /// Why it is parked, or how it ended.
    pub reason: Option<String>,
    /// The time at which it is due, `None` for never.
    pub due_at: Option<Timestamp>,
    /// The number of its claims.
    pub epoch: u64,
    /// The worker of the newest claim.
    pub owner: Option<String>,
    /// The end of the lease.
    pub lease_until: Option<Timestamp>,
    /// The time of its last change.
    pub updated_at: Timestamp,
}

impl WorkItem {
    /// For stores: a work item without a claim. Set fields that differ afterwards.
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

    /// For stores: applies a change.
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

    /// For stores: whether a claim at `now` may get it.
    pub fn is_free_and_due(&self, now: Timestamp) -> bool {
        self.status == WorkStatus::Running
            && self.due_at.is_some_and(|due| due <= now)
            && self.lease_until.is_none_or(|until| until <= now)
    }
}
