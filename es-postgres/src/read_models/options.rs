//! How read models are opened: in a database of their own, or in that of a store.

use super::PostgresReadDatabase;
use crate::{PostgresOptions, PostgresStore, connection::in_runtime, identifier::SchemaName};
use es_projections::{Dispatch, backend::InlineProjection};
use es_runtime::StorageError;

impl PostgresOptions {
    /// The schema of the read models and of their projection state. It is created where it is missing.
    /// By default they are where the role's `search_path` says, usually in `public`, and for a store in
    /// a [`schema`](PostgresOptions::schema) of its own in `<schema>_read`.
    ///
    /// The read models of a schema belong to one store. Another store is refused.
    ///
    /// Needs the feature `projections`.
    ///
    /// # Errors
    /// As for [`schema`](PostgresOptions::schema).
    pub fn read_schema(mut self, name: &str) -> Result<Self, StorageError> {
        self.read.schema = Some(SchemaName::new(name)?);
        Ok(self)
    }

    /// How many connections transactions and queries of read models share, 8 by default, at least one.
    /// Each uses one connection at a time. When all are in use, it waits for
    /// [`busy_timeout`](PostgresOptions::busy_timeout). Queries leave one connection to the transactions,
    /// so that long reports do not stop projections; the store's own connections are others.
    ///
    /// Needs the feature `projections`.
    pub fn read_connections(mut self, connections: usize) -> Self {
        self.read.connections = connections.max(1);
        self
    }

    /// Runs a projection inside every append of this store, in the same transaction. A query sees the
    /// rows as soon as the append has returned. An append that the projection cannot handle is rejected
    /// with [`AppendError::Projection`](es_runtime::AppendError::Projection). The read model is in the
    /// store's own database; [`read_database`](PostgresStore::read_database) queries it.
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
    pub fn inline<P: Dispatch<PostgresReadDatabase>>(mut self, projection: P) -> Self {
        self.read
            .projections
            .push(InlineProjection::new(projection));
        self
    }

    /// Connects to a database that has read models and no events.
    ///
    /// Call it in a tokio runtime, as [`open`](PostgresOptions::open). Needs the feature `projections`.
    ///
    /// # Errors
    /// [`StorageError`] as for [`open`](PostgresOptions::open).
    ///
    /// # Cancel safety
    /// The schema may have been created.
    pub async fn open_read_database(self) -> Result<PostgresReadDatabase, StorageError> {
        let connector = self.connector(in_runtime()?);
        let read = self.read.of_store(connector, self.busy_timeout);
        let read = PostgresReadDatabase::of(read.settings);
        read.prepare().await?;
        Ok(read)
    }
}

impl PostgresStore {
    /// The read models in this database. Each call makes a pool of connections: call it once, and clone
    /// the handle.
    ///
    /// Needs the feature `projections`.
    pub fn read_database(&self) -> PostgresReadDatabase {
        PostgresReadDatabase::of(self.shared().settings.read.settings.clone())
    }
}

impl PostgresReadDatabase {
    /// Opens a database for read models with the default settings.
    ///
    /// # Errors
    /// See [`PostgresOptions::open_read_database`].
    ///
    /// # Cancel safety
    /// Nothing was created.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        PostgresStore::options(url)?.open_read_database().await
    }
}
