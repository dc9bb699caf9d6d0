//! The store that is filled.
//!
//! Its tables are made by es-sqlite and es-postgres. Until it is filled and compared, the version of its tables is
//! negative, so that no application opens it.

#[cfg(feature = "nats")]
use super::jetstream;
use super::{
    id::id_of,
    row::Canonical,
    table::{TABLES, Table},
};
use crate::{
    error::Error,
    moving::rows::{Rows as _, StoreRows},
    store::{
        Access, Dialect, Location, Param, Place, Query, Store, Value, Write, postgres_options,
    },
};
use es_projections::{
    ReadDatabase,
    backend::{TransactionError, create_state},
};
use es_sqlite::SqliteStore;
use std::path::Path;
use tokio::runtime::Builder;

/// A store that is filled.
pub(crate) struct Target {
    pub(crate) store: Store<'static>,
    /// The position of its last event.
    pub(crate) position: i64,
    /// Whether an application could open it before.
    was_whole: bool,
    has_written: bool,
}

impl Target {
    /// Opens a store that is empty, or holds rows of the store with this id.
    pub(crate) fn open(place: &Place, source: &str, with_read_models: bool) -> Result<Self, Error> {
        let (mut store, was_whole) = open(place, Some(source), with_read_models)?;
        begin(&mut store, Some(source))?;
        let position = last_position(&mut store)?;
        Ok(Self {
            store,
            position,
            was_whole,
            has_written: false,
        })
    }

    /// Opens a store that keeps what it has. It is made where it is missing. One with events goes on being open for
    /// applications.
    pub(crate) fn open_own(place: &Place) -> Result<Self, Error> {
        let (mut store, was_whole) = open(place, None, false)?;
        let position = last_position(&mut store)?;
        if position == 0 {
            begin(&mut store, None)?;
        }
        Ok(Self {
            store,
            position,
            was_whole,
            has_written: false,
        })
    }

    /// The refusal of a store that has something of its own.
    pub(crate) fn is_other(&mut self, place: &str) -> Error {
        self.refused(format!(
            "it has a row that the source has not: {place}. It was used by itself, or belongs to another source; \
             choose an empty one"
        ))
    }

    /// The refusal of a store. It is as it was, where nothing was written.
    pub(crate) fn refused(&mut self, why: String) -> Error {
        if self.was_whole && !self.has_written {
            if let Err(error) = self.let_open() {
                return error;
            }
        }
        Error::cannot_open(self.store.name.clone(), why)
    }

    /// Whether an application could open it before.
    pub(crate) const fn was_whole(&self) -> bool {
        self.was_whole
    }

    /// Writes rows of a table in one transaction.
    pub(crate) fn write(
        &mut self,
        table: &Table,
        old: &[Canonical],
        new: &[Canonical],
    ) -> Result<(), Error> {
        #[cfg(feature = "nats")]
        if self.store.jetstream().is_some() {
            self.has_written = true;
            jetstream::write(&mut self.store, table, old, new, self.position)?;
            if let (true, Some(last)) = (table.is_events(), new.last()) {
                self.position = last.position();
            }
            return Ok(());
        }
        let dialect = self.store.dialect();
        let params: Vec<Param> = table.columns.iter().map(|c| c.param(dialect)).collect();
        let rows = |of: &[Canonical]| -> Result<Vec<Vec<Value>>, Error> {
            of.iter().map(|row| row.params(table, dialect)).collect()
        };
        let mut writes = Vec::new();
        if !old.is_empty() {
            let mut keys = rows(old)?;
            for row in &mut keys {
                row.truncate(table.key);
            }
            writes.push(Write {
                sql: table.delete(dialect),
                params: params.iter().copied().take(table.key).collect(),
                rows: keys,
                expected: None,
            });
        }
        if !new.is_empty() {
            writes.push(Write {
                sql: table.insert(dialect),
                params,
                rows: rows(new)?,
                expected: None,
            });
        }
        let last = new.last().map_or(self.position, Canonical::position);
        if dialect == Dialect::Postgres && table.is_events() {
            let mut end = one(
                "UPDATE {head} SET position = ($1::bigint[])[1] WHERE position = ($2::bigint[])[1]",
                vec![last.into(), self.position.into()],
            );
            end.expected = Some((
                1,
                "somebody else has appended to the target meanwhile: begin again with an empty one",
            ));
            writes.push(end);
        }
        if dialect == Dialect::Postgres && table.name == "rules" {
            // A writer sees by this number that it has to read the rules again.
            writes.push(Write {
                sql: "UPDATE {head} SET rules = hashtextextended(gen_random_uuid()::text, 0)"
                    .to_owned(),
                params: Vec::new(),
                rows: vec![Vec::new()],
                expected: None,
            });
        }
        self.store.write(writes, false)?;
        self.has_written = true;
        if table.is_events() {
            self.position = last;
        }
        Ok(())
    }

    /// All rows of a table were written.
    #[cfg_attr(
        not(feature = "nats"),
        allow(clippy::unused_self, clippy::unnecessary_wraps, unused_variables)
    )]
    pub(crate) fn end(&mut self, table: &Table) -> Result<(), Error> {
        #[cfg(feature = "nats")]
        if self.store.jetstream().is_some() {
            return jetstream::end(&mut self.store, table);
        }
        Ok(())
    }

    /// Lets applications open it.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.let_open()
    }

    fn let_open(&mut self) -> Result<(), Error> {
        #[cfg(feature = "nats")]
        if self.store.jetstream().is_some() {
            return jetstream::let_open(&mut self.store);
        }
        let writes = vec![version_is(&self.store, self.store.current_version())];
        self.store.write(writes, true)?;
        Ok(())
    }
}

/// Keeps applications out until the store is filled. It is a copy of the source, where there is one.
fn begin(store: &mut Store<'_>, source: Option<&str>) -> Result<(), Error> {
    #[cfg(feature = "nats")]
    if store.jetstream().is_some() {
        return jetstream::begin(store, source);
    }
    let mut writes = vec![version_is(store, -store.current_version())];
    writes.extend(source.map(|source| store_id_is(store, source)));
    Ok(store.write(writes, true)?)
}

fn one(sql: &str, values: Vec<Value>) -> Write {
    let params = values.iter().map(|value| match value {
        Value::Integer(_) => Param::Integer,
        Value::Bytes(_) => Param::Bytes,
        Value::Text(_) | Value::Null => Param::Text,
    });
    Write {
        sql: sql.to_owned(),
        params: params.collect(),
        rows: vec![values],
        expected: None,
    }
}

/// Opens a store with all tables, that is empty, or a beginning of the source. Says whether an application could open it
/// before.
fn open(
    place: &Place,
    source: Option<&str>,
    with_read_models: bool,
) -> Result<(Store<'static>, bool), Error> {
    #[cfg(feature = "nats")]
    if let Location::Nats(_) = place.location() {
        return jetstream::open(place, source);
    }
    let mut was_whole = false;
    if let Some(mut store) = open_if_there(place)? {
        admit(&mut store, source)?;
        was_whole = store.version()?.is_some_and(|version| version > 0);
        let mut has_all = true;
        for table in Table::all(with_read_models) {
            has_all = has_all && store.has(table.of, table.name)?;
        }
        if has_all {
            return Ok((store, was_whole));
        }
        if !was_whole {
            // The store's own crate opens it next.
            let writes = vec![version_is(&store, store.current_version())];
            store.write(writes, true)?;
        }
    }
    make_tables(place, with_read_models)?;
    let mut store = Store::connect(place, Access::Fill)?;
    lock(&mut store)?;
    admit(&mut store, source)?;
    Ok((store, was_whole))
}

/// The database, where it has the tables of a store. Nobody else fills it.
fn open_if_there(place: &Place) -> Result<Option<Store<'static>>, Error> {
    if let Location::Sqlite(path) = place.location() {
        if !Path::new(path).exists() {
            return Ok(None);
        }
    }
    let mut store = Store::connect(place, Access::Fill)?;
    lock(&mut store)?;
    let is_there = store.version()?.is_some();
    Ok(is_there.then_some(store))
}

/// Makes sure that it is empty, or a beginning of the source.
fn admit(store: &mut Store<'_>, source: Option<&str>) -> Result<(), Error> {
    let name = store.name.clone();
    let refused = |why: String| Error::cannot_open(name, why);
    let current = store.current_version();
    match store.version()? {
        Some(version) if version == current || version == -current => {}
        Some(version) => {
            return Err(refused(format!(
                "its tables have version {version}, and this program fills version {current}: open it with the \
                 application once, or use the `es` of its release"
            )));
        }
        None => return Err(refused("it has no tables of a store".to_owned())),
    }
    let id = id_of(store)?;
    if source.is_none_or(|source| id == source) {
        return Ok(());
    }
    for table in TABLES {
        let first = StoreRows::new(store, table, true).next()?;
        if first.is_some() {
            return Err(refused(format!(
                "it is another store than the source, and is not empty: `{}` has rows. Choose an empty one",
                table.name
            )));
        }
    }
    Ok(())
}

fn version_is(store: &Store<'_>, version: i64) -> Write {
    let sql = match store.dialect() {
        Dialect::Sqlite => "UPDATE {es_meta} SET value = $1 WHERE name = 'tables_version'",
        Dialect::Postgres => {
            "UPDATE {es_meta} SET value = ($1::bigint[])[1] WHERE name = 'tables_version'"
        }
    };
    one(sql, vec![version.into()])
}

fn store_id_is(store: &Store<'_>, id: &str) -> Write {
    let sql = match store.dialect() {
        Dialect::Sqlite => "UPDATE {es_meta} SET value = $1 WHERE name = 'store_id'",
        Dialect::Postgres => "UPDATE {store_id} SET id = (($1::text[])[1])::uuid",
    };
    one(sql, vec![id.into()])
}

/// One program at a time fills a database of PostgreSQL.
fn lock(store: &mut Store<'_>) -> Result<(), Error> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let schema = store.schema().to_owned();
    let query = Query::new("SELECT pg_try_advisory_lock(hashtextextended('es:' || $1, 0))::int")
        .with(schema.as_str());
    let got = store.first(&query)?.map_or(Ok(0), |row| row.integer(0))?;
    if got == 1 {
        return Ok(());
    }
    Err(Error::cannot_open(
        store.name.clone(),
        "another `es` is filling it".to_owned(),
    ))
}

fn last_position(store: &mut Store<'_>) -> Result<i64, Error> {
    let query = Query::new("SELECT coalesce(max(e.position), 0) FROM {events} e");
    Ok(store.first(&query)?.map_or(Ok(0), |row| row.integer(0))?)
}

/// Makes the tables that are missing, by the crates that own them.
fn make_tables(place: &Place, with_read_models: bool) -> Result<(), Error> {
    let failed = |why: String| Error::cannot_open("the target".to_owned(), why);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match place.location() {
        // The program cannot open one, or has opened it.
        Location::Nats(_) => Ok(()),
        Location::Sqlite(path) => runtime.block_on(async {
            let options = SqliteStore::options().reader_threads(1).all_tables(true);
            let store = options
                .open(path)
                .await
                .map_err(|e| failed(e.to_string()))?;
            let made = make_state(with_read_models, &store.read_database()).await;
            store.close().await;
            made.map_err(|error| failed(error.to_string()))
        }),
        Location::Postgres(text) => runtime.block_on(async {
            let options = postgres_options(place, text).map_err(failed)?;
            let store = options
                .open()
                .await
                .map_err(|error| failed(error.to_string()))?;
            let made = make_state(with_read_models, &store.read_database()).await;
            store.close().await;
            made.map_err(|error| failed(error.to_string()))
        }),
    }
}

async fn make_state(
    with_read_models: bool,
    read: &impl ReadDatabase,
) -> Result<(), TransactionError> {
    if with_read_models {
        create_state(read).await?;
    }
    Ok(())
}
