//! A queue of work items with leases: which instances are due, and which worker has each.
//!
//! The state of an instance is its stream. The work item is an index of that state: when it is due,
//! whether it is parked, and who works on it. It changes only in a transaction that appends to the stream
//! or compares its version, so it always agrees with the stream.

use super::{CommitStore, ReadError, StorageError, WorkItem, WorkStatus};
use crate::{StreamId, Timestamp};
use std::{future::Future, time::Duration};

/// A store that leases work items to workers.
///
/// Stores that run sagas and process managers implement it: the in-memory store, `es-sqlite`,
/// `es-postgres` and `es-nats` do. An implementation promises, in addition to [`CommitStore`]:
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

    /// How many work items each of these aggregates has, by status.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, WorkStatus, u64)>, ReadError>> + Send;

    /// The time of the clock that due times and leases are compared with.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read.
    ///
    /// # Cancel safety
    /// Reads only.
    fn now(&self) -> impl Future<Output = Result<Timestamp, ReadError>> + Send;
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
    /// Only work items that were changed, claimed or renewed after this.
    pub changed_after: Option<Timestamp>,
    /// Only work items that are running and due before this.
    pub due_before: Option<Timestamp>,
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
            changed_after: None,
            due_before: None,
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

    /// Whether it accepts a work item. [`changed_after`](WorkFilter::changed_after),
    /// [`due_before`](WorkFilter::due_before) and [`at_most`](WorkFilter::at_most) are ignored.
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
