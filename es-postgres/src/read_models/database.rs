//! A PostgreSQL database with read models, and queries of them.

use super::{
    PostgresTransaction,
    errors::{dead_transaction, is_constraint, task_ended},
    pool::{Pool, Pooled},
    transaction::{Bound, sql_values},
};
use crate::{
    connection::Connector,
    errors::{is_refusal, is_stale, storage},
    identifier::SchemaName,
    inside::inside,
};
use es_projections::{
    Dialect, ReadDatabase, SqlValue,
    backend::{BrokenConstraint, Job, RolledBack, RowsOfQueries, Stops, TransactionError},
};
use es_runtime::{Outcome, StorageError};
use std::{fmt, pin::Pin, sync::Arc, time::Duration};
use tokio_postgres::{Error, Row, types::ToSql};

/// Read models in a PostgreSQL database: a separate database ([`open`](PostgresReadDatabase::open)), or the
/// database of a store ([`PostgresStore::read_database`](crate::PostgresStore::read_database)).
///
/// Clones are handles of the same database. It has the tables of the projections and the projection state,
/// in tables whose names begin with `es_`. All of them are in the schema of
/// [`read_schema`](crate::PostgresOptions::read_schema), or where the role's `search_path` says.
///
/// # Queries
/// Query read models in SQL, in transactions that only read. A table has the name that is in braces in the
/// schema. [`select`](PostgresReadDatabase::select) runs one query;
/// [`snapshot`](PostgresReadDatabase::snapshot) runs several on one state of the database. Any other client
/// can query the tables too.
///
/// ```no_run
/// use es_postgres::{PostgresReadDatabase, PostgresStore, PostgresTransaction};
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
/// #[projection(schema(PostgresReadDatabase = "CREATE TABLE {orders} (id TEXT, cents BIGINT)"))]
/// struct Orders;
///
/// impl Project<OrderPlaced, PostgresReadDatabase> for Orders {
///     async fn project(
///         &self,
///         placed: &Envelope<OrderPlaced>,
///         tx: &mut PostgresTransaction,
///     ) -> Result<(), HandlerError> {
///         let (id, cents) = (placed.stream.id(), placed.event.cents);
///         tx.execute("INSERT INTO {orders} VALUES ($1, $2)", &[&id, &cents]).await?;
///         Ok(())
///     }
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::open("postgres://shop@localhost/shop").await?;
/// let read = store.read_database();
/// Projections::new(store, read.clone()).with(Orders).catch_up().await?;
/// let large = "SELECT id FROM orders WHERE cents > $1";
/// let large: Vec<String> = read.select(large, &[&300_i64], |row| row.try_get(0)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresReadDatabase {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ReadSettings,
    pool: Pool,
}

/// How a read database is used.
#[derive(Clone)]
pub(crate) struct ReadSettings {
    pub(crate) connector: Connector,
    pub(crate) schema: Option<SchemaName>,
    pub(crate) connections: usize,
    pub(crate) busy_timeout: Duration,
    pub(crate) stops: Stops,
}

impl PostgresReadDatabase {
    pub(crate) fn of(settings: ReadSettings) -> Self {
        let pool = Pool::new(
            settings.connector.clone(),
            settings.connections,
            settings.busy_timeout,
        );
        Self {
            shared: Arc::new(Shared { settings, pool }),
        }
    }

    /// Connects once, and makes the schema where it is missing.
    pub(crate) async fn prepare(&self) -> Result<(), StorageError> {
        let pooled = self.shared.pool.get().await?;
        if let Some(schema) = &self.shared.settings.schema {
            let client = pooled.session.client();
            let begin = self.shared.settings.connector.begin_unhurried();
            client.batch_execute(&begin).await.map_err(storage)?;
            crate::schema::make_schema(&pooled.session, schema).await?;
            client.batch_execute("COMMIT").await.map_err(storage)?;
        }
        self.shared.pool.give_back(pooled);
        Ok(())
    }

    /// The rows of a query, each turned into a value by `row`.
    ///
    /// # Errors
    /// [`StorageError`] when the query is wrong, `row` fails, or the database does.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn select<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        row: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.rows(sql, params).await?;
        let values: Result<Vec<T>, Error> = rows.iter().map(row).collect();
        values.map_err(storage)
    }

    /// The rows of one query. Nothing was read before it, so it is asked once more where it was
    /// prepared for tables that look otherwise now, such as those before a swap.
    async fn rows(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StorageError> {
        let reading = self.snapshot().await?;
        let mut found = reading.rows(sql, params).await;
        if found.as_ref().is_err_and(is_stale) {
            let begin = format!("ROLLBACK; {}", self.begin_reading());
            let client = reading.pooled.session.client();
            client.batch_execute(&begin).await.map_err(storage)?;
            found = reading.rows(sql, params).await;
        }
        let rows = found.map_err(storage)?;
        reading.end().await;
        Ok(rows)
    }

    fn begin_reading(&self) -> String {
        let connector = &self.shared.settings.connector;
        connector.begin("REPEATABLE READ READ ONLY")
    }

    /// The first row of a query, turned into a value by `row`; `None` without one.
    ///
    /// # Errors
    /// As for [`select`](PostgresReadDatabase::select).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn select_one<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        row: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Option<T>, StorageError> {
        Ok(self.select(sql, params, row).await?.into_iter().next())
    }

    /// Begins several queries on one state of the database. They do not see what is committed meanwhile, a
    /// swap of builds included. They cannot write.
    ///
    /// # Errors
    /// [`StorageError`] when the database does not answer, or no connection comes free in time.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn snapshot(&self) -> Result<Reading, StorageError> {
        let pooled = self.shared.pool.get_for_queries().await?;
        let begin = self.begin_reading();
        let client = pooled.session.client();
        client.batch_execute(&begin).await.map_err(storage)?;
        Ok(Reading {
            shared: Arc::clone(&self.shared),
            pooled,
        })
    }

    /// Ends the connections. Later calls on any handle fail with
    /// [`Closed`](es_runtime::StorageErrorKind::Closed).
    pub fn close(&self) {
        self.shared.pool.close();
    }
}

/// One state of a read database, for several queries; see [`PostgresReadDatabase::snapshot`].
/// [`end`](Reading::end) gives the connection back to the pool. Dropping it closes the connection.
#[must_use]
pub struct Reading {
    shared: Arc<Shared>,
    pooled: Pooled,
}

impl Reading {
    /// The rows of a query, each turned into a value by `row`.
    ///
    /// # Errors
    /// As for [`PostgresReadDatabase::select`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn select<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        row: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.rows(sql, params).await.map_err(storage)?;
        let values: Result<Vec<T>, Error> = rows.iter().map(row).collect();
        values.map_err(storage)
    }

    async fn rows(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let session = &self.pooled.session;
        let found = async {
            let statement = session.prepared(sql).await?;
            session.client().query(&statement, params).await
        };
        let found = found.await;
        if let Err(error) = &found {
            session.learn(error);
        }
        found
    }

    /// Gives the connection back.
    ///
    /// # Cancel safety
    /// The connection is ended instead.
    pub async fn end(self) {
        let Self { shared, pooled } = self;
        if pooled
            .session
            .client()
            .batch_execute("COMMIT")
            .await
            .is_ok()
        {
            shared.pool.give_back(pooled);
        }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl ReadDatabase for PostgresReadDatabase {
    type Transaction = PostgresTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn stops(&self) -> Option<&Stops> {
        Some(&self.shared.settings.stops)
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let shared = Arc::clone(&self.shared);
        // A separate task: a caller that goes away leaves no transaction open.
        let runtime = &self.shared.settings.connector.runtime;
        // Boxed, so that a program compiles the runtime's task once and not for each job.
        let running: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { shared.run(job).await });
        let task = runtime.spawn(running);
        task.await.unwrap_or_else(|ended| Err(task_ended(&ended)))
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
        let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
        sql_values(&self.rows(sql, &bound).await?).map_err(storage)
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        let snapshot = self.snapshot().await?;
        let mut found = Vec::with_capacity(queries.len());
        for (sql, values) in queries {
            let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
            let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
            let rows = snapshot.rows(sql, &bound).await.map_err(storage)?;
            found.push(sql_values(&rows).map_err(storage)?);
        }
        snapshot.end().await;
        Ok(found)
    }
}

impl Shared {
    async fn run<J: Job<PostgresReadDatabase>>(
        &self,
        job: J,
    ) -> Result<J::Output, TransactionError> {
        let failed = |outcome, error| Err(TransactionError { outcome, error });
        let not_applied = |error| failed(Outcome::NotApplied, error);
        let Pooled { session, place } = match self.pool.get().await {
            Ok(pooled) => pooled,
            Err(error) => return not_applied(error),
        };
        let begin = self.settings.connector.begin("READ COMMITTED");
        if let Err(error) = session.client().batch_execute(&begin).await {
            return not_applied(storage(error));
        }
        let mut tx = PostgresTransaction::new(session);
        let ran = inside(job.run(&mut tx)).await;
        let is_open = !tx.is_dead();
        let (session, transient) = tx.into_parts();
        let end = if ran.is_ok() && is_open {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        let ended = session.client().batch_execute(end).await;
        let is_clean = ended.is_ok();
        let result = match (ran, transient) {
            // The job may report a failure of the database as its own.
            (_, Some(error)) | (Err(RolledBack::Failed(error)), None) => not_applied(error),
            (Ok(output), None) if is_open => match ended {
                Ok(()) => Ok(output),
                Err(error) => failed(outcome_of_commit(&error), of_commit(error)),
            },
            (Ok(_), None) => not_applied(dead_transaction()),
            (Err(RolledBack::With(output)), None) => Ok(output),
        };
        if is_clean {
            self.pool.give_back(Pooled { session, place });
        }
        result
    }
}

fn of_commit(error: Error) -> StorageError {
    let broken = error.code().is_some_and(is_constraint);
    let error = storage(error);
    if broken {
        error.with_source(BrokenConstraint)
    } else {
        error
    }
}

fn outcome_of_commit(error: &Error) -> Outcome {
    if is_refusal(error) {
        Outcome::NotApplied
    } else {
        Outcome::Unknown
    }
}

impl fmt::Debug for PostgresReadDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReadDatabase")
            .field("connector", &self.shared.settings.connector)
            .finish_non_exhaustive()
    }
}
