//! Whether a database has the tables of a store, and those that this program reads.

use crate::{Dialect, Error, Query, Store, Tables};
use es_record::being_filled;

/// The versions of the tables that this program reads.
const SQLITE: i64 = 2;
const POSTGRES: i64 = 4;
const READ_MODELS: i64 = 3;

/// The version of the tables that this program reads.
pub(crate) const fn current(dialect: Dialect) -> i64 {
    match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    }
}

/// Checks the versions, and looks for the tables that only some stores have.
pub(crate) fn check(store: &mut Store<'_>) -> Result<(), Error> {
    let name = store.name.clone();
    let refused = |why: String| Error::CannotOpen { store: name, why };
    let current = current(store.dialect());
    let version = version(store)?;
    if let Some(why) = version.and_then(being_filled) {
        return Err(refused(why.to_owned()));
    }
    match version {
        Some(version) if version == current => store.tables_version = version,
        Some(version) if version > current => {
            return Err(refused(format!(
                "its tables have version {version}, and this program reads version {current}; use a newer `es`"
            )));
        }
        Some(version) => {
            return Err(refused(format!(
                "its tables have version {version}, and this program reads version {current}. This program \
                 changes nothing: open the store with the application once, which migrates it"
            )));
        }
        None => {
            let (kind, what) = match store.dialect() {
                Dialect::Sqlite => ("file", String::new()),
                Dialect::Postgres => (
                    "database",
                    format!(
                        " in schema `{}`; --schema chooses another one",
                        store.schema()
                    ),
                ),
            };
            return Err(refused(format!(
                "this {kind} has no tables of a store{what}. Is it the {kind} that the application opens?"
            )));
        }
    }
    (store.has_unique_values, store.has_tags) = match store.dialect() {
        Dialect::Sqlite => (
            has_table(store, "es_unique_values")?,
            has_table(store, "es_tags")?,
        ),
        Dialect::Postgres => (true, true),
    };
    find_read_models(store)
}

/// The version of the store's tables, `None` where there are none.
pub(crate) fn version(store: &mut Store<'_>) -> Result<Option<i64>, Error> {
    let name = match store.dialect() {
        Dialect::Sqlite => "es_meta".to_owned(),
        Dialect::Postgres => store.names(Tables::Store).store.clone() + "es_meta",
    };
    if !has_table(store, &name)? {
        return Ok(None);
    }
    let found = store.first(&Query::new(
        "SELECT value FROM {es_meta} WHERE name = 'tables_version'",
    ));
    match found {
        Err(denied @ Error::CannotOpen { .. }) => Err(denied),
        // A table of this name that is another program's has other columns.
        found => Ok(found.ok().flatten().and_then(|row| row.integer(0).ok())),
    }
}

/// The version of the tables with the state of projections.
fn version_of_read_models(store: &mut Store<'_>) -> Result<Option<i64>, Error> {
    let names = store.names(Tables::ReadModels);
    let table = names.read.clone() + "es_projection_schema";
    let query = exists(names.dialect, &table);
    let found = store.read_page(&query, 1)?;
    if found.rows.is_empty() {
        return Ok(None);
    }
    let query = Query::new(&format!("SELECT max(version) FROM {table}"));
    let found = store.read_page(&query, 1)?;
    let version = found.rows.first().map(|row| row.maybe_integer(0));
    Ok(version.transpose()?.flatten())
}

fn find_read_models(store: &mut Store<'_>) -> Result<(), Error> {
    let version = match version_of_read_models(store) {
        Err(Error::CannotOpen { why, .. }) => {
            store.read_models_denied = Some(why);
            return Ok(());
        }
        version => version?,
    };
    match version {
        Some(READ_MODELS) => store.has_read_models = true,
        Some(other) => {
            return Err(Error::CannotOpen {
                store: store.name.clone(),
                why: format!(
                    "the state of its projections has version {other}, and this program reads version \
                     {READ_MODELS}; use the `es` of the application's release"
                ),
            });
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn exists(dialect: Dialect, table: &str) -> Query {
    match dialect {
        Dialect::Sqlite => {
            Query::new("SELECT 1 FROM sqlite_schema WHERE name = $1 COLLATE NOCASE").with(table)
        }
        Dialect::Postgres => Query::new("SELECT 1 WHERE to_regclass($1) IS NOT NULL").with(table),
    }
}

fn has_table(store: &mut Store<'_>, table: &str) -> Result<bool, Error> {
    let query = exists(store.dialect(), table);
    Ok(store.first(&query)?.is_some())
}
