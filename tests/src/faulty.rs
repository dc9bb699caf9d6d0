//! A store that breaks promises which the saga runtime relies on.
//!
//! Tests use it as a control: the same test on this store must find the damage.

use es_runtime::{
    Append, Appended, Claimed, Commit, CommitError, Committed, CursorMove, ExpectedVersion,
    Position, StorageError, Timestamp, WorkQueue,
};
use es_testkit::{Layered, StoreLayer};
use std::{str::FromStr, time::Duration};

/// A promise that the store breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not record the append ids of commits, so an input can be taken twice.
    ForgetsAppendIds,
    /// It moves a cursor wherever it stands.
    IgnoresCursors,
    /// It takes commits and renewals of claims that are not the newest.
    IgnoresEpochs,
    /// It commits without the appends that have no events and without guards, so that what was only read is not
    /// guarded.
    IgnoresGuards,
    /// It acknowledges the late success of a runner without a claim, and does not write it.
    LosesLateSuccesses,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forgets-append-ids" => Ok(Self::ForgetsAppendIds),
            "ignores-cursors" => Ok(Self::IgnoresCursors),
            "ignores-guards" => Ok(Self::IgnoresGuards),
            "ignores-epochs" => Ok(Self::IgnoresEpochs),
            "loses-late-successes" => Ok(Self::LosesLateSuccesses),
            other => Err(format!("no such fault: {other}")),
        }
    }
}

/// The faults with these names, separated by commas; none for an empty text.
///
/// # Panics
/// For a name that is none.
pub fn faults(names: &str) -> Vec<Fault> {
    let names = names.split(',').filter(|name| !name.is_empty());
    names.map(|name| name.parse().expect("a fault")).collect()
}

/// A store with faults.
pub type FaultyStore<S> = Layered<Faulty<S>>;

/// The layer of a [`FaultyStore`].
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Vec<Fault>,
}

impl<S> Faulty<S> {
    /// The store with these faults.
    pub fn store(inner: S, faults: impl Into<Vec<Fault>>) -> FaultyStore<S> {
        let faults = faults.into();
        Layered(Self { inner, faults })
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl<S: WorkQueue> Faulty<S> {
    /// Commits the appends with events alone and unguarded, and says of the others what the caller expects.
    async fn without_guards(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        let writes = |append: &Append| !append.events.is_empty() || append.append_id.is_some();
        let order: Vec<_> = commit
            .appends
            .iter()
            .map(|append| match append.expected {
                ExpectedVersion::Exact(version) if !writes(append) => Some(version),
                _ => None,
            })
            .collect();
        commit.appends.retain(writes);
        commit.guards.clear();
        let mut written = self.inner.commit(commit).await?.appended.into_iter();
        let appended = order.into_iter().filter_map(|guard| match guard {
            Some(version) => {
                let now = Timestamp::now();
                Some(Appended::new(version, 0, Position::START, now))
            }
            None => written.next(),
        });
        Ok(Committed::new(appended.collect()))
    }
}

/// Whether a commit reports a late success without a claim.
fn is_late_success(commit: &Commit) -> bool {
    let mut events = commit.appends.iter().flat_map(|append| &append.events);
    events.any(|event| event.name == "saga.late_success")
        && commit.work.iter().all(|change| change.epoch.is_none())
}

impl<S: WorkQueue> StoreLayer for Faulty<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        if self.has(Fault::LosesLateSuccesses) && is_late_success(&commit) {
            return Ok(Committed::new(Vec::new()));
        }
        if self.has(Fault::IgnoresGuards) {
            return self.without_guards(commit).await;
        }
        if self.has(Fault::ForgetsAppendIds) {
            for append in &mut commit.appends {
                append.append_id = None;
            }
        }
        if self.has(Fault::IgnoresEpochs) {
            for change in &mut commit.work {
                change.epoch = None;
            }
        }
        if !self.has(Fault::IgnoresCursors) {
            return self.inner.commit(commit).await;
        }
        let Some(moved) = commit.cursor.take() else {
            return self.inner.commit(commit).await;
        };
        loop {
            let actual = self.inner.cursor(&moved.consumer).await.expect("read");
            let moved = CursorMove::new(&moved.consumer, actual, moved.to);
            let done = self.inner.commit(commit.clone().cursor(moved)).await;
            // Another process moved it in between.
            if !matches!(done, Err(CommitError::CursorMoved { .. })) {
                return done;
            }
        }
    }

    async fn renew(&self, claimed: &Claimed, lease: Duration) -> Result<bool, StorageError> {
        let renewed = self.inner.renew(claimed, lease).await?;
        Ok(renewed || self.has(Fault::IgnoresEpochs))
    }
}
