//! What the cases import: a read database of a third crate. Nothing runs in it.

use es_projections::{
    AnyTransaction, Dialect, ReadDatabase, SqlValue,
    backend::{Job, RowsOfQueries, TransactionError},
};
use es_runtime::{Outcome, StorageError, StorageErrorKind};

/// A read database that is never there.
#[derive(Clone)]
pub struct Warehouse;

/// The transaction that its handlers get.
pub type WarehouseTransaction = AnyTransaction;

fn absent() -> StorageError {
    StorageError::new(StorageErrorKind::Unreachable, "there is no warehouse")
}

impl ReadDatabase for Warehouse {
    type Transaction = WarehouseTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn transact<J: Job<Self>>(&self, _: J) -> Result<J::Output, TransactionError> {
        Err(TransactionError {
            outcome: Outcome::NotApplied,
            error: absent(),
        })
    }

    async fn query(&self, _: &str, _: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        Err(absent())
    }

    async fn query_together(
        &self,
        _: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        Err(absent())
    }
}
