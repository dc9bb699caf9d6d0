//! The books that the runner keeps in the read database: which generation of a read model answers
//! queries, how far each slot of each generation has come, who runs it, and what is parked.
//!
//! The statements stand here once for all databases. Whatever changes the generations of a read
//! model locks its row in `es_read_models` first.

use super::{Names, ProjectionError, ReadDatabase, SqlTransaction, SqlValue};
use crate::{EventId, Position, RecordedEvent, StorageError, StorageErrorKind, StreamId};
use std::borrow::Cow;

/// The version of the books that this program keeps.
const BOOKS: i64 = 1;

/// The tables; statements that may run again.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS es_books (version BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS es_read_models (
        name TEXT PRIMARY KEY NOT NULL,
        live BIGINT
    );
    CREATE TABLE IF NOT EXISTS es_generations (
        name       TEXT   NOT NULL,
        generation BIGINT NOT NULL,
        version    BIGINT NOT NULL,
        partitions BIGINT NOT NULL,
        stage      TEXT   NOT NULL,
        tables     TEXT   NOT NULL,
        definition TEXT   NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (name, generation)
    );
    CREATE TABLE IF NOT EXISTS es_checkpoints (
        name           TEXT   NOT NULL,
        generation     BIGINT NOT NULL,
        slot           BIGINT NOT NULL,
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
        PRIMARY KEY (name, generation, slot)
    );
    CREATE TABLE IF NOT EXISTS es_parked (
        name           TEXT   NOT NULL,
        generation     BIGINT NOT NULL,
        slot           BIGINT NOT NULL,
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
        PRIMARY KEY (name, generation, slot, number)
    );
    CREATE INDEX IF NOT EXISTS es_parked_by_key ON es_parked (name, generation, key);
";

/// One build of the tables of a read model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its number, 1 or more; never given out twice.
    pub number: u32,
    /// The version of the projection that builds it.
    pub version: u32,
    /// Into how many slots its keys are divided.
    pub partitions: u32,
    /// Whether it answers queries; otherwise it is being built.
    pub live: bool,
    pub(crate) tables: Vec<String>,
    /// The schema that the tables were made from, as [`Plan::definition`] has it.
    pub(crate) definition: String,
}

/// One slot of one generation: what has a checkpoint of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Slot {
    /// The projection.
    pub name: &'static str,
    /// The generation.
    pub generation: u32,
    /// The slot, from 0.
    pub slot: u32,
}

impl Slot {
    pub(crate) fn names(&self) -> Names {
        Names::of_generation(self.generation)
    }

    fn values(&self) -> [SqlValue; 3] {
        [self.name.into(), self.generation.into(), self.slot.into()]
    }
}

/// The event that was handled last, to know the store again by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) event_id: EventId,
}

/// How far a slot has come, and who runs it.
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

/// The owner of a slot that runs inside the appends of its store.
pub(crate) const INLINE: &str = "inline";

const CHECKPOINT: &str = "position, last_aggregate, last_id, last_version, last_event, \
                          last_recorded, epoch, owner, lease_until, events, parked, reason, stall";

fn damaged(name: &str, what: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Corrupt,
        format!("the books of projection `{name}`: {what}"),
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
    tx.script(Db::ALONE).await?;
    tx.script(SCHEMA).await?;
    let found = tx.rows("SELECT max(version) FROM es_books", &[]).await?;
    let row = found.into_iter().next().unwrap_or_default();
    match Columns::new("", row).maybe_integer()? {
        Some(version) if version > BOOKS => Err(StorageError::new(
            StorageErrorKind::Version,
            format!(
                "the books of its projections have version {version}, this program knows up to \
                 version {BOOKS}"
            ),
        )),
        Some(_) => Ok(()),
        None => tx
            .statement("INSERT INTO es_books VALUES ($1)", &[BOOKS.into()])
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
        "INSERT INTO es_read_models (name, live) VALUES ($1, NULL) ON CONFLICT (name) DO NOTHING",
        &[name.into()],
    )
    .await?;
    let lock = format!(
        "SELECT live FROM es_read_models WHERE name = $1{}",
        Db::FOR_UPDATE
    );
    tx.rows(&lock, &[name.into()]).await.map(|_| ())
}

pub(super) const GENERATIONS: &str = "SELECT generation, version, partitions, stage, tables, \
                                      definition FROM es_generations WHERE name = $1 AND stage <> 'retired' \
                                      ORDER BY generation";

pub(super) fn generation(name: &str, row: Vec<SqlValue>) -> Result<Generation, StorageError> {
    let mut columns = Columns::new(name, row);
    Ok(Generation {
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

/// The generations that are live or being built, oldest first.
pub(crate) async fn generations<T: SqlTransaction>(
    tx: &mut T,
    name: &str,
) -> Result<Vec<Generation>, StorageError> {
    let rows = tx.rows(GENERATIONS, &[name.into()]).await?;
    rows.into_iter().map(|row| generation(name, row)).collect()
}

/// What a new generation is made of.
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

/// Makes the tables and checkpoints of a new generation.
pub(crate) async fn create_generation<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    plan: &Plan,
) -> Result<Generation, ProjectionError> {
    let Plan { name, .. } = *plan;
    let storage = |error| ProjectionError::storage(name, error);
    let newest = tx
        .rows(
            "SELECT max(generation) FROM es_generations WHERE name = $1",
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
        .ok_or_else(|| storage(damaged(name, "there are too many generations")))?;
    let names = Names::of_generation(number);
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
    let live = generations(tx, name).await.map_err(storage)?;
    let views = live.iter().filter(|generation| generation.live);
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
        "INSERT INTO es_generations (name, generation, version, partitions, stage, tables, \
         definition, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, {})",
        Db::NOW
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
    for slot in 0..plan.partitions {
        tx.statement(
            "INSERT INTO es_checkpoints (name, generation, slot, position, epoch, owner, \
             lease_until, events, parked) VALUES ($1, $2, $3, $4, 0, '', 0, 0, 0)",
            &[
                name.into(),
                number.into(),
                slot.into(),
                plan.from.to_string().into(),
            ],
        )
        .await
        .map_err(storage)?;
    }
    Ok(Generation {
        number,
        version: plan.version,
        partitions: plan.partitions,
        live: plan.at_once,
        tables: made,
        definition,
    })
}

/// A table of the plan's that another read model has, and which one that is.
async fn taken_table<T: SqlTransaction>(
    tx: &mut T,
    plan: &Plan,
) -> Result<Option<(String, String)>, StorageError> {
    let declared = Names::declared(&plan.schema);
    let others = "SELECT name, tables FROM es_generations WHERE name <> $1 AND stage <> 'retired'";
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
    let rows = tx
        .rows(Db::TABLES_ENDING_WITH, &[names.suffix().into()])
        .await?;
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

/// Takes a generation away, with its tables.
pub(crate) async fn drop_generation<T: SqlTransaction>(
    tx: &mut T,
    name: &str,
    generation: &Generation,
) -> Result<(), StorageError> {
    let suffix = Names::of_generation(generation.number);
    for table in &generation.tables {
        tx.script(&format!("DROP TABLE IF EXISTS {table}{}", suffix.suffix()))
            .await?;
    }
    let which = [name.into(), generation.number.into()];
    tx.statement(
        "UPDATE es_generations SET stage = 'retired' WHERE name = $1 AND generation = $2",
        &which,
    )
    .await?;
    tx.statement(
        "DELETE FROM es_parked WHERE name = $1 AND generation = $2",
        &which,
    )
    .await?;
    tx.statement(
        "DELETE FROM es_checkpoints WHERE name = $1 AND generation = $2",
        &which,
    )
    .await
    .map(|_| ())
}

/// The view through which queries ask one generation.
fn view_of(table: &str, names: &Names) -> String {
    let suffix = names.suffix();
    format!("CREATE VIEW {table} AS SELECT * FROM {table}{suffix}")
}

/// Lets `new` answer the queries, in the place of `old`.
pub(crate) async fn swap<T: SqlTransaction>(
    tx: &mut T,
    name: &str,
    old: Option<&Generation>,
    new: &Generation,
) -> Result<(), StorageError> {
    for table in old.iter().flat_map(|old| &old.tables) {
        tx.script(&format!("DROP VIEW IF EXISTS {table}")).await?;
    }
    let names = Names::of_generation(new.number);
    for table in &new.tables {
        tx.script(&view_of(table, &names)).await?;
    }
    tx.statement(
        "UPDATE es_generations SET stage = 'live' WHERE name = $1 AND generation = $2",
        &[name.into(), new.number.into()],
    )
    .await?;
    tx.statement(
        "UPDATE es_read_models SET live = $1 WHERE name = $2",
        &[new.number.into(), name.into()],
    )
    .await?;
    match old {
        Some(old) => drop_generation(tx, name, old).await,
        None => Ok(()),
    }
}

/// The checkpoint of a slot, locked; `None` when the generation is gone.
pub(crate) async fn lock_checkpoint<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    slot: &Slot,
) -> Result<Option<Checkpoint>, StorageError> {
    let select = format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND generation = $2 AND slot = \
         $3{}",
        Db::FOR_UPDATE
    );
    let rows = tx.rows(&select, &slot.values()).await?;
    rows.into_iter()
        .next()
        .map(|row| checkpoint(slot.name, row))
        .transpose()
}

/// The checkpoints of a generation, by slot.
pub(super) fn checkpoints_sql() -> String {
    format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND generation = $2 ORDER BY slot"
    )
}

/// Makes `owner` the one that runs the slot: with a new epoch, what an earlier owner still has in
/// its hands is refused.
pub(crate) async fn acquire<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    slot: &Slot,
    epoch: i64,
    owner: &str,
    lease_ms: i64,
) -> Result<(), StorageError> {
    let update = format!(
        "UPDATE es_checkpoints SET epoch = $1, owner = $2, lease_until = {} + $3, reason = NULL, stall = NULL \
         WHERE name = $4 AND generation = $5 AND slot = $6",
        Db::NOW
    );
    let [name, generation, number] = slot.values();
    let values = [
        epoch.into(),
        owner.into(),
        lease_ms.into(),
        name,
        generation,
        number,
    ];
    tx.statement(&update, &values).await.map(|_| ())
}

/// What an owner has to say of its slot.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    Nothing,
    /// What it said last.
    AsBefore,
    Stopped(String),
    Waits(String),
}

/// Gives the slot back before the lease ends, or keeps it longer; with why it stopped. Does nothing
/// for a slot that is another's by now.
pub(crate) async fn renew<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    slot: &Slot,
    epoch: i64,
    lease_ms: i64,
    why: &Why,
) -> Result<bool, StorageError> {
    let mut update = Update::new(&format!("lease_until = {} + ", Db::NOW), lease_ms.into());
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
    update.which(slot);
    update.and("epoch = ", epoch.into());
    let Update { sql, values } = update;
    Ok(tx.statement(&sql, &values).await? == 1)
}

/// The move of a checkpoint.
pub(crate) struct Advance<'a> {
    pub(crate) slot: &'a Slot,
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
        &format!("lease_until = {} + ", Db::NOW),
        advance.lease_ms.into(),
    );
    update.which(advance.slot);
    // The fence: an owner that was replaced, or one that slept, changes no row here.
    update.and("epoch = ", advance.epoch.into());
    update.and("position = ", advance.from.to_string().into());
    let Update { sql, values } = update;
    Ok(tx.statement(&sql, &values).await? == 1)
}

/// Moves the checkpoint of a slot that runs inside appends: their order is its order.
pub(crate) async fn note<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    slot: &Slot,
    to: Position,
    handled: u64,
    last: Option<&RecordedEvent>,
) -> Result<(), StorageError> {
    let mut update = Update::moving(to, handled, last);
    update.which(slot);
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

    fn which(&mut self, slot: &Slot) {
        let [name, generation, number] = slot.values();
        self.push(" WHERE ", "name = ", name);
        self.and("generation = ", generation);
        self.and("slot = ", number);
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

/// The key as it stands in the books. One with a NUL, or longer than an index takes, is its beginning
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
pub(crate) async fn is_parked<T: SqlTransaction>(
    tx: &mut T,
    slot: &Slot,
    key: &str,
) -> Result<bool, StorageError> {
    let rows = tx
        .rows(
            "SELECT 1 FROM es_parked WHERE name = $1 AND generation = $2 AND key = $3 AND \
             discarded_at IS NULL LIMIT 1",
            &[
                slot.name.into(),
                slot.generation.into(),
                key_in_books(key).as_ref().into(),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Parks an event behind those of its key.
pub(crate) async fn park<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    slot: &Slot,
    key: &str,
    event: &RecordedEvent,
    reason: &str,
    attempts: u32,
) -> Result<(), StorageError> {
    let insert = format!(
        "INSERT INTO es_parked (name, generation, slot, number, key, position, aggregate, \
         aggregate_id, version, event_id, event, reason, attempts, parked_at) \
         SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         {} FROM es_parked WHERE name = $1 AND generation = $2 AND slot = $3",
        Db::NOW
    );
    let [name, generation, number] = slot.values();
    let values = [
        name,
        generation,
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
    let rows = tx.rows(&format!("SELECT {}", Db::NOW), &[]).await?;
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
