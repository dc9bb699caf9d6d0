//! Which batches commits were written in. The messages of tags come before the commits of their batch, so who reads from a
//! position on must know where its batch begins.

use crate::{commit::MOST, record::StoredCommit, shared::Shared};
use es_runtime::{Position, StorageError};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Commits that are remembered.
const KEPT: usize = 1_024;

/// The batch of a commit.
#[derive(Clone, Copy, Debug)]
struct Batch {
    first: u64,
    /// How many events the commit has.
    count: u64,
    is_over: bool,
}

impl Batch {
    /// From where on messages may be about events after this one.
    const fn after(self, sequence: u64, number: u64) -> u64 {
        if self.is_over && number >= self.count {
            sequence.saturating_add(1)
        } else {
            self.first
        }
    }
}

/// The batches of commits that were lately the newest ones.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    of: Mutex<HashMap<u64, Batch>>,
    /// The sequence from which on messages of tags count: a copy may have written all of them anew.
    tags_from: AtomicU64,
}

impl Batches {
    fn get(&self, sequence: u64) -> Option<Batch> {
        let known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&sequence).copied()
    }

    fn note(&self, commit: &StoredCommit) -> Batch {
        let batch = Batch {
            first: commit.batch,
            count: commit.count,
            is_over: commit.ends_batch,
        };
        let mut known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(commit.sequence, batch);
        batch
    }
}

impl Shared {
    pub(super) fn note_batch(&self, commit: &StoredCommit) {
        self.batches_of_events.note(commit);
    }

    /// The sequence from which on messages of tags count.
    pub(crate) fn tags_from(&self) -> u64 {
        self.batches_of_events.tags_from.load(Ordering::Acquire)
    }

    pub(crate) fn tags_count_from(&self, sequence: Option<u64>) {
        let from = &self.batches_of_events.tags_from;
        from.store(sequence.unwrap_or_default(), Ordering::Release);
    }

    /// The sequence from which on messages of tags may be about events after this position.
    pub(super) async fn first_after(&self, position: Position) -> Result<u64, StorageError> {
        let first = self.first_of_batch_after(position).await?;
        Ok(first.max(self.tags_from()))
    }

    async fn first_of_batch_after(&self, position: Position) -> Result<u64, StorageError> {
        let [high, sequence, number] = position.to_parts();
        if high > 0 {
            return Ok(u64::MAX);
        }
        if sequence == 0 {
            return Ok(1);
        }
        if let Some(batch) = self.batches_of_events.get(sequence) {
            return Ok(batch.after(sequence, number));
        }
        let message = self.wire.any_at(sequence).await?;
        let commit = message.map(|message| self.commit_of(&message)).transpose();
        // Where it is erased, or no commit, no batch has more messages than this.
        let furthest = u64::try_from(MOST).unwrap_or(u64::MAX);
        Ok(commit.ok().flatten().flatten().map_or_else(
            || sequence.saturating_sub(furthest).max(1),
            |commit| self.batches_of_events.note(&commit).after(sequence, number),
        ))
    }
}
