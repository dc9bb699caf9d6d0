//! Snapshots: the newest one of each stream.

use crate::{
    PostgresStore,
    connection::Param,
    rows::{self, clamped},
};
use es_runtime::{ReadError, Snapshot, SnapshotStore, StorageError, StreamId};
use tokio_postgres::types::Type;

impl SnapshotStore for PostgresStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let params: [Param<'_>; 2] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
        ];
        let sql = &self.shared().statements.load_snapshot;
        let found = self.shared().rows(sql, &params).await?;
        Ok(found.first().and_then(|row| rows::snapshot(row, stream)))
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        let params: [Param<'_>; 7] = [
            (&snapshot.stream.aggregate(), Type::TEXT),
            (&snapshot.stream.id(), Type::TEXT),
            (&clamped(snapshot.version), Type::INT8),
            (&snapshot.position.to_string(), Type::TEXT),
            (&snapshot.fingerprint.to_string(), Type::TEXT),
            (&snapshot.content_type, Type::TEXT),
            (&snapshot.state, Type::BYTEA),
        ];
        let sql = &self.shared().statements.save_snapshot;
        self.shared().change(sql, &params).await.map(|_| ())
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        let params: [Param<'_>; 2] = [
            (&stream.aggregate(), Type::TEXT),
            (&stream.id(), Type::TEXT),
        ];
        let sql = &self.shared().statements.delete_snapshot;
        self.shared().change(sql, &params).await.map(|_| ())
    }
}
