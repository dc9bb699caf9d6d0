//! Conversions between rows and values. Reading a row gives a value, or an error that names the row.
//! Nothing panics, and no row is skipped.

use crate::errors::corrupt;
use es_runtime::{
    AppendId, Appended, EventId, Fingerprint, Metadata, Position, ReadError, RecordedEvent,
    Snapshot, StorageError, StoredEvent, StoredPayload, StreamId, Timestamp,
    store::author::{EventRow, Repeated, RowLocation},
};
use std::time::SystemTime;
use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;

/// What is wrong with a column, without its contents.
pub(crate) type Damage = &'static str;

/// The columns of a whole event, in the order in which [`Recorded`] reads them.
pub(crate) const EVENT_COLUMNS: &str = "version, position, event, schema_version, content_type, \
                                        payload, aggregate, aggregate_id, event_id, \
                                        metadata::text, recorded_at";

/// The first of them: what an aggregate needs.
pub(crate) const STORED_COLUMNS: &str =
    "version, position, event, schema_version, content_type, payload";

fn column<'r, T: FromSql<'r>>(row: &'r Row, index: usize, what: Damage) -> Result<T, Damage> {
    row.try_get(index).map_err(|_| what)
}

/// The place of a row, from its first two columns.
pub(crate) fn place(row: &Row) -> Result<RowLocation, ReadError> {
    let number = |index, what| {
        natural(row, index)
            .filter(|number| *number > 0)
            .ok_or_else(|| {
                let position = natural(row, 1).map_or_else(
                    || "of unknown position".to_owned(),
                    |position| format!("at position {position}"),
                );
                ReadError::Storage(corrupt(format!("a row {position} is damaged: {what}")))
            })
    };
    Ok(RowLocation {
        version: number(0, "the version is not a positive number")?,
        position: position(number(1, "the position is not a positive number")?),
    })
}

/// A row of [`STORED_COLUMNS`].
pub(crate) fn stored_event(row: &Row, place: RowLocation) -> Result<StoredEvent<'_>, Damage> {
    let schema_version: i32 = column(row, 3, "the schema version is not a number")?;
    let payload = StoredPayload::new(
        u16::try_from(schema_version)
            .ok()
            .filter(|version| *version > 0)
            .ok_or("the schema version is not a number from 1 to 65535")?,
        column(row, 4, "the content type is not text")?,
        column(row, 5, "the payload is not bytes")?,
    );
    let name = column(row, 2, "the event's name is not text")?;
    Ok(StoredEvent::new(
        place.version,
        place.position,
        name,
        payload,
    ))
}

/// Reads whole events.
#[derive(Default)]
pub(crate) struct Recorded(Repeated);

impl Recorded {
    /// The event in a row of [`EVENT_COLUMNS`].
    pub(crate) fn read(&mut self, row: &Row) -> Result<RecordedEvent, ReadError> {
        let place = place(row)?;
        let stream = self.stream(row).map_err(|what| {
            let position = place.position;
            ReadError::Storage(corrupt(format!(
                "the row at position {position} is damaged: {what}"
            )))
        })?;
        self.rest(row, place, &stream)
            .map_err(|what| place.damaged(&stream, what))
    }

    fn rest(
        &mut self,
        row: &Row,
        place: RowLocation,
        stream: &StreamId,
    ) -> Result<RecordedEvent, Damage> {
        let stored = stored_event(row, place)?;
        let event_id: Uuid = column(row, 8, "the event id is not a UUID")?;
        let metadata: &str = column(row, 9, "the metadata is not text")?;
        let metadata = Metadata::from_json(metadata)
            .map_err(|_| "the metadata is not the JSON of metadata")?;
        Ok(EventRow {
            position: place.position,
            stream: stream.clone(),
            version: place.version,
            event_id: EventId::from_bytes(event_id.into_bytes()),
            name: self.0.text(stored.name),
            schema_version: stored.payload.schema_version,
            content_type: self.0.text(stored.payload.content_type),
            payload: stored.payload.bytes.to_vec(),
            metadata,
            recorded_at: time(row, 10)?,
        }
        .into())
    }

    fn stream(&mut self, row: &Row) -> Result<StreamId, Damage> {
        let aggregate = column(row, 6, "the aggregate's name is not text")?;
        let id = column(row, 7, "the aggregate's id is not text")?;
        let stream = self.0.stream(aggregate, id);
        stream.map_err(|_| "its stream cannot be one")
    }
}

/// The append in a row of `last_version, events, position, recorded_at, request`.
pub(crate) fn appended(
    row: &Row,
    stream: &StreamId,
    id: &AppendId,
) -> Result<Appended, StorageError> {
    let read = || {
        let version = natural(row, 0).ok_or("the version is not a number")?;
        let events = natural(row, 1).ok_or("the count of events is not a number")?;
        let place = natural(row, 2).ok_or("the position is not a number")?;
        if events > version {
            return Err("it counts more events than its stream has");
        }
        let request = row.try_get(4).map_err(|_| "the request is not a text")?;
        Ok(
            Appended::new(version, events, position(place), time(row, 3)?)
                .with_request(request)
                .as_repeated(),
        )
    };
    read().map_err(|what: Damage| {
        corrupt(format!(
            "the record of append `{id}` of stream {stream} is damaged: {what}"
        ))
    })
}

/// The snapshot in a row of `version, position, fingerprint, content_type, state`. `None` when it is
/// damaged: a snapshot is a cache, and the stream has it all.
pub(crate) fn snapshot(row: &Row, stream: &StreamId) -> Option<Snapshot> {
    let text = |index| row.try_get::<_, &str>(index).ok();
    Some(Snapshot::new(
        stream.clone(),
        natural(row, 0)?,
        text(1)?.parse().ok()?,
        Fingerprint::from_u64(u64::from_str_radix(text(2)?, 16).ok()?),
        text(3)?.to_owned(),
        row.try_get(4).ok()?,
    ))
}

/// The position of a cursor.
pub(crate) fn cursor_of(rows: &[Row], consumer: &str) -> Result<Option<Position>, StorageError> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let text: Option<&str> = row.try_get(0).ok();
    let position = text.and_then(|text| text.parse().ok());
    position
        .map(Some)
        .ok_or_else(|| corrupt(format!("the cursor of `{consumer}` is not a position")))
}

pub(crate) fn time(row: &Row, index: usize) -> Result<Timestamp, Damage> {
    column::<SystemTime>(row, index, "the time is not a moment").map(Timestamp::from)
}

pub(crate) fn natural(row: &Row, index: usize) -> Option<u64> {
    let number: i64 = row.try_get(index).ok()?;
    u64::try_from(number).ok()
}

pub(crate) const fn position(number: u64) -> Position {
    Position::from_parts([0, 0, number])
}

/// A number as PostgreSQL keeps it; no stored number is above the largest one, so larger ones
/// become that.
pub(crate) fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where reading the feed after a position begins.
pub(crate) fn start(after: Position) -> u64 {
    match after.to_parts() {
        [0, 0, low] => low,
        // After every position of this store.
        _ => u64::MAX,
    }
}

/// The text that only this store has.
pub(crate) fn store_id(rows: &[Row]) -> Result<String, StorageError> {
    let id = rows.first().and_then(|row| row.try_get(0).ok());
    id.ok_or_else(|| corrupt("the table `store_id` does not have its one row"))
}

/// An ordinal of SQL, from 1, as an index.
pub(crate) fn numbered(row: &Row, column: usize) -> Option<usize> {
    let number = natural(row, column)?;
    usize::try_from(number.checked_sub(1)?).ok()
}
