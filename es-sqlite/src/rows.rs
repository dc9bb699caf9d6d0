//! Conversions between rows and values. Reading a row gives a value, or an error that names the row.
//! Nothing panics, and no row is skipped.

use crate::errors::{corrupt, storage};
use es_runtime::{
    AppendId, Appended, Codec, EventId, Fingerprint, Metadata, Position, ReadError, RecordedEvent,
    Snapshot, StorageError, StoredEvent, StoredPayload, StreamId, Timestamp,
    store::author::{EventRow, Repeated, RowLocation},
};
use rusqlite::{
    Row, ToSql,
    types::{ToSqlOutput, ValueRef},
};

/// What is wrong with a column, without its contents.
pub(crate) type Damage = &'static str;

/// A row of the columns `version, position, event, schema_version, content_type, payload`.
pub(crate) fn stored_event<'r>(
    row: &'r Row<'_>,
    place: RowLocation,
) -> Result<StoredEvent<'r>, Damage> {
    let payload = StoredPayload::new(
        schema_version(row, 3)?,
        text(row, 4, "the content type is not text")?,
        bytes(row, 5, "the payload is neither text nor a blob")?,
    );
    let name = text(row, 2, "the event's name is not text")?;
    Ok(StoredEvent::new(
        place.version,
        place.position,
        name,
        payload,
    ))
}

/// The place of a row, from two columns.
pub(crate) fn place(row: &Row<'_>, version: usize, position: usize) -> Result<RowLocation, Damage> {
    let position = number(row, position, "the position is not a positive number")?;
    Ok(RowLocation {
        version: number(row, version, "the version is not a positive number")?,
        position: Position::from_parts([0, 0, position]),
    })
}

/// The columns of a whole event, in the order in which [`Recorded`] reads them.
macro_rules! event_columns {
    () => {
        "version, position, event, schema_version, content_type, payload, aggregate, aggregate_id, \
         event_id, metadata, recorded_at"
    };
}
pub(crate) use event_columns;

/// Reads whole events.
#[derive(Default)]
pub(crate) struct Recorded {
    repeated: Repeated,
    /// The time of the previous row. The events of one append share theirs.
    time: Option<(String, Timestamp)>,
}

impl Recorded {
    /// The event at this place, in a row of `event_columns!`.
    pub(crate) fn read(
        &mut self,
        row: &Row<'_>,
        place: RowLocation,
    ) -> Result<RecordedEvent, ReadError> {
        let stream = self.stream(row).map_err(|what| {
            ReadError::Storage(corrupt(format!(
                "the row at position {} is damaged: {what}",
                place.position
            )))
        })?;
        self.rest(row, place, &stream)
            .map_err(|what| place.damaged(&stream, what))
    }

    fn rest(
        &mut self,
        row: &Row<'_>,
        place: RowLocation,
        stream: &StreamId,
    ) -> Result<RecordedEvent, Damage> {
        let stored = stored_event(row, place)?;
        let event_id: EventId = text(row, 8, "the event id is not text")?
            .parse()
            .map_err(|_| "the event id is not a UUID")?;
        let metadata = Metadata::from_json(text(row, 9, "the metadata is not text")?)
            .map_err(|_| "the metadata is not the JSON of metadata")?;
        Ok(EventRow {
            position: place.position,
            stream: stream.clone(),
            version: place.version,
            event_id,
            name: self.repeated.text(stored.name),
            schema_version: stored.payload.schema_version,
            content_type: self.repeated.text(stored.payload.content_type),
            payload: stored.payload.bytes.to_vec(),
            metadata,
            recorded_at: self.time(row)?,
        }
        .into())
    }

    fn time(&mut self, row: &Row<'_>) -> Result<Timestamp, Damage> {
        let text = text(row, 10, "the time is not text")?;
        if let Some((known, time)) = &self.time {
            if known == text {
                return Ok(*time);
            }
        }
        let time = time(row, 10)?;
        let (known, last) = self.time.get_or_insert_with(|| (String::new(), time));
        text.clone_into(known);
        *last = time;
        Ok(time)
    }

    fn stream(&mut self, row: &Row<'_>) -> Result<StreamId, Damage> {
        let aggregate = text(row, 6, "the aggregate's name is not text")?;
        let id = text(row, 7, "the aggregate's id is not text")?;
        let stream = self.repeated.stream(aggregate, id);
        stream.map_err(|_| "its stream cannot be one")
    }
}

/// A row without a usable place.
pub(crate) fn unplaced(row: &Row<'_>, what: Damage) -> ReadError {
    let place = match row.get_ref(1) {
        Ok(ValueRef::Integer(position)) => format!("at position {position}"),
        _ => "of unknown position".to_owned(),
    };
    ReadError::Storage(corrupt(format!("a row {place} is damaged: {what}")))
}

/// The append in a row of `last_version, events, position, recorded_at, request`.
pub(crate) fn appended(
    row: &Row<'_>,
    stream: &StreamId,
    id: &AppendId,
) -> Result<Appended, StorageError> {
    let read = || {
        let position = natural(row, 2).ok_or("the position is not a number")?;
        let version = natural(row, 0).ok_or("the version is not a number")?;
        let events = natural(row, 1).ok_or("the count of events is not a number")?;
        if events > version {
            return Err("it counts more events than its stream has");
        }
        Ok(Appended::new(
            version,
            events,
            Position::from_parts([0, 0, position]),
            time(row, 3)?,
        )
        .with_request(row.get(4).map_err(|_| "the request is not a text")?)
        .as_repeated())
    };
    read().map_err(|what: Damage| {
        corrupt(format!(
            "the record of append `{id}` of stream {stream} is damaged: {what}"
        ))
    })
}

/// The snapshot in a row of `version, position, fingerprint, content_type, state`. `None` when it is
/// damaged: a snapshot is a cache, and the stream has it all.
pub(crate) fn snapshot(row: &Row<'_>, stream: &StreamId) -> Option<Snapshot> {
    let fingerprint = text(row, 2, "").ok()?;
    Some(Snapshot::new(
        stream.clone(),
        natural(row, 0)?,
        text(row, 1, "").ok()?.parse().ok()?,
        Fingerprint::from_u64(u64::from_str_radix(fingerprint, 16).ok()?),
        text(row, 3, "").ok()?.to_owned(),
        bytes(row, 4, "").ok()?.to_vec(),
    ))
}

pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize, what: Damage) -> Result<&'r str, Damage> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_err(|_| what),
        _ => Err(what),
    }
}

fn bytes<'r>(row: &'r Row<'_>, column: usize, what: Damage) -> Result<&'r [u8], Damage> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Ok(bytes),
        _ => Err(what),
    }
}

fn schema_version(row: &Row<'_>, column: usize) -> Result<u16, Damage> {
    natural(row, column)
        .and_then(|version| u16::try_from(version).ok())
        .filter(|version| *version > 0)
        .ok_or("the schema version is not a number from 1 to 65535")
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Damage> {
    text(row, column, "the time is not text")?
        .parse()
        .map_err(|_| "the time is not a moment in ISO 8601")
}

fn number(row: &Row<'_>, column: usize, what: Damage) -> Result<u64, Damage> {
    natural(row, column)
        .filter(|number| *number > 0)
        .ok_or(what)
}

fn natural(row: &Row<'_>, column: usize) -> Option<u64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) => u64::try_from(number).ok(),
        _ => None,
    }
}

/// A number as SQLite keeps it; no stored number is above the largest one, so larger ones become
/// that.
pub(crate) fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position as SQLite keeps it. One of another store is after every position of this one.
pub(crate) fn start(after: Position) -> i64 {
    match after.to_parts() {
        [0, 0, low] => clamped(low),
        _ => i64::MAX,
    }
}

/// A number as SQLite keeps it, or an error before anything is written.
pub(crate) fn exact(number: u64) -> Result<i64, rusqlite::Error> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A payload, or the state of a snapshot, as the store keeps it: JSON as text, which a person can read, anything else
/// as a blob. The bytes come back the same either way. For programs that write rows into the tables of a store.
///
/// ```
/// use es_sqlite::Readable;
///
/// # let memory = rusqlite::Connection::open_in_memory()?;
/// let kind = |content_type, bytes: &[u8]| -> rusqlite::Result<String> {
///     let payload = Readable { content_type, bytes };
///     memory.query_row("SELECT typeof(?1)", [payload], |row| row.get(0))
/// };
/// assert_eq!(kind("application/json", b"{}")?, "text");
/// assert_eq!(kind("application/x-postcard", b"{}")?, "blob");
/// let payload = Readable { content_type: "application/json", bytes: b"{}" };
/// assert_eq!(payload.as_text(), Some("{}"));
/// # Ok::<(), rusqlite::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Readable<'a> {
    /// What the bytes are, such as `application/json`.
    pub content_type: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> Readable<'a> {
    /// The text, `None` for what is kept as a blob.
    pub fn as_text(&self) -> Option<&'a str> {
        let json =
            self.content_type == Codec::Json.content_type() || self.content_type.ends_with("+json");
        // SQLite's text functions end at a NUL, which JSON text has none of.
        if !json || self.bytes.contains(&0) {
            return None;
        }
        std::str::from_utf8(self.bytes).ok()
    }
}

impl ToSql for Readable<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(if self.as_text().is_some() {
            ValueRef::Text(self.bytes)
        } else {
            ValueRef::Blob(self.bytes)
        }))
    }
}

/// The driver's error on a read.
pub(crate) fn read_error(error: rusqlite::Error) -> ReadError {
    ReadError::Storage(storage(error))
}
