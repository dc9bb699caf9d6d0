//! Whether the stream is still the one that was opened. Somebody may delete it and make it anew while a store is open.
//!
//! Sequences tell it without a further request: they grow as long as the stream is there. One that is smaller than it can
//! be is a reason to ask.

use crate::{connect::STORE_ID, shared::Shared};
use async_nats::{datetime::DateTime, jetstream::stream::Info};
use es_runtime::{StorageError, StorageErrorKind};
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// Which stream was opened, and how far it was known to go.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) store_id: String,
    /// When the stream was made.
    created: DateTime,
    /// The greatest sequence that a message was known to have.
    seen: AtomicU64,
    /// What was found instead.
    other: OnceLock<String>,
}

impl Identity {
    pub(crate) fn new(store_id: String, info: &Info) -> Self {
        Self {
            store_id,
            created: info.created,
            seen: AtomicU64::new(info.state.last_sequence),
            other: OnceLock::new(),
        }
    }

    /// The greatest sequence that a message was known to have.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    pub(crate) fn saw(&self, sequence: u64) {
        self.seen.fetch_max(sequence, Ordering::AcqRel);
    }

    /// # Errors
    /// [`StorageErrorKind::Corrupt`]: another stream was found under its name.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        match self.other.get() {
            None => Ok(()),
            Some(what) => Err(StorageError::new(StorageErrorKind::Corrupt, what.clone())),
        }
    }
}

impl Shared {
    /// The sequence of the newest message, whether it is there or erased.
    pub(crate) async fn last_sequence(&self) -> Result<u64, StorageError> {
        Ok(self.wire.info().await?.state.last_sequence)
    }

    /// Compares the sequence that something has with the one that it has at least. Where it is smaller, the stream is
    /// asked who it is.
    ///
    /// # Errors
    /// - [`StorageErrorKind::Corrupt`]: it is another one.
    /// - [`StorageErrorKind::Unreachable`]: it is an older one, so the server was left behind.
    pub(crate) async fn same_stream(&self, found: u64, least: u64) -> Result<(), StorageError> {
        if found >= least {
            self.identity.saw(found);
            return Ok(());
        }
        let info = self.wire.info().await?;
        let id = info.config.metadata.get(STORE_ID);
        // A leader that is behind, or has lost messages, is no other stream.
        if id == Some(&self.identity.store_id) {
            return Ok(());
        }
        if info.created < self.identity.created {
            let what = format!(
                "a server has stream {} of JetStream as it was before somebody made it anew: it was left behind, and others go on. \
                 If this does not end, an older stream was restored; stop all programs then, and open the store again",
                self.subjects.name(),
            );
            return Err(StorageError::new(StorageErrorKind::Unreachable, what));
        }
        let what = format!(
            "stream {} of JetStream was deleted and made anew while the store was open: its store id was {} \
             and is {}; stop all programs, restore the old stream or begin anew with empty read models, and open the store \
             again",
            self.subjects.name(),
            self.identity.store_id,
            id.map_or("missing", String::as_str),
        );
        let _ = self.identity.other.set(what);
        self.identity.check()
    }
}
