//! How read models are opened: in a file of their own, or in that of a store.

use super::SqliteReadDatabase;
use crate::{Durability, SqliteOptions, SqliteStore, store::Shared};
use es_projections::Dispatch;
use es_runtime::StorageError;
use std::{path::Path, sync::Arc};

impl SqliteOptions {
    /// Runs a projection inside every append of this store, in the same transaction. A query sees the
    /// rows as soon as the append has returned. An append that the projection cannot handle is rejected
    /// with [`AppendError::Projection`](es_runtime::AppendError::Projection). The read model is in the
    /// store's own file; [`read_database`](SqliteStore::read_database) queries it.
    ///
    /// Opening the store first handles the events that the read model does not have yet, in one
    /// transaction. For a new version of the projection these are all events of the store. Events appended
    /// by a process without it are handled by the next append of a process with it. A stored event that the
    /// projection cannot handle is parked with the later ones of its key, and appends to that key are
    /// rejected until it is retried or discarded; see
    /// [`Projections::parked`](es_projections::Projections::parked).
    ///
    /// Once a newer version of the projection is live, this process appends without it.
    ///
    /// Needs the feature `projections`.
    pub fn inline<P: Dispatch<SqliteReadDatabase>>(mut self, projection: P) -> Self {
        self.inline.push(projection);
        self
    }
}

impl SqliteStore {
    /// The read models in this file. The thread that appends events also writes their rows, so the two
    /// never wait for each other's locks. Queries of [`inline`](SqliteOptions::inline) projections go
    /// through this handle too.
    ///
    /// Needs the feature `projections`.
    pub fn read_database(&self) -> SqliteReadDatabase {
        SqliteReadDatabase::of(Arc::clone(self.shared()))
    }
}

impl SqliteReadDatabase {
    /// Opens a file for read models, and creates it where it is missing.
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    ///
    /// # Cancel safety
    /// The file may have been created.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        let mut options = SqliteStore::options();
        // Rows and checkpoint are lost together, and built again from the events.
        options.durability = Durability::Normal;
        options.holds_events = false;
        let settings = options.settings(path.as_ref())?;
        Ok(Self::of(Shared::start(Arc::new(settings)).await?))
    }
}
