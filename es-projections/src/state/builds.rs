//! Builds of a read model: their rows, their tables and their views.
//!
//! Whatever changes the builds of a read model locks its row in `es_projections` first.

use super::columns::{Columns, damaged};
use crate::api::{
    Dialect, Names, ProjectionError, ReadDatabase, SqlTransaction, SqlValue,
    schema::{self, Created},
    suffix_of,
};
use es_runtime::{EventFilter, Position, StorageError};
use std::collections::BTreeSet;

/// One build of the tables of a read model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// Its number, 1 or more. No number is used twice.
    pub number: u32,
    /// The version of the projection that builds it.
    pub version: u32,
    /// The number of partitions into which its keys are divided.
    pub partitions: u32,
    /// Whether it is live, that is, answers queries. Otherwise it is being built.
    pub live: bool,
    /// The schema of the tables, in the form of [`schema::definition`].
    pub(crate) definition: String,
    /// The stored names of its events, in the form of [`listed`].
    pub(crate) events: String,
    /// The id of the store whose events it has, if that store has one.
    pub(crate) store: Option<String>,
}

impl Build {
    /// The names of its tables or views that its schema declares.
    fn declared(&self, dialect: Dialect, created: Created) -> Vec<&str> {
        schema::declarations(dialect, &self.definition)
            .filter(|found| found.created == created)
            .map(|found| found.name)
            .collect()
    }

    /// The real names of its tables.
    pub(crate) fn tables(&self, dialect: Dialect) -> Vec<String> {
        self.real(dialect, Created::Table)
    }

    /// The real names of its views.
    fn views(&self, dialect: Dialect) -> Vec<String> {
        self.real(dialect, Created::View)
    }

    fn real(&self, dialect: Dialect, created: Created) -> Vec<String> {
        let suffix = suffix_of(self.number);
        let names = self.declared(dialect, created).into_iter();
        names.map(|name| format!("{name}{suffix}")).collect()
    }

    /// What can be queried: its tables and views.
    fn queried(&self, dialect: Dialect) -> Vec<&str> {
        let mut names = self.declared(dialect, Created::Table);
        names.extend(self.declared(dialect, Created::View));
        names
    }
}

/// Locks the row of the read model, and inserts it if it is missing.
pub(crate) async fn lock_model<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    name: &str,
) -> Result<(), StorageError> {
    tx.statement(
        "INSERT INTO es_projections (name, live) VALUES ($1, NULL) ON CONFLICT (name) DO NOTHING",
        &[name.into()],
    )
    .await?;
    let lock = format!(
        "SELECT live FROM es_projections WHERE name = $1{}",
        tx.dialect().for_update()
    );
    tx.rows(&lock, &[name.into()]).await.map(|_| ())
}

pub(crate) const BUILDS: &str = "SELECT build, version, partitions, stage, \
                                      definition, events, store FROM es_builds WHERE name = $1 AND stage <> 'retired' \
                                      ORDER BY build";

pub(crate) fn build(name: &str, row: Vec<SqlValue>) -> Result<Build, StorageError> {
    let mut columns = Columns::new(name, row);
    Ok(Build {
        number: columns.number()?,
        version: columns.number()?,
        partitions: columns.number()?,
        live: columns.text()? == "live",
        definition: columns.text()?,
        events: columns.text()?,
        store: columns.maybe_text()?,
    })
}

/// The builds that are live or being built, oldest first.
pub(crate) async fn builds<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
) -> Result<Vec<Build>, StorageError> {
    let rows = tx.rows(BUILDS, &[name.into()]).await?;
    rows.into_iter().map(|row| build(name, row)).collect()
}

/// What a new build needs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) partitions: u32,
    pub(crate) schema: String,
    /// The stored names of its events, in the form of [`listed`].
    pub(crate) events: String,
    /// Whether it is live from the beginning, because it has no tables to build.
    pub(crate) starts_live: bool,
    /// Where it begins.
    pub(crate) from: Position,
    /// The id of the store, if it has one.
    pub(crate) store: Option<String>,
}

/// The stored names that a reader of the feed gets, as one text that can be compared.
pub(crate) fn listed(filter: &EventFilter) -> String {
    filter
        .as_names()
        .map_or_else(|| "*".to_owned(), |names| names.join(", "))
}

/// Makes the tables and checkpoints of a new build.
pub(crate) async fn create_build<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
) -> Result<Build, ProjectionError> {
    let Plan { name, .. } = *plan;
    let storage = |error| ProjectionError::storage(name, error);
    let newest = tx
        .rows(
            "SELECT max(build) FROM es_builds WHERE name = $1",
            &[name.into()],
        )
        .await
        .map_err(storage)?;
    let newest = match newest.into_iter().next() {
        Some(row) => Columns::new(name, row).maybe_integer().map_err(storage)?,
        None => None,
    };
    let number = newest
        .unwrap_or(0)
        .checked_add(1)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| storage(damaged(name, "there are too many builds")))?;
    let dialect = tx.dialect();
    let new = Build {
        number,
        version: plan.version,
        partitions: plan.partitions,
        live: plan.starts_live,
        definition: schema::definition(dialect, &plan.schema),
        events: plan.events.clone(),
        store: plan.store.clone(),
    };
    create_tables::<Db>(tx, plan, &new).await?;
    let stage = if plan.starts_live { "live" } else { "building" };
    let insert = format!(
        "INSERT INTO es_builds (name, build, version, partitions, stage, definition, events, \
         store, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {})",
        dialect.now()
    );
    let values = [
        name.into(),
        number.into(),
        plan.version.into(),
        plan.partitions.into(),
        stage.into(),
        new.definition.as_str().into(),
        new.events.as_str().into(),
        new.store.clone().into(),
    ];
    tx.statement(&insert, &values).await.map_err(storage)?;
    for partition in 0..plan.partitions {
        tx.statement(
            "INSERT INTO es_checkpoints (name, build, partition, position, epoch, owner, \
             lease_until, events, parked) VALUES ($1, $2, $3, $4, 0, '', 0, 0, 0)",
            &[
                name.into(),
                number.into(),
                partition.into(),
                plan.from.to_string().into(),
            ],
        )
        .await
        .map_err(storage)?;
    }
    Ok(new)
}

/// Goes on with a subscription under a newer version: its positions and parked events stay, and it gets
/// the events of the new list. They move to a new build, so no program of the older version finds
/// them.
pub(crate) async fn renew_subscription<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    plan: &Plan,
    build: &mut Build,
) -> Result<(), StorageError> {
    let old = build.number;
    let new = old
        .checked_add(1)
        .ok_or_else(|| damaged(plan.name, "there are too many builds"))?;
    let which: [SqlValue; 3] = [new.into(), plan.name.into(), old.into()];
    for update in [
        "UPDATE es_checkpoints SET build = $1, owner = '', lease_until = 0 \
         WHERE name = $2 AND build = $3",
        "UPDATE es_parked SET build = $1 WHERE name = $2 AND build = $3",
    ] {
        tx.statement(update, &which).await?;
    }
    let [new_number, name, old_number] = which;
    let (version, events) = (plan.version.into(), plan.events.as_str().into());
    tx.statement(
        "UPDATE es_builds SET build = $1, version = $2, events = $3 WHERE name = $4 AND build = $5",
        &[new_number, version, events, name, old_number],
    )
    .await?;
    build.number = new;
    build.version = plan.version;
    build.events.clone_from(&plan.events);
    Ok(())
}

/// Runs the statements of the schema for a new build, and checks what it will need later.
async fn create_tables<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
    new: &Build,
) -> Result<(), ProjectionError> {
    let Plan { name, .. } = *plan;
    let storage = |error| ProjectionError::storage(name, error);
    let dialect = tx.dialect();
    let schema_failed = |what: String| ProjectionError::Schema {
        projection: name,
        what,
    };
    schema::check(dialect, &plan.schema).map_err(schema_failed)?;
    let declared = schema::declared(dialect, &plan.schema);
    let names = Names::declared_in(new.number, declared);
    let statements = names
        .expand(dialect, &plan.schema)
        .map_err(|error| schema_failed(error.to_string()))?;
    if let Some((other, taken)) = taken_name(tx, name, new).await.map_err(storage)? {
        let what = format!("the name `{taken}` belongs to projection `{other}`; choose another");
        return Err(schema_failed(what));
    }
    // A transient error says nothing about the schema.
    let refused = |what: &str, error: StorageError| {
        if error.kind.is_transient() {
            storage(error)
        } else {
            schema_failed(format!("{what}{error}"))
        }
    };
    tx.script(&statements)
        .await
        .map_err(|error| refused("", error))?;
    let queried = new.queried(dialect);
    if queried.is_empty() && !new.definition.is_empty() {
        let what = "no table has its name in braces, as in `CREATE TABLE {orders} (..)`, so a new \
                    version could not be built next to this one";
        return Err(schema_failed(what.to_owned()));
    }
    let there = relations_of(tx, new.number).await.map_err(storage)?;
    if let Some(missing) = queried.iter().find(|name| !there.contains(**name)) {
        let what = format!("its statements did not create `{missing}` where read models are");
        return Err(schema_failed(what));
    }
    // Each table will need a view of its plain name. A name that is taken should fail before the
    // build begins.
    let found = builds(tx, name).await.map_err(storage)?;
    let live = found.iter().find(|build| build.live);
    let views = live.map_or_else(Vec::new, |live| live.queried(dialect));
    for table in queried.iter().filter(|table| !views.contains(table)) {
        let view = format!("{}; DROP VIEW {table}", view_of(table, new.number));
        tx.script(&view).await.map_err(|error| {
            let what = format!("queries cannot use the name `{table}`, choose another: ");
            refused(&what, error)
        })?;
    }
    Ok(())
}

/// A name that the build declares and another read model has, and the name of that one.
async fn taken_name<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
    new: &Build,
) -> Result<Option<(String, String)>, StorageError> {
    let dialect = tx.dialect();
    let declared = schema::declared(dialect, &new.definition);
    let others = "SELECT name, definition FROM es_builds WHERE name <> $1 AND stage <> 'retired'";
    for row in tx.rows(others, &[name.into()]).await? {
        let mut columns = Columns::new(name, row);
        let (other, definition) = (columns.text()?, columns.text()?);
        let theirs = schema::declared(dialect, &definition);
        if let Some(taken) = declared.intersection(&theirs).next() {
            return Ok(Some((other, taken.clone())));
        }
    }
    Ok(None)
}

/// The plain names of the tables and views of builds with this number.
async fn relations_of<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    build: u32,
) -> Result<BTreeSet<String>, StorageError> {
    let select = tx.dialect().relations_ending_with();
    let suffix = suffix_of(build);
    let rows = tx.rows(select, &[suffix.as_str().into()]).await?;
    let plain = rows
        .into_iter()
        .filter_map(|row| match row.into_iter().next() {
            Some(SqlValue::Text(name)) => name.strip_suffix(&suffix).map(str::to_owned),
            _ => None,
        });
    Ok(plain.collect())
}

/// The statements that drop the tables and views of a build. Tables may refer to each other, also in
/// a circle, and views to tables and to other views.
fn drop_objects(dialect: Dialect, build: &Build) -> String {
    let (views, tables) = (build.views(dialect), build.tables(dialect));
    let mut sql = Vec::new();
    match dialect {
        // One statement sees the references among what it drops.
        Dialect::Postgres => {
            for (kind, names) in [("VIEW", views), ("TABLE", tables)] {
                if !names.is_empty() {
                    sql.push(format!("DROP {kind} IF EXISTS {}", names.join(", ")));
                }
            }
        }
        // Dropping a table deletes its rows first. Until all tables are gone, other rows may refer to
        // them.
        Dialect::Sqlite => {
            sql.push("PRAGMA defer_foreign_keys = ON".to_owned());
            sql.extend(
                views
                    .iter()
                    .map(|view| format!("DROP VIEW IF EXISTS {view}")),
            );
            sql.extend(
                tables
                    .iter()
                    .map(|table| format!("DROP TABLE IF EXISTS {table}")),
            );
            sql.push("PRAGMA defer_foreign_keys = OFF".to_owned());
        }
    }
    sql.join("; ")
}

/// Drops the tables and views of a build and retires it.
pub(crate) async fn drop_build<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
    build: &Build,
) -> Result<(), StorageError> {
    tx.script(&drop_objects(tx.dialect(), build)).await?;
    let which = [name.into(), build.number.into()];
    tx.statement(
        "UPDATE es_builds SET stage = 'retired' WHERE name = $1 AND build = $2",
        &which,
    )
    .await?;
    tx.statement(
        "DELETE FROM es_parked WHERE name = $1 AND build = $2",
        &which,
    )
    .await?;
    tx.statement(
        "DELETE FROM es_checkpoints WHERE name = $1 AND build = $2",
        &which,
    )
    .await
    .map(|_| ())
}

/// The view through which queries read a build.
fn view_of(table: &str, build: u32) -> String {
    let suffix = suffix_of(build);
    format!("CREATE VIEW {table} AS SELECT * FROM {table}{suffix}")
}

/// Makes `new` live in place of `old`.
pub(crate) async fn make_live<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
    old: Option<&Build>,
    new: &Build,
) -> Result<(), StorageError> {
    let dialect = tx.dialect();
    for table in old.iter().flat_map(|old| old.queried(dialect)) {
        tx.script(&format!("DROP VIEW IF EXISTS {table}")).await?;
    }
    for table in new.queried(dialect) {
        tx.script(&view_of(table, new.number)).await?;
    }
    tx.statement(
        "UPDATE es_builds SET stage = 'live' WHERE name = $1 AND build = $2",
        &[name.into(), new.number.into()],
    )
    .await?;
    tx.statement(
        "UPDATE es_projections SET live = $1 WHERE name = $2",
        &[new.number.into(), name.into()],
    )
    .await?;
    match old {
        Some(old) => drop_build(tx, name, old).await,
        None => Ok(()),
    }
}
