//! A read model of what sagas made of orders, in SQLite and in PostgreSQL, for the processes that are
//! killed in it.

use crate::{
    accounts::Hook,
    orders::{OrderConfirmed, OrderPlaced, OrderRejected},
};
use es_postgres::{PostgresReadDatabase, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, StorageError};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};

/// How often each order was placed, confirmed and rejected, and a log: two statements an event, none of
/// them idempotent.
#[derive(Projection)]
#[projection(
    "board",
    version = 1,
    events(OrderPlaced, OrderConfirmed, OrderRejected)
)]
#[projection(schema(SqliteReadDatabase = SQLITE, PostgresReadDatabase = POSTGRES))]
pub struct Board(pub Hook);

const SQLITE: &str = "
    CREATE TABLE {board} (ord TEXT PRIMARY KEY, placed INTEGER NOT NULL DEFAULT 0,
                          confirmed INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE {board_log} (number INTEGER PRIMARY KEY, ord TEXT NOT NULL, version INTEGER NOT NULL);
";

const POSTGRES: &str = "
    CREATE TABLE {board} (ord TEXT COLLATE \"C\" PRIMARY KEY, placed BIGINT NOT NULL DEFAULT 0,
                          confirmed BIGINT NOT NULL DEFAULT 0, rejected BIGINT NOT NULL DEFAULT 0);
    CREATE TABLE {board_log} (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                              ord TEXT COLLATE \"C\" NOT NULL, version BIGINT NOT NULL);
";

/// The tables of a program that commits its position apart from its rows.
pub const NAIVE_TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS board (ord TEXT PRIMARY KEY, placed BIGINT NOT NULL DEFAULT 0,
         confirmed BIGINT NOT NULL DEFAULT 0, rejected BIGINT NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS board_log (number BIGINT, ord TEXT, version BIGINT)",
    "CREATE TABLE IF NOT EXISTS place (position TEXT)",
];

/// The statement that counts one event of a column.
fn count(column: &str, parameter: &str) -> String {
    format!(
        "INSERT INTO {{board}} AS b (ord, {column}) VALUES ({parameter}1, 1)
         ON CONFLICT (ord) DO UPDATE SET {column} = b.{column} + 1"
    )
}

macro_rules! counts {
    ($($event:ty => $column:literal;)*) => {$(
        impl Project<$event, SqliteReadDatabase> for Board {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                let (ord, version) = (event.stream.id(), event.version);
                (self.0)("before", &event.stream, version)?;
                tx.execute(
                    "INSERT INTO {board_log} (ord, version) VALUES (?1, ?2)",
                    params![ord, version.cast_signed()],
                )?;
                (self.0)("between", &event.stream, version)?;
                tx.execute(&count($column, "?"), [ord])?;
                (self.0)("after", &event.stream, version)
            }
        }

        impl Project<$event, PostgresReadDatabase> for Board {
            async fn project(
                &self,
                event: &Envelope<$event>,
                tx: &mut PostgresTransaction,
            ) -> Result<(), HandlerError> {
                let (ord, version) = (event.stream.id(), event.version);
                (self.0)("before", &event.stream, version)?;
                let log = "INSERT INTO {board_log} (ord, version) VALUES ($1, $2)";
                tx.execute(log, &[&ord, &version.cast_signed()]).await?;
                (self.0)("between", &event.stream, version)?;
                tx.execute(&count($column, "$"), &[&ord]).await?;
                (self.0)("after", &event.stream, version)
            }
        }
    )*};
}

counts! {
    OrderPlaced => "placed";
    OrderConfirmed => "confirmed";
    OrderRejected => "rejected";
}

/// Each order with how often it was placed, confirmed and rejected; and the log.
pub type Rows = (Vec<(String, i64, i64, i64)>, Vec<(String, i64)>);

const ORDERS: &str = "SELECT ord, placed, confirmed, rejected FROM board ORDER BY ord";
const LOG: &str = "SELECT ord, version FROM board_log ORDER BY ord, number";

/// Everything that [`Board`] shows in SQLite.
///
/// # Errors
/// Those of the database.
pub async fn in_sqlite(read: &SqliteReadDatabase) -> Result<Rows, StorageError> {
    let orders = read.select(ORDERS, [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    let log = read.select(LOG, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok((orders.await?, log.await?))
}

/// Everything that [`Board`] shows in PostgreSQL.
///
/// # Errors
/// Those of the database.
pub async fn in_postgres(read: &PostgresReadDatabase) -> Result<Rows, StorageError> {
    let orders = read.select(ORDERS, &[], |row| {
        Ok((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ))
    });
    let log = read.select(LOG, &[], |row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok((orders.await?, log.await?))
}
