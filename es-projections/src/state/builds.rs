//! Builds of a read model: their rows, their tables and their views.
//!
//! Whatever changes the builds of a read model locks its row in `es_projections` first.

use super::columns::{Columns, damaged};
use crate::api::{Names, ProjectionError, ReadDatabase, SqlTransaction, SqlValue};
use es_runtime::{Position, StorageError};

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
    pub(crate) tables: Vec<String>,
    /// The schema of the tables, in the form of [`Plan::definition`].
    pub(crate) definition: String,
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

pub(crate) const BUILDS: &str = "SELECT build, version, partitions, stage, tables, \
                                      definition FROM es_builds WHERE name = $1 AND stage <> 'retired' \
                                      ORDER BY build";

pub(crate) fn build(name: &str, row: Vec<SqlValue>) -> Result<Build, StorageError> {
    let mut columns = Columns::new(name, row);
    Ok(Build {
        number: columns.number()?,
        version: columns.number()?,
        partitions: columns.number()?,
        live: columns.text()? == "live",
        tables: columns
            .text()?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        definition: columns.text()?,
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
    /// Whether it is live from the beginning, because it has no tables to build.
    pub(crate) starts_live: bool,
    /// Where it begins.
    pub(crate) from: Position,
}

impl Plan {
    /// The schema without differences in white space.
    pub(crate) fn definition(&self) -> String {
        self.schema.split_whitespace().collect::<Vec<_>>().join(" ")
    }
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
    let names = Names::of_build(number);
    let schema_failed = |what: String| ProjectionError::Schema {
        projection: name,
        what,
    };
    let schema = names
        .expand(&plan.schema)
        .map_err(|error| schema_failed(error.to_string()))?;
    if let Some((other, table)) = taken_table(tx, plan).await.map_err(storage)? {
        let what = format!("table `{table}` belongs to projection `{other}`; give it another name");
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
    tx.script(&schema)
        .await
        .map_err(|error| refused("", error))?;
    let made = tables_of::<Db>(tx, &names, &plan.schema)
        .await
        .map_err(storage)?;
    if made.is_empty() && !plan.schema.trim().is_empty() {
        let what = "no table has its name in braces, as in `CREATE TABLE {orders} (..)`, so a new \
                    version could not be built next to this one";
        return Err(schema_failed(what.to_owned()));
    }
    // Each table will need a view of its plain name. A name that is taken should fail before the
    // build begins.
    let live = builds(tx, name).await.map_err(storage)?;
    let views = live.iter().filter(|build| build.live);
    let views: Vec<&String> = views.flat_map(|live| &live.tables).collect();
    for table in made.iter().filter(|table| !views.contains(table)) {
        let view = format!("{}; DROP VIEW {table}", view_of(table, &names));
        tx.script(&view).await.map_err(|error| {
            let what = format!("queries cannot use the name `{table}`, choose another: ");
            refused(&what, error)
        })?;
    }
    let definition = plan.definition();
    let stage = if plan.starts_live { "live" } else { "building" };
    let insert = format!(
        "INSERT INTO es_builds (name, build, version, partitions, stage, tables, \
         definition, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, {})",
        tx.dialect().now()
    );
    let values = [
        name.into(),
        number.into(),
        plan.version.into(),
        plan.partitions.into(),
        stage.into(),
        made.join(" ").into(),
        definition.as_str().into(),
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
    Ok(Build {
        number,
        version: plan.version,
        partitions: plan.partitions,
        live: plan.starts_live,
        tables: made,
        definition,
    })
}

/// The first table of the plan that belongs to another read model, and the name of that one.
async fn taken_table<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    plan: &Plan,
) -> Result<Option<(String, String)>, StorageError> {
    let declared = Names::declared(&plan.schema);
    let others = "SELECT name, tables FROM es_builds WHERE name <> $1 AND stage <> 'retired'";
    for row in tx.rows(others, &[plan.name.into()]).await? {
        let mut columns = Columns::new(plan.name, row);
        let (other, tables) = (columns.text()?, columns.text()?);
        let mut tables = tables.split_whitespace();
        if let Some(table) = tables.find(|&table| declared.iter().any(|name| name == table)) {
            return Ok(Some((other, table.to_owned())));
        }
    }
    Ok(None)
}

/// Those names of the schema that are tables. The others are indexes.
async fn tables_of<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    names: &Names,
    schema: &str,
) -> Result<Vec<String>, StorageError> {
    let select = tx.dialect().tables_ending_with();
    let rows = tx.rows(select, &[names.suffix().into()]).await?;
    let there: Vec<String> = rows
        .into_iter()
        .filter_map(|row| match row.into_iter().next() {
            Some(SqlValue::Text(name)) => Some(name),
            _ => None,
        })
        .collect();
    let mut declared = Names::declared(schema);
    declared.retain(|name| there.contains(&format!("{name}{}", names.suffix())));
    Ok(declared)
}

/// Drops the tables of a build and retires it.
pub(crate) async fn drop_build<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
    build: &Build,
) -> Result<(), StorageError> {
    let suffix = Names::of_build(build.number);
    for table in &build.tables {
        tx.script(&format!("DROP TABLE IF EXISTS {table}{}", suffix.suffix()))
            .await?;
    }
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
fn view_of(table: &str, names: &Names) -> String {
    let suffix = names.suffix();
    format!("CREATE VIEW {table} AS SELECT * FROM {table}{suffix}")
}

/// Makes `new` live in place of `old`.
pub(crate) async fn make_live<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    name: &str,
    old: Option<&Build>,
    new: &Build,
) -> Result<(), StorageError> {
    for table in old.iter().flat_map(|old| &old.tables) {
        tx.script(&format!("DROP VIEW IF EXISTS {table}")).await?;
    }
    let names = Names::of_build(new.number);
    for table in &new.tables {
        tx.script(&view_of(table, &names)).await?;
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
