//! A `sqlx` pool as a read database. Everything runs in separate tasks: a future of `sqlx` that is
//! dropped at the wrong moment would return a connection with an open transaction to the pool.

use super::{
    SqlxTransaction,
    values::{bind, sql_values, storage},
};
use crate::{errors::no_answer, inside::inside, read_models::errors::task_ended};
use es_projections::{
    Dialect, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, RowsOfQueries, Stops, TransactionError},
};
use es_runtime::{Outcome, StorageError, StorageErrorKind};
use sqlx::{AssertSqlSafe, PgPool};
use std::fmt;
use tokio::runtime::Handle;

/// Read models in a `sqlx` pool of the application. Use it when the application queries its read models
/// with `sqlx` already; otherwise [`PostgresReadDatabase`](crate::PostgresReadDatabase) needs no other
/// driver.
///
/// Each page of events is one transaction of the pool, with the rows and the checkpoint. Handlers get a
/// `sqlx` connection ([`SqlxTransaction::connection`]). Queries use the pool directly.
///
/// Clones are handles of the same pool. The tables are where the `search_path` of the pool's connections
/// says. The projection state is in the tables whose names begin with `es_`. Timeouts, TLS and the number of
/// connections are those of the pool. Each projection uses one connection while it writes a page.
///
/// Needs the feature `sqlx`, and Rust 1.94 for `sqlx` 0.9.
///
/// ```no_run
/// use es_postgres::{PostgresStore, SqlxReadDatabase, SqlxTransaction, sqlx};
/// use es_runtime::{Envelope, Event};
/// use es_projections::{HandlerError, Project, Projection, Projections};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced {
///     cents: i64,
/// }
///
/// #[derive(Projection)]
/// #[projection("orders", events(OrderPlaced))]
/// #[projection(schema(SqlxReadDatabase = "CREATE TABLE {orders} (id TEXT, cents BIGINT)"))]
/// struct Orders;
///
/// impl Project<OrderPlaced, SqlxReadDatabase> for Orders {
///     async fn project(
///         &self,
///         placed: &Envelope<OrderPlaced>,
///         tx: &mut SqlxTransaction,
///     ) -> Result<(), HandlerError> {
///         sqlx::query(tx.sql("INSERT INTO {orders} VALUES ($1, $2)")?)
///             .bind(placed.stream.id())
///             .bind(placed.event.cents)
///             .execute(tx.connection())
///             .await?;
///         Ok(())
///     }
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = sqlx::PgPool::connect("postgres://shop@localhost/shop").await?;
/// let store = PostgresStore::open("postgres://shop@localhost/shop").await?;
/// let read = SqlxReadDatabase::new(pool.clone());
/// Projections::new(store, read).with(Orders).catch_up().await?;
/// let large = sqlx::query_scalar("SELECT id FROM orders WHERE cents > $1").bind(300_i64);
/// let large: Vec<String> = large.fetch_all(&pool).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlxReadDatabase {
    pool: PgPool,
    stops: Stops,
}

impl SqlxReadDatabase {
    /// The read database of this pool. Its transactions run as tasks of the runner's tokio runtime.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            stops: Stops::default(),
        }
    }

    /// The pool.
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }
}

fn runtime() -> Result<Handle, StorageError> {
    Handle::try_current().map_err(|_| {
        let what = "a sqlx pool must be used in a tokio runtime";
        StorageError::new(StorageErrorKind::Other, what)
    })
}

impl ReadDatabase for SqlxReadDatabase {
    type Transaction = SqlxTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn stops(&self) -> Option<&Stops> {
        Some(&self.stops)
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let runtime = runtime().map_err(not_applied)?;
        let task = runtime.spawn(run(self.pool.clone(), job));
        task.await.unwrap_or_else(|ended| Err(task_ended(&ended)))
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let (pool, sql, values) = (self.pool.clone(), sql.to_owned(), values.to_vec());
        let task = runtime()?.spawn(async move {
            let query = bind(AssertSqlSafe(sql), &values);
            let rows = query.fetch_all(&pool).await;
            rows.and_then(|rows| sql_values(&rows)).map_err(storage)
        });
        task.await.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        let owned = |(sql, values): &(&str, &[SqlValue])| ((*sql).to_owned(), values.to_vec());
        let queries: Vec<_> = queries.iter().map(owned).collect();
        let pool = self.pool.clone();
        let task = runtime()?.spawn(async move {
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
            let mut snapshot = pool.begin_with(begin).await.map_err(storage)?;
            let mut found = Vec::with_capacity(queries.len());
            for (sql, values) in queries {
                let query = bind(AssertSqlSafe(sql), &values);
                let rows = query.fetch_all(&mut *snapshot).await;
                found.push(rows.and_then(|rows| sql_values(&rows)).map_err(storage)?);
            }
            snapshot.rollback().await.map_err(storage)?;
            Ok(found)
        });
        task.await.unwrap_or_else(|_| Err(no_answer()))
    }
}

pub(super) fn not_applied(error: StorageError) -> TransactionError {
    TransactionError {
        outcome: Outcome::NotApplied,
        error,
    }
}

/// One transaction. Its connection goes back to the pool only where its end is known.
async fn run<J: Job<SqlxReadDatabase>>(
    pool: PgPool,
    job: J,
) -> Result<J::Output, TransactionError> {
    let begun = SqlxTransaction::begin(&pool).await;
    let mut tx = begun.map_err(|error| not_applied(storage(error)))?;
    let ran = inside(job.run(&mut tx)).await;
    match ran {
        Ok(output) => {
            tx.commit().await?;
            Ok(output)
        }
        Err(RolledBack::Failed(error)) => {
            // Where this fails too, the connection is closed, and the server rolls back.
            let _ = tx.roll_back().await;
            Err(not_applied(error))
        }
        Err(RolledBack::With(output)) => match tx.roll_back().await {
            Ok(()) => Ok(output),
            // The job may report the loss of its connection as its own failure.
            Err(error) => Err(not_applied(storage(error))),
        },
    }
}

impl fmt::Debug for SqlxReadDatabase {
    /// Nothing of the pool's options: they print a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxReadDatabase").finish_non_exhaustive()
    }
}
