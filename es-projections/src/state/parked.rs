//! Parked events: writing one, reading them, and removing one that was handled or discarded.

use super::{
    checkpoints::lock_checkpoint_of,
    columns::{Columns, count, stored_text},
};
use crate::api::{Job, Partition, Poison, ReadDatabase, RolledBack, SqlTransaction, SqlValue};
use es_runtime::{EventId, RecordedEvent, StorageError};
use std::borrow::Cow;

/// An event that a projection or subscription parked, because it failed or because an earlier event
/// of its key did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedEvent {
    /// The build whose tables lack it.
    pub build: u32,
    /// Its key. A key that is longer than 1,000 bytes or contains NUL is stored as its beginning
    /// and a digest. [`retry`](crate::Projections::retry) and
    /// [`discard`](crate::Projections::discard) accept either form.
    pub key: String,
    /// The event, the reason and the number of attempts. An event that only waits for an earlier
    /// one has no attempts.
    pub event: Poison,
    /// When it was parked, in milliseconds since 1970.
    pub parked_at: i64,
    pub(crate) partition: u32,
    pub(crate) number: i64,
}

/// The form in which a key is stored. A key that contains NUL or is too long for an index becomes
/// its beginning and a digest. A stored form is stored unchanged.
pub(crate) fn stored_key(key: &str) -> Cow<'_, str> {
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
                stored_key(key).as_ref().into(),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The parked event of this key that is to be handled first.
pub(crate) async fn first_parked<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    partition: &Partition,
    key: &str,
) -> Result<Option<ParkedEvent>, StorageError> {
    let (name, build) = (partition.name, partition.build);
    let sql = first_of_key();
    let which = [name.into(), build.into(), stored_key(key).as_ref().into()];
    let row = tx.rows(&sql, &which).await?.into_iter().next();
    row.map(|row| parked(name, build, row)).transpose()
}

/// Parks an event after the parked ones of its key.
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
        stored_key(key).as_ref().into(),
        event.position.to_string().into(),
        event.stream.aggregate().into(),
        event.stream.id().into(),
        count(event.version),
        event.event_id.to_string().into(),
        (&*event.name).into(),
        stored_text(reason),
        attempts.into(),
    ];
    tx.statement(&insert, &values).await.map(|_| ())
}

/// Identifies one parked event. The event id tells it from a later one with the same number.
#[derive(Clone, Debug)]
pub(crate) struct ParkedRow {
    name: String,
    pub(crate) build: u32,
    partition: u32,
    number: i64,
    event_id: EventId,
}

impl ParkedRow {
    pub(crate) fn of(name: &str, parked: &ParkedEvent) -> Self {
        Self {
            name: name.to_owned(),
            build: parked.build,
            partition: parked.partition,
            number: parked.number,
            event_id: parked.event.event_id,
        }
    }

    /// The `WHERE` clause of its row, with parameters from this number on.
    fn row(first: u32) -> String {
        const COLUMNS: [&str; 5] = ["name", "build", "partition", "number", "event_id"];
        let columns = (first..).zip(COLUMNS);
        let columns = columns.map(|(number, column)| format!("{column} = ${number} AND "));
        let columns: String = columns.collect();
        format!("WHERE {columns}discarded_at IS NULL")
    }

    fn partition(&self) -> [SqlValue; 3] {
        [
            self.name.as_str().into(),
            self.build.into(),
            self.partition.into(),
        ]
    }

    fn values(&self) -> [SqlValue; 5] {
        let [name, build, partition] = self.partition();
        [
            name,
            build,
            partition,
            self.number.into(),
            self.event_id.to_string().into(),
        ]
    }
}

pub(crate) const PARKED: &str = "SELECT partition, number, key, position, aggregate, aggregate_id, version, \
                      event_id, event, reason, attempts, parked_at FROM es_parked \
                      WHERE name = $1 AND build = $2 AND discarded_at IS NULL";

/// A query for the first of those of one key.
pub(crate) fn first_of_key() -> String {
    format!("{PARKED} AND key = $3 ORDER BY number LIMIT 1")
}

pub(crate) fn parked(
    name: &str,
    build: u32,
    row: Vec<SqlValue>,
) -> Result<ParkedEvent, StorageError> {
    let mut columns = Columns::new(name, row);
    Ok(ParkedEvent {
        build,
        partition: columns.number()?,
        number: columns.integer()?,
        key: columns.text()?,
        event: Poison {
            position: columns.parsed()?,
            stream: columns.stream()?,
            version: columns.number()?,
            event_id: columns.parsed()?,
            name: columns.text()?.into(),
            reason: columns.text()?,
            attempts: columns.number()?,
        },
        parked_at: columns.integer()?,
    })
}

/// Deletes a parked event. `false` if it is gone.
pub(crate) async fn unpark<Db: ReadDatabase>(
    tx: &mut Db::Transaction,
    which: &ParkedRow,
) -> Result<bool, StorageError> {
    // The runner parks events under the same lock, so no event overtakes a parked one of its key.
    let partition = which.partition();
    let checkpoint = lock_checkpoint_of::<Db>(tx, &which.name, &partition).await?;
    if checkpoint.is_none() {
        return Ok(false);
    }
    let delete = format!("DELETE FROM es_parked {}", ParkedRow::row(1));
    let gone = tx.statement(&delete, &which.values()).await?;
    if gone == 1 {
        decrement_parked(tx, &partition).await?;
    }
    Ok(gone == 1)
}

async fn decrement_parked<T: SqlTransaction + ?Sized>(
    tx: &mut T,
    partition: &[SqlValue; 3],
) -> Result<(), StorageError> {
    tx.statement(
        "UPDATE es_checkpoints SET parked = parked - 1 WHERE name = $1 AND build = $2 AND \
         partition = $3",
        partition,
    )
    .await
    .map(|_| ())
}

pub(crate) struct UnparkDelivered(pub(crate) ParkedRow);

impl<Db: ReadDatabase> Job<Db> for UnparkDelivered {
    type Output = bool;

    async fn run(self, tx: &mut Db::Transaction) -> Result<bool, RolledBack<bool>> {
        Ok(unpark::<Db>(tx, &self.0).await?)
    }
}

/// Records why the last attempt failed.
pub(crate) struct NoteFailure {
    pub(crate) which: ParkedRow,
    pub(crate) reason: String,
}

impl<Db: ReadDatabase> Job<Db> for NoteFailure {
    type Output = ();

    async fn run(self, tx: &mut Db::Transaction) -> Result<(), RolledBack<()>> {
        let update = format!(
            "UPDATE es_parked SET reason = $1, attempts = attempts + 1 {}",
            ParkedRow::row(2)
        );
        let mut values = vec![stored_text(&self.reason)];
        values.extend(self.which.values());
        tx.statement(&update, &values).await?;
        Ok(())
    }
}

pub(crate) struct Discard {
    pub(crate) which: ParkedRow,
    pub(crate) why: String,
}

impl<Db: ReadDatabase> Job<Db> for Discard {
    type Output = bool;

    async fn run(self, tx: &mut Db::Transaction) -> Result<bool, RolledBack<bool>> {
        let partition = self.which.partition();
        let checkpoint = lock_checkpoint_of::<Db>(tx, &self.which.name, &partition).await?;
        if checkpoint.is_none() {
            return Ok(false);
        }
        let update = format!(
            "UPDATE es_parked SET discarded_at = {}, discarded_why = $1 {}",
            tx.dialect().now(),
            ParkedRow::row(2)
        );
        let mut values = vec![stored_text(&self.why)];
        values.extend(self.which.values());
        let done = tx.statement(&update, &values).await? == 1;
        if done {
            decrement_parked(tx, &partition).await?;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_stored_form() {
        for plain in ["", "order/4711", &"k".repeat(1_000)] {
            assert_eq!(stored_key(plain), plain);
        }
        let long = "k".repeat(1_001);
        let strange = ["a\0b", "a\0c", "ab", &long, &format!("{long}k")];
        let forms: Vec<_> = strange.iter().map(|key| stored_key(key)).collect();
        for (number, form) in forms.iter().enumerate() {
            assert!(form.len() < 600 && !form.contains('\0'), "{form}");
            assert_eq!(stored_key(form), *form, "a stored form stays as it is");
            assert!(!forms[..number].contains(form), "{form}");
        }
    }
}
