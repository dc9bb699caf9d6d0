//! the projection state that the runner keeps in the read database: which build of a read model answers
//! queries, how far each partition of each build has come, who runs it, and what is parked.
//!
//! The statements stand here once for all databases. Whatever changes the builds of a read
//! model locks its row in `es_projections` first.

use super::{Names, ProjectionError, ReadDatabase, SqlTransaction, SqlValue};
use es_runtime::{EventId, Position, RecordedEvent, StorageError, StorageErrorKind, StreamId};
use std::borrow::Cow;

/// The version of the projection state that this program keeps.
const STATE_VERSION: i64 = 1;

/// The tables; statements that may run again.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS es_projection_schema (version BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS es_projections (
        name TEXT PRIMARY KEY NOT NULL,
        live BIGINT
    );
    CREATE TABLE IF NOT EXISTS es_builds (
        name       TEXT   NOT NULL,
        build BIGINT NOT NULL,
        version    BIGINT NOT NULL,
        partitions BIGINT NOT NULL,
        stage      TEXT   NOT NULL,
        tables     TEXT   NOT NULL,
        definition TEXT   NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (name, build)
    );
    CREATE TABLE IF NOT EXISTS es_checkpoints (
        name           TEXT   NOT NULL,
        build     BIGINT NOT NULL,
        partition           BIGINT NOT NULL,
        position       TEXT   NOT NULL,
        last_aggregate TEXT,
        last_id        TEXT,
        last_version   BIGINT,
        last_event     TEXT,
        last_recorded  BIGINT,
        epoch          BIGINT NOT NULL,
        owner          TEXT   NOT NULL,
        lease_until    BIGINT NOT NULL,
        events         BIGINT NOT NULL,
        parked         BIGINT NOT NULL,
        reason         TEXT,
        stall          TEXT,
        PRIMARY KEY (name, build, partition)
    );
    CREATE TABLE IF NOT EXISTS es_parked (
        name           TEXT   NOT NULL,
        build     BIGINT NOT NULL,
        partition           BIGINT NOT NULL,
        number         BIGINT NOT NULL,
        key            TEXT   NOT NULL,
        position       TEXT   NOT NULL,
        aggregate      TEXT   NOT NULL,
        aggregate_id   TEXT   NOT NULL,
        version        BIGINT NOT NULL,
        event_id       TEXT   NOT NULL,
        event          TEXT   NOT NULL,
        reason         TEXT   NOT NULL,
        attempts       BIGINT NOT NULL,
        parked_at      BIGINT NOT NULL,
        discarded_at   BIGINT,
        discarded_why  TEXT,
        PRIMARY KEY (name, build, partition, number)
    );
    CREATE INDEX IF NOT EXISTS es_parked_by_key ON es_parked (name, build, key);
";

/// One build of the tables of a read model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// Its number, 1 or more; never given out twice.
    pub number: u32,
    /// The version of the projection that builds it.
    pub version: u32,
    /// Into how many partitions its keys are divided.
    pub partitions: u32,
    /// Whether it answers queries; otherwise it is being built.
    pub live: bool,
    pub(crate) tables: Vec<String>,
    /// The schema that the tables were made from, as [`Plan::definition`] has it.
    pub(crate) definition: String,
}

/// One partition of one build: what has a checkpoint of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Partition {
    /// The projection.
    pub name: &'static str,
    /// The build.
    pub build: u32,
    /// The partition, from 0.
    pub partition: u32,
}

impl Partition {
    pub(crate) fn names(&self) -> Names {
        Names::of_build(self.build)
    }

    fn values(&self) -> [SqlValue; 3] {
        [self.name.into(), self.build.into(), self.partition.into()]
    }
}

/// The event that was handled last, to know the store again by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) event_id: EventId,
}

/// How far a partition has come, and who runs it.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) position: Position,
    pub(crate) last: Option<Last>,
    pub(crate) last_recorded: Option<i64>,
    pub(crate) epoch: i64,
    pub(crate) owner: String,
    pub(crate) lease_until: i64,
    pub(crate) events: u64,
    pub(crate) parked: u64,
    /// Why it stopped.
    pub(crate) reason: Option<String>,
    /// What its owner waits for.
    pub(crate) stall: Option<String>,
}

/// The owner of a partition that runs inside the appends of its store.
pub(crate) const INLINE: &str = "inline";

const CHECKPOINT: &str = "position, last_aggregate, last_id, last_version, last_event, \
                          last_recorded, epoch, owner, lease_until, events, parked, reason, stall";

fn damaged(name: &str, what: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Corrupt,
        format!("the projection state of projection `{name}`: {what}"),
    )
}

/// Reads the columns of one row in order.
pub(super) struct Columns<'n> {
    name: &'n str,
    values: std::vec::IntoIter<SqlValue>,
}

impl<'n> Columns<'n> {
    pub(super) fn new(name: &'n str, row: Vec<SqlValue>) -> Self {
        Self {
            name,
            values: row.into_iter(),
        }
    }

    pub(super) fn maybe_integer(&mut self) -> Result<Option<i64>, StorageError> {
        match self.values.next() {
            Some(SqlValue::Integer(value)) => Ok(Some(value)),
            Some(SqlValue::Null) => Ok(None),
            _ => Err(damaged(self.name, "a number is missing")),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, StorageError> {
        let found = self.maybe_integer()?;
        found.ok_or_else(|| damaged(self.name, "a number is missing"))
    }

    pub(super) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, StorageError> {
        N::try_from(self.integer()?).map_err(|_| damaged(self.name, "a number is out of range"))
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, StorageError> {
        match self.values.next() {
            Some(SqlValue::Text(value)) => Ok(Some(value)),
            Some(SqlValue::Null) => Ok(None),
            _ => Err(damaged(self.name, "a text is missing")),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, StorageError> {
        let found = self.maybe_text()?;
        found.ok_or_else(|| damaged(self.name, "a text is missing"))
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, StorageError> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| damaged(self.name, "a text does not have its form"))
    }

    pub(super) fn stream(&mut self) -> Result<StreamId, StorageError> {
        let (aggregate, id) = (self.text()?, self.text()?);
        StreamId::new(&aggregate, &id).map_err(|_| damaged(self.name, "a stream has no valid name"))
    }
}

pub(super) fn checkpoint(name: &str, row: Vec<SqlValue>) -> Result<Checkpoint, StorageError> {
    let mut columns = Columns::new(name, row);
    let position = columns.parsed()?;
    let last = match (
        columns.maybe_text()?,
        columns.maybe_text()?,
        columns.maybe_integer()?,
        columns.maybe_text()?,
    ) {
        (Some(aggregate), Some(id), Some(version), Some(event_id)) => Some(Last {
            stream: StreamId::new(&aggregate, &id)
                .map_err(|_| damaged(name, "a stream has no valid name"))?,
            version: u64::try_from(version)
                .map_err(|_| damaged(name, "a version is out of range"))?,
            event_id: event_id
                .parse()
                .map_err(|_| damaged(name, "an event id is not a UUID"))?,
        }),
        _ => None,
    };
    Ok(Checkpoint {
        position,
        last,
        last_recorded: columns.maybe_integer()?,
        epoch: columns.integer()?,
        owner: columns.text()?,
        lease_until: columns.integer()?,
        events: columns.number()?,
        parked: columns.number()?,
        reason: columns.maybe_text()?,
        stall: columns.maybe_text()?,
    })
}

pub(crate) async fn create<Db: ReadDatabase>(tx: &mut Db::Transaction) -> Result<(), StorageError> {
    // `IF NOT EXISTS` is no protection against another one who makes the same table just now.
    let alone = tx.dialect().create_tables_alone();
    tx.script(alone).await?;
    let select = tx.dialect().tables_ending_with();
    let old = tx.rows(select, &["es_books".into()]).await?;
    if !old.is_empty() {
        return Err(StorageError::new(
            StorageErrorKind::Version,
            "its projections were built before the first release of this library (it has a table \
             `es_books`), and there is no migration from them; use a new database, or drop the \
             tables whose names begin with `es_` and those of the read models",
        ));
    }
    tx.script(SCHEMA).await?;
    let found = tx
        .rows("SELECT max(version) FROM es_projection_schema", &[])
        .await?;
    let row = found.into_iter().next().unwrap_or_default();
    match Columns::new("", row).maybe_integer()? {
        Some(version) if version > STATE_VERSION => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the state of its projections has version {version}, this program knows up to \
                 version {STATE_VERSION}"
            ),
        )),
        Some(_) => Ok(()),
        None => tx
            .statement(
                "INSERT INTO es_projection_schema VALUES ($1)",
                &[STATE_VERSION.into()],
            )
            .await
            .map(|_| ()),
    }
}

/// Locks the read model's row, and makes it where it is missing.
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

pub(super) const BUILDS: &str = "SELECT build, version, partitions, stage, tables, \
                                      definition FROM es_builds WHERE name = $1 AND stage <> 'retired' \
                                      ORDER BY build";

pub(super) fn build(name: &str, row: Vec<SqlValue>) -> Result<Build, StorageError> {
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

/// What a new build is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) partitions: u32,
    pub(crate) schema: String,
    /// Whether it is live at once: it has no tables that could be half built.
    pub(crate) at_once: bool,
    /// Where it begins.
    pub(crate) from: Position,
}

impl Plan {
    /// The schema without what makes no difference: how it is broken into lines.
    pub(crate) fn definition(&self) -> String {
        self.schema.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Makes the tables and checkpoints of a new build.
pub(crate) async fn create_generation<Db: ReadDatabase>(
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
    // What would go well on another try says nothing of the schema.
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
        let what = "none of them has its name in braces, as in `CREATE TABLE {orders} (..)`, so a \
                    new version could not be built beside this one";
        return Err(schema_failed(what.to_owned()));
    }
    // Each table needs a view of its plain name in the end; better said before it is built.
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
    let stage = if plan.at_once { "live" } else { "building" };
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
        live: plan.at_once,
        tables: made,
        definition,
    })
}

/// A table of the plan's that another read model has, and which one that is.
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

/// The names that the schema declares and that are tables; others are indexes.
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

/// Takes a build away, with its tables.
pub(crate) async fn drop_generation<T: SqlTransaction + ?Sized>(
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

/// The view through which queries ask one build.
fn view_of(table: &str, names: &Names) -> String {
    let suffix = names.suffix();
    format!("CREATE VIEW {table} AS SELECT * FROM {table}{suffix}")
}

/// Lets `new` answer the queries, in the place of `old`.
pub(crate) async fn swap<T: SqlTransaction + ?Sized>(
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
        Some(old) => drop_generation(tx, name, old).await,
        None => Ok(()),
    }
}

/// The checkpoint of a partition, locked; `None` when the build is gone.
pub(crate) async fn lock_checkpoint<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
) -> Result<Option<Checkpoint>, StorageError> {
    let select = format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND build = $2 AND partition = \
         $3{}",
        tx.dialect().for_update()
    );
    let rows = tx.rows(&select, &partition.values()).await?;
    rows.into_iter()
        .next()
        .map(|row| checkpoint(partition.name, row))
        .transpose()
}

/// The checkpoints of a build, by partition.
pub(super) fn checkpoints_sql() -> String {
    format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND build = $2 ORDER BY partition"
    )
}

/// Makes `owner` the one that runs the partition: with a new epoch, what an earlier owner still has in
/// its hands is refused.
pub(crate) async fn acquire<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    epoch: i64,
    owner: &str,
    lease_ms: i64,
) -> Result<(), StorageError> {
    let update = format!(
        "UPDATE es_checkpoints SET epoch = $1, owner = $2, lease_until = {} + $3, reason = NULL, stall = NULL \
         WHERE name = $4 AND build = $5 AND partition = $6",
        tx.dialect().now()
    );
    let [name, build, number] = partition.values();
    let values = [
        epoch.into(),
        owner.into(),
        lease_ms.into(),
        name,
        build,
        number,
    ];
    tx.statement(&update, &values).await.map(|_| ())
}

/// What an owner has to say of its partition.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    Nothing,
    /// What it said last.
    AsBefore,
    Stopped(String),
    Waits(String),
}

/// Gives the partition back before the lease ends, or keeps it longer; with why it stopped. Does nothing
/// for a partition that is another's by now.
pub(crate) async fn renew<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    epoch: i64,
    lease_ms: i64,
    why: &Why,
) -> Result<bool, StorageError> {
    let mut update = Update::new(
        &format!("lease_until = {} + ", tx.dialect().now()),
        lease_ms.into(),
    );
    let said = match why {
        Why::AsBefore => None,
        Why::Nothing => Some((SqlValue::Null, SqlValue::Null)),
        Why::Stopped(why) => Some((told(why), SqlValue::Null)),
        Why::Waits(why) => Some((SqlValue::Null, told(why))),
    };
    if let Some((reason, stall)) = said {
        update.set("reason = ", reason);
        update.set("stall = ", stall);
    }
    update.which(partition);
    update.and("epoch = ", epoch.into());
    let Update { sql, values } = update;
    Ok(tx.statement(&sql, &values).await? == 1)
}

/// The move of a checkpoint.
pub(crate) struct Advance<'a> {
    pub(crate) partition: &'a Partition,
    pub(crate) epoch: i64,
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) last: Option<&'a RecordedEvent>,
    pub(crate) handled: u64,
    pub(crate) parked: u64,
    pub(crate) lease_ms: i64,
}

/// Moves the checkpoint, if it stands where it should and the epoch is still the owner's.
pub(crate) async fn advance<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    advance: &Advance<'_>,
) -> Result<bool, StorageError> {
    let mut update = Update::moving(advance.to, advance.handled, advance.last);
    update.set("parked = parked + ", count(advance.parked));
    update.set(
        &format!("lease_until = {} + ", tx.dialect().now()),
        advance.lease_ms.into(),
    );
    update.which(advance.partition);
    // The fence: an owner that was replaced, or one that slept, changes no row here.
    update.and("epoch = ", advance.epoch.into());
    update.and("position = ", advance.from.to_string().into());
    let Update { sql, values } = update;
    Ok(tx.statement(&sql, &values).await? == 1)
}

/// Moves the checkpoint of a partition that runs inside appends: their order is its order.
pub(crate) async fn note<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    to: Position,
    handled: u64,
    last: Option<&RecordedEvent>,
) -> Result<(), StorageError> {
    let mut update = Update::moving(to, handled, last);
    update.which(partition);
    let Update { sql, values } = update;
    tx.statement(&sql, &values).await.map(|_| ())
}

fn count(n: u64) -> SqlValue {
    SqlValue::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A statement that changes a checkpoint.
struct Update {
    sql: String,
    values: Vec<SqlValue>,
}

impl Update {
    fn new(what: &str, value: SqlValue) -> Self {
        let mut update = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        update.push("UPDATE es_checkpoints SET ", what, value);
        update
    }

    /// Moves it, so that it neither stands still nor has stopped.
    fn moving(to: Position, handled: u64, last: Option<&RecordedEvent>) -> Self {
        let mut update = Self::new("position = ", to.to_string().into());
        update.sql.push_str(", reason = NULL, stall = NULL");
        update.set("events = events + ", count(handled));
        if let Some(event) = last {
            update.set("last_aggregate = ", event.stream.aggregate().into());
            update.set("last_id = ", event.stream.id().into());
            update.set("last_version = ", count(event.version));
            update.set("last_event = ", event.event_id.to_string().into());
            let recorded = event.recorded_at.unix_micros().div_euclid(1000);
            update.set("last_recorded = ", recorded.into());
        }
        update
    }

    fn push(&mut self, between: &str, what: &str, value: SqlValue) {
        self.values.push(value);
        let number = self.values.len();
        self.sql.extend([between, what, "$", &number.to_string()]);
    }

    fn set(&mut self, what: &str, value: SqlValue) {
        self.push(", ", what, value);
    }

    fn which(&mut self, partition: &Partition) {
        let [name, build, number] = partition.values();
        self.push(" WHERE ", "name = ", name);
        self.and("build = ", build);
        self.and("partition = ", number);
    }

    fn and(&mut self, what: &str, value: SqlValue) {
        self.push(" AND ", what, value);
    }
}

/// What somebody said, in a form that every database takes: PostgreSQL has no place for NUL, and nobody
/// reads more than a page.
pub(super) fn told(text: &str) -> SqlValue {
    const LONGEST: usize = 4_000;
    let text = text.chars().take(LONGEST);
    let visible = |c| {
        if c == '\0' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    SqlValue::Text(text.map(visible).collect())
}

/// The key as it stands in the projection state. One with a NUL, or longer than an index takes, is its beginning
/// and a digest of the whole; what comes out goes in again unchanged.
pub(crate) fn key_in_books(key: &str) -> Cow<'_, str> {
    const LONGEST: usize = 1_000;
    const BEGINNING: usize = 100;
    if key.len() <= LONGEST && !key.contains('\0') {
        return Cow::Borrowed(key);
    }
    let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, key.as_bytes());
    let beginning = key.chars().take(BEGINNING);
    let beginning: String = beginning.filter(|c| !c.is_control()).collect();
    Cow::Owned(format!("{beginning}..#{digest}"))
}

/// Whether events of this key are parked.
pub(crate) async fn is_parked<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    partition: &Partition,
    key: &str,
) -> Result<bool, StorageError> {
    let rows = tx
        .rows(
            "SELECT 1 FROM es_parked WHERE name = $1 AND build = $2 AND key = $3 AND \
             discarded_at IS NULL LIMIT 1",
            &[
                partition.name.into(),
                partition.build.into(),
                key_in_books(key).as_ref().into(),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Parks an event behind those of its key.
pub(crate) async fn park<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    key: &str,
    event: &RecordedEvent,
    reason: &str,
    attempts: u32,
) -> Result<(), StorageError> {
    let insert = format!(
        "INSERT INTO es_parked (name, build, partition, number, key, position, aggregate, \
         aggregate_id, version, event_id, event, reason, attempts, parked_at) \
         SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         {} FROM es_parked WHERE name = $1 AND build = $2 AND partition = $3",
        tx.dialect().now()
    );
    let [name, build, number] = partition.values();
    let values = [
        name,
        build,
        number,
        key_in_books(key).as_ref().into(),
        event.position.to_string().into(),
        event.stream.aggregate().into(),
        event.stream.id().into(),
        count(event.version),
        event.event_id.to_string().into(),
        (&*event.name).into(),
        told(reason),
        attempts.into(),
    ];
    tx.statement(&insert, &values).await.map(|_| ())
}

/// The database's clock.
pub(crate) async fn now<Db: ReadDatabase>(tx: &mut Db::Transaction) -> Result<i64, StorageError> {
    let select = format!("SELECT {}", tx.dialect().now());
    let rows = tx.rows(&select, &[]).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    Columns::new("", row).integer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_form_in_the_books() {
        for plain in ["", "order/4711", &"k".repeat(1_000)] {
            assert_eq!(key_in_books(plain), plain);
        }
        let long = "k".repeat(1_001);
        let strange = ["a\0b", "a\0c", "ab", &long, &format!("{long}k")];
        let forms: Vec<_> = strange.iter().map(|key| key_in_books(key)).collect();
        for (number, form) in forms.iter().enumerate() {
            assert!(form.len() < 600 && !form.contains('\0'), "{form}");
            assert_eq!(key_in_books(form), *form, "once is enough");
            assert!(!forms[..number].contains(form), "{form}");
        }
    }
}
