//! Accounts and two read models of them, for the tests of projections and for the programs that are
//! killed in them.

use crate::stepping::Stepping;
use es_postgres::{PostgresReadDatabase, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::{
    Append, AppendError, Envelope, Event, EventStore, ExpectedVersion, NewEvent, Position, StreamId,
};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Money came in.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("account.deposited")]
pub struct Deposited {
    /// How much.
    pub cents: i64,
}

/// Money went out.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("account.withdrawn")]
pub struct Withdrawn {
    /// How much.
    pub cents: i64,
}

/// Looks into a handler, or hinders it: called with the place in the handler and the event.
pub type Hook = Arc<dyn Fn(&str, &StreamId, u64) -> Result<(), HandlerError> + Send + Sync>;

/// Balances, and a log of what was counted. Two statements an event, none of them idempotent: an
/// event that counts twice shows in both.
#[derive(Projection)]
#[projection("balances", version = 1, events(Deposited, Withdrawn))]
#[projection(schema(SqliteReadDatabase = BALANCES, Stepping = BALANCES, PostgresReadDatabase = POSTGRES_BALANCES))]
pub struct Balances(pub Hook);

/// The tables of [`Balances`].
pub const BALANCES: &str = "
    CREATE TABLE {balances} (account TEXT PRIMARY KEY, cents INTEGER NOT NULL);
    CREATE TABLE {entries} (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
                            version INTEGER NOT NULL, cents INTEGER NOT NULL);
    CREATE INDEX {entries_by_account} ON {entries} (account);
";

/// The same in PostgreSQL.
pub const POSTGRES_BALANCES: &str = "
    CREATE TABLE {balances} (account TEXT COLLATE \"C\" PRIMARY KEY, cents BIGINT NOT NULL);
    CREATE TABLE {entries} (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                            account TEXT COLLATE \"C\" NOT NULL,
                            version BIGINT NOT NULL, cents BIGINT NOT NULL);
    CREATE INDEX {entries_by_account} ON {entries} (account);
";

impl Balances {
    /// Without a hook.
    pub fn new() -> Self {
        Self::hooked(|_, _, _| Ok(()))
    }

    /// With one.
    pub fn hooked(
        hook: impl Fn(&str, &StreamId, u64) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(hook))
    }

    fn count(
        &self,
        tx: &mut SqliteTransaction,
        stream: &StreamId,
        version: u64,
        cents: i64,
    ) -> Result<(), HandlerError> {
        (self.0)("before", stream, version)?;
        tx.execute(
            "INSERT INTO {entries} (account, version, cents) VALUES (?1, ?2, ?3)",
            params![stream.id(), version.cast_signed(), cents],
        )?;
        (self.0)("between", stream, version)?;
        tx.execute(
            "INSERT INTO {balances} (account, cents) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents",
            params![stream.id(), cents],
        )?;
        (self.0)("after", stream, version)
    }
}

impl Balances {
    async fn count_in_postgres(
        &self,
        tx: &mut PostgresTransaction,
        stream: &StreamId,
        version: u64,
        cents: i64,
    ) -> Result<(), HandlerError> {
        (self.0)("before", stream, version)?;
        tx.execute(
            "INSERT INTO {entries} (account, version, cents) VALUES ($1, $2, $3)",
            &[&stream.id(), &version.cast_signed(), &cents],
        )
        .await?;
        (self.0)("between", stream, version)?;
        tx.execute(
            "INSERT INTO {balances} AS b (account, cents) VALUES ($1, $2)
             ON CONFLICT (account) DO UPDATE SET cents = b.cents + excluded.cents",
            &[&stream.id(), &cents],
        )
        .await?;
        (self.0)("after", stream, version)
    }
}

impl Project<Deposited, PostgresReadDatabase> for Balances {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        self.count_in_postgres(tx, &event.stream, event.version, event.event.cents)
            .await
    }
}

impl Project<Withdrawn, PostgresReadDatabase> for Balances {
    async fn project(
        &self,
        event: &Envelope<Withdrawn>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        self.count_in_postgres(tx, &event.stream, event.version, -event.event.cents)
            .await
    }
}

impl Default for Balances {
    fn default() -> Self {
        Self::new()
    }
}

/// The same into a SQLite file, whichever way it is driven.
macro_rules! project_into {
    ($($db:ty),*) => {$(
        impl Project<Deposited, $db> for Balances {
            async fn project(
                &self,
                event: &Envelope<Deposited>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                self.count(tx, &event.stream, event.version, event.event.cents)
            }
        }

        impl Project<Withdrawn, $db> for Balances {
            async fn project(
                &self,
                event: &Envelope<Withdrawn>,
                tx: &mut SqliteTransaction,
            ) -> Result<(), HandlerError> {
                self.count(tx, &event.stream, event.version, -event.event.cents)
            }
        }
    )*};
}

project_into!(SqliteReadDatabase, Stepping);

/// The sum of all deposits: a read model with one row and no account in it.
#[derive(Projection)]
#[projection(
    "turnover",
    events(Deposited),
    schema(SqliteReadDatabase = "CREATE TABLE {turnover} (cents INTEGER)")
)]
pub struct Turnover;

impl Project<Deposited, SqliteReadDatabase> for Turnover {
    async fn project(
        &self,
        event: &Envelope<Deposited>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let changed = tx.execute(
            "UPDATE {turnover} SET cents = cents + ?1",
            [event.event.cents],
        )?;
        if changed == 0 {
            tx.execute("INSERT INTO {turnover} VALUES (?1)", [event.event.cents])?;
        }
        Ok(())
    }
}

/// A deposit to this account, appended whatever its version is.
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When the account's name cannot be one.
pub async fn deposit(
    store: &impl EventStore,
    account: &str,
    cents: i64,
) -> Result<Position, AppendError> {
    append(store, account, "account.deposited", cents).await
}

/// A withdrawal, likewise.
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When the account's name cannot be one.
pub async fn withdraw(
    store: &impl EventStore,
    account: &str,
    cents: i64,
) -> Result<Position, AppendError> {
    append(store, account, "account.withdrawn", cents).await
}

async fn append(
    store: &impl EventStore,
    account: &str,
    name: &'static str,
    cents: i64,
) -> Result<Position, AppendError> {
    let stream = StreamId::new("account", account).expect("a name");
    let payload = format!(r#"{{"cents":{cents}}}"#);
    let append =
        Append::new(stream, ExpectedVersion::Any).with_event(NewEvent::json(name, 1, payload));
    store.append(append).await.map(|done| done.position)
}

/// Notes every move of a checkpoint to an earlier position, from now on. the projection state must be there.
///
/// # Errors
/// Those of the database.
pub fn watch_positions(read: &std::path::Path) -> es_sqlite::rusqlite::Result<()> {
    es_sqlite::rusqlite::Connection::open(read)?.execute_batch(
        "CREATE TABLE went_back (name TEXT, before TEXT, after TEXT);
         CREATE TRIGGER watch AFTER UPDATE OF position ON es_checkpoints
         WHEN CAST(new.position AS INTEGER) < CAST(old.position AS INTEGER)
         BEGIN INSERT INTO went_back VALUES (new.name, old.position, new.position); END;",
    )
}

/// How often a checkpoint moved to an earlier position since [`watch_positions`].
///
/// # Errors
/// Those of the database.
pub fn went_back(read: &std::path::Path) -> es_sqlite::rusqlite::Result<u32> {
    let rows = es_sqlite::rusqlite::Connection::open(read)?;
    rows.query_row("SELECT count(*) FROM went_back", [], |row| row.get(0))
}

/// What the read model has: each account with its balance, and every entry.
pub type Rows = (Vec<(String, i64)>, Vec<(String, i64, i64)>);

/// Everything that [`Balances`] shows.
///
/// # Errors
/// Those of the database.
pub async fn balances(read: &SqliteReadDatabase) -> Result<Rows, es_runtime::StorageError> {
    read.snapshot(|rows| {
        let balances = rows
            .prepare("SELECT account, cents FROM balances ORDER BY account")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let entries = rows
            .prepare("SELECT account, version, cents FROM entries ORDER BY account, number")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        Ok((balances, entries))
    })
    .await
}

/// Everything that [`Balances`] shows in PostgreSQL.
///
/// # Errors
/// Those of the database.
pub async fn postgres_balances(
    read: &PostgresReadDatabase,
) -> Result<Rows, es_runtime::StorageError> {
    let rows = read.snapshot().await?;
    let balances = "SELECT account, cents FROM balances ORDER BY account";
    let balances = rows.select(balances, &[], |row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let balances = balances.await?;
    let entries = "SELECT account, version, cents FROM entries ORDER BY account, number";
    let entry = |row: &es_postgres::tokio_postgres::Row| {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let entries = rows.select(entries, &[], entry).await?;
    rows.end().await;
    Ok((balances, entries))
}

/// A read model with these tables, that writes nothing into them.
#[macro_export]
macro_rules! reads_only {
    ($vis:vis $name:ident, $stored:literal, $schema:literal) => {
        #[derive(es_projections::Projection)]
        #[projection($stored, events(Deposited), schema(SqliteReadDatabase = $schema))]
        $vis struct $name;

        impl es_projections::Project<Deposited, SqliteReadDatabase> for $name {
            async fn project(
                &self,
                _: &es_runtime::Envelope<Deposited>,
                _: &mut es_sqlite::SqliteTransaction,
            ) -> Result<(), es_projections::HandlerError> {
                Ok(())
            }
        }
    };
}
