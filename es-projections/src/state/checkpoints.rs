//! Checkpoints: how far each partition has come, and who runs it.

use super::columns::{Columns, count, damaged, stored_text};
use crate::api::{Partition, ReadDatabase, SqlTransaction, SqlValue};
use es_runtime::{EventId, Position, RecordedEvent, StorageError, StreamId, Timestamp};

/// The event that was handled last. It identifies the history of the store.
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

/// The same, when a rebuild is complete but for what is appended meanwhile: the next append takes the
/// new build.
pub(crate) const HANDS_OVER: &str = "inline, takes a new build with the next append";

/// Whether the owner is the appends of the store.
pub(crate) fn is_inline(owner: &str) -> bool {
    owner == INLINE || owner == HANDS_OVER
}

impl Checkpoint {
    /// Whether a runner, or the appends of the store, have it at this time of the clock.
    pub(crate) fn has_owner(&self, now: i64) -> bool {
        is_inline(&self.owner) || self.lease_until > now
    }
}

/// The time of this machine, in the unit of a lease.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().unix_micros() / 1000
}

const CHECKPOINT: &str = "position, last_aggregate, last_id, last_version, last_event, \
                          last_recorded, epoch, owner, lease_until, events, parked, reason, stall";

pub(crate) fn checkpoint(name: &str, row: Vec<SqlValue>) -> Result<Checkpoint, StorageError> {
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

/// Locks and reads the checkpoint of a partition. `None` if the build is gone.
pub(crate) async fn lock_checkpoint<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
) -> Result<Option<Checkpoint>, StorageError> {
    lock_checkpoint_of::<Db>(tx, partition.name, &partition.values()).await
}

/// The same for a name that this program need not know. The values are name, build and partition.
pub(crate) async fn lock_checkpoint_of<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    name: &str,
    partition: &[SqlValue; 3],
) -> Result<Option<Checkpoint>, StorageError> {
    let select = format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND build = $2 AND partition = \
         $3{}",
        tx.dialect().for_update()
    );
    let rows = tx.rows(&select, partition).await?;
    rows.into_iter()
        .next()
        .map(|row| checkpoint(name, row))
        .transpose()
}

/// The checkpoints of a build, by partition.
pub(crate) fn checkpoints_sql() -> String {
    format!(
        "SELECT {CHECKPOINT} FROM es_checkpoints WHERE name = $1 AND build = $2 ORDER BY partition"
    )
}

/// Makes `owner` the owner of the partition. The new epoch fences writes of an earlier owner.
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

/// What an owner records with its lease.
#[derive(Clone, Debug)]
pub(crate) enum LeaseNote {
    Clear,
    /// Keep what was recorded last.
    Unchanged,
    Stopped(String),
    Waits(String),
}

/// Extends or ends the lease and records why. Changes nothing if another owner has the partition.
pub(crate) async fn renew<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    epoch: i64,
    lease_ms: i64,
    why: &LeaseNote,
) -> Result<bool, StorageError> {
    let mut update = Update::new(
        &format!("lease_until = {} + ", tx.dialect().now()),
        lease_ms.into(),
    );
    let said = match why {
        LeaseNote::Unchanged => None,
        LeaseNote::Clear => Some((SqlValue::Null, SqlValue::Null)),
        LeaseNote::Stopped(why) => Some((stored_text(why), SqlValue::Null)),
        LeaseNote::Waits(why) => Some((SqlValue::Null, stored_text(why))),
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

/// Moves the checkpoint if its position and epoch are the expected ones.
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
    // The fence: an owner that was replaced changes no row here.
    update.and("epoch = ", advance.epoch.into());
    update.and("position = ", advance.from.to_string().into());
    let Update { sql, values } = update;
    Ok(tx.statement(&sql, &values).await? == 1)
}

/// Moves the checkpoint of an inline partition. Appends are ordered, so nothing is compared.
pub(crate) async fn move_inline<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    to: Position,
    handled: &[RecordedEvent],
    parked: u64,
) -> Result<(), StorageError> {
    let count_of = u64::try_from(handled.len()).unwrap_or(u64::MAX);
    let mut update = Update::moving(to, count_of, handled.last());
    if parked > 0 {
        update.set("parked = parked + ", count(parked));
    }
    update.which(partition);
    let Update { sql, values } = update;
    tx.statement(&sql, &values).await.map(|_| ())
}

/// Records what an inline partition waits for.
pub(crate) async fn note_wait<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    partition: &Partition,
    why: &str,
) -> Result<(), StorageError> {
    let mut update = Update::new("stall = ", stored_text(why));
    update.which(partition);
    let Update { sql, values } = update;
    tx.statement(&sql, &values).await.map(|_| ())
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

    /// Moves the checkpoint and clears why it stalled or stopped.
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

/// The database's clock.
pub(crate) async fn now<Db: ReadDatabase>(tx: &mut Db::Transaction) -> Result<i64, StorageError> {
    let select = format!("SELECT {}", tx.dialect().now());
    let rows = tx.rows(&select, &[]).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    Columns::new("", row).integer()
}
