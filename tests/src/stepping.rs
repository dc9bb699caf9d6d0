//! A SQLite read database that tells where it stands around each of its transactions, so that a
//! program can be killed there: also in those of the runner's state, which no handler sees.

use es_projections::{
    Dialect, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, RowsOfQueries, TransactionError},
};
use es_runtime::StorageError;
use es_sqlite::{SqliteReadDatabase, SqliteTransaction};
use std::sync::Arc;

/// [`SqliteReadDatabase`] with a place before and after each transaction, after its begin and before its end.
#[derive(Clone)]
pub struct Stepping {
    inner: SqliteReadDatabase,
    pass: Arc<dyn Fn() + Send + Sync>,
}

impl Stepping {
    /// Calls `pass` at each place.
    pub fn new(inner: SqliteReadDatabase, pass: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            inner,
            pass: Arc::new(pass),
        }
    }
}

struct Inside<J> {
    job: J,
    pass: Arc<dyn Fn() + Send + Sync>,
}

impl<J: Job<Stepping>> Job<SqliteReadDatabase> for Inside<J> {
    type Output = J::Output;

    async fn run(self, tx: &mut SqliteTransaction) -> Result<J::Output, RolledBack<J::Output>> {
        (self.pass)();
        let done = self.job.run(tx).await;
        (self.pass)();
        done
    }
}

impl ReadDatabase for Stepping {
    type Transaction = SqliteTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        (self.pass)();
        let pass = Arc::clone(&self.pass);
        let done = self.inner.transact(Inside { job, pass }).await;
        (self.pass)();
        done
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        self.inner.query(sql, values).await
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        self.inner.query_together(queries).await
    }
}
