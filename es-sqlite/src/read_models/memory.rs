//! Read models in memory. Their transactions run on the calling thread, so that the simulation of es-testkit repeats them in the
//! same order, and does so fast.

use super::{
    SqliteReadDatabase, SqliteTransaction,
    database::{driver_error, transaction},
    transaction::rows,
};
use crate::errors::{closed, storage};
use es_projections::{
    SqlValue,
    backend::{Job, TransactionError},
};
use es_runtime::{Outcome, StorageError};
use rusqlite::Connection;
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Read models in memory, with the transactions of a file.
pub struct MemoryReadModels {
    /// `None` after a transaction whose end is in doubt.
    tx: Mutex<Option<SqliteTransaction>>,
}

impl MemoryReadModels {
    /// Opens an empty database.
    ///
    /// # Errors
    /// [`StorageError`] of SQLite.
    pub fn open() -> Result<Self, StorageError> {
        let open = || {
            let connection = Connection::open_in_memory()?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            SqliteTransaction::new(connection, Duration::from_secs(30))
        };
        let tx = Mutex::new(Some(open().map_err(storage)?));
        Ok(Self { tx })
    }

    fn tx(&self) -> MutexGuard<'_, Option<SqliteTransaction>> {
        self.tx.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the job in one transaction, as [`ReadDatabase::transact`](es_projections::ReadDatabase::transact) does.
    ///
    /// # Errors
    /// [`TransactionError`], which says whether the transaction took effect.
    pub fn transact<J: Job<SqliteReadDatabase>>(
        &self,
        job: J,
    ) -> Result<J::Output, TransactionError> {
        let mut kept = self.tx();
        let Some(tx) = kept.take() else {
            return Err(TransactionError {
                outcome: Outcome::NotApplied,
                error: closed(),
            });
        };
        let (result, tx) = transaction(tx, job);
        *kept = tx;
        result
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// [`StorageError`] of the database.
    pub fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let kept = self.tx();
        let tx = kept.as_ref().ok_or_else(closed)?;
        rows(tx.connection(), sql, values).map_err(|error| driver_error(error).into())
    }
}

impl fmt::Debug for MemoryReadModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReadModels").finish_non_exhaustive()
    }
}
