//! Work items: the data of one instance in the queue of work.

use crate::{StreamId, Timestamp};
use std::fmt;

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
    /// The epoch of a work item that is missing, 0 when it is new. One that was lost begins above the epochs that it
    /// may have had, so that none of its former workers writes.
    pub first_epoch: u64,
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
            first_epoch: 0,
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
    /// The time of its last change, claim or renewal.
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
            epoch: change.first_epoch,
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

    /// For stores: whether a filter with this time accepts it.
    pub fn is_due_before(&self, time: Option<Timestamp>) -> bool {
        let due =
            |time| self.status == WorkStatus::Running && self.due_at.is_some_and(|due| due < time);
        time.is_none_or(due)
    }

    /// For stores: whether a claim at `now` may get it.
    pub fn is_free_and_due(&self, now: Timestamp) -> bool {
        self.status == WorkStatus::Running
            && self.due_at.is_some_and(|due| due <= now)
            && self.lease_until.is_none_or(|until| until <= now)
    }
}
