//! Filling a store on JetStream: rows become messages.
//!
//! An event is in a commit, which is one message. Events that follow each other in one stream, with the same time and
//! metadata, are one commit here. What was written by an append with an id is a message of its own, so it does not matter how
//! events are grouped. Messages name the positions of the server: a row has those of the tables, and each is looked up.

use super::{
    row::Canonical,
    table::{TABLES, Table},
};
use crate::{
    error::Error,
    moving::rows::{Rows as _, StoreRows},
    store::{Access, Place, Query, Store, Tables, Value},
};
use es_record::{Position, Timestamp};
use es_runtime::{
    AppendId, Appended, EventId, Fingerprint, Snapshot, StreamId, WorkChange, WorkItem, WorkStatus,
};
use es_tables::jetstream::{
    JetStream,
    transfer::{CommitRecord, EventRecord, Mark, Record, ValueHolder},
};
use std::collections::{BTreeMap, BTreeSet};

/// The table of kinds of tags that are being turned on.
const TAG_WALKS: &str = "tag_walks";

/// The most bytes of payloads that are put into one commit with others.
const COMMIT_BYTES: usize = 1 << 20;

/// What a store on JetStream does not have. `None` where the rows of the table are carried.
fn missing(table: &Table) -> Option<String> {
    let what = match (table.of, table.name) {
        (Tables::ReadModels, _) => "read models, which are in a database of their own",
        (_, "unique_walks" | "unique_duplicates") => {
            "rules of unique values that are being turned on; turn them on first"
        }
        _ => return None,
    };
    Some(format!(
        "the source has a row in `{}`, and a store on JetStream has no {what}",
        table.name
    ))
}

/// Makes sure that a source has nothing that a store on JetStream cannot hold, before anything is written.
///
/// Returns the names of events of which a kind of tags is being turned on: that does not go on there.
pub(crate) fn check_source(source: &mut Store<'_>) -> Result<BTreeSet<String>, Error> {
    for table in Table::all(false) {
        if let Some(what) = missing(table) {
            if StoreRows::new(source, table, true).next()?.is_some() {
                return Err(Error::Refused(what + ". Nothing was written"));
            }
        }
    }
    let mut walked = BTreeSet::new();
    if let Some(table) = Table::find(TAG_WALKS) {
        let mut rows = StoreRows::new(source, table, true);
        while let Some(row) = rows.next()? {
            walked.insert(text(&row, 0)?.to_owned());
        }
    }
    Ok(walked)
}

/// Opens the store, which is made where it is missing. Says whether an application could open it before.
pub(super) fn open(place: &Place, source: Option<&str>) -> Result<(Store<'static>, bool), Error> {
    let mut store = Store::connect(place, Access::Fill)?;
    let mark = jetstream(&mut store)?.marked()?;
    let is_of_source = source.is_some_and(|source| {
        let id = super::id::id_of(&mut store);
        id.is_ok_and(|id| id == source)
    });
    for table in TABLES.iter().filter(|_| source.is_some() && !is_of_source) {
        if StoreRows::new(&mut store, table, true).next()?.is_some() {
            return Err(Error::cannot_open(
                store.name.clone(),
                format!(
                    "it is another store than the source, and is not empty: `{}` has rows. Choose an empty one",
                    table.name
                ),
            ));
        }
    }
    Ok((store, !mark.is_filling))
}

/// Says of which store it is a copy, and that nobody may open it.
pub(super) fn begin(store: &mut Store<'_>, source: Option<&str>) -> Result<(), Error> {
    let jetstream = jetstream(store)?;
    let mark = jetstream.marked()?;
    Ok(jetstream.mark(&Mark {
        copy_of: source.map(str::to_owned).or(mark.copy_of),
        is_filling: true,
        ..mark
    })?)
}

/// Lets applications open it.
pub(super) fn let_open(store: &mut Store<'_>) -> Result<(), Error> {
    let jetstream = jetstream(store)?;
    // A name without a message about its rules would be taken for one without events.
    let names = jetstream.unregistered_names()?.into_iter();
    let names = names.map(|event| Record::Name {
        event,
        rules: Vec::new(),
        walks: Vec::new(),
    });
    jetstream.write_records(&names.collect::<Vec<_>>())?;
    let mark = jetstream.marked()?;
    Ok(jetstream.mark(&Mark {
        is_filling: false,
        ..mark
    })?)
}

/// Writes rows of a table. `last` is the position of the last event before them.
pub(super) fn write(
    store: &mut Store<'_>,
    table: &Table,
    old: &[Canonical],
    new: &[Canonical],
    last: i64,
) -> Result<(), Error> {
    if let Some(what) = missing(table).filter(|_| !new.is_empty()) {
        return Err(Error::Refused(
            what + ". What was copied before it is there",
        ));
    }
    let is_written = |row: &Canonical| new.iter().any(|new| new.compare(row, table).is_eq());
    match table.name {
        "events" => {
            let commits = commits(new, last)?;
            Ok(jetstream(store)?.write_records(&commits)?)
        }
        "appends" => each(store, new, append),
        "snapshots" => {
            let removed: Result<Vec<StreamId>, Error> =
                old.iter().map(|row| stream(row, 0)).collect();
            let jetstream = jetstream(store)?;
            let stored: Result<Vec<Snapshot>, Error> =
                new.iter().map(|row| snapshot(jetstream, row)).collect();
            Ok(jetstream.write_snapshots(&removed?, stored?)?)
        }
        "work" => each(store, new, work),
        "cursors" => each(store, new, cursor),
        "rules" | TAG_WALKS => {
            let names = names(store, table, old, new)?;
            Ok(jetstream(store)?.write_records(&names)?)
        }
        "tags" => {
            let rows = new
                .iter()
                .map(|row| Ok((text(row, 0)?, integer(row, 1)?, text(row, 2)?)));
            let rows: Result<Vec<_>, Error> = rows.collect();
            Ok(jetstream(store)?.gather_tags(rows?)?)
        }
        "unique_values" => {
            let gone = old.iter().filter(|row| !is_written(row));
            let gone: Result<Vec<Record>, Error> = gone.map(released).collect();
            jetstream(store)?.write_records(&gone?)?;
            each(store, new, value)
        }
        _ => Ok(()),
    }
}

/// All rows of a table that were not there are known.
pub(super) fn end(store: &mut Store<'_>, table: &Table) -> Result<(), Error> {
    match table.name {
        "tags" => Ok(jetstream(store)?.write_tags()?),
        _ => Ok(()),
    }
}

pub(super) fn jetstream<'s>(store: &'s mut Store<'_>) -> Result<&'s mut JetStream, Error> {
    let name = store.name.clone();
    let jetstream = store.jetstream();
    jetstream.ok_or_else(|| Error::cannot_open(name, "it is not on JetStream".to_owned()))
}

fn each(
    store: &mut Store<'_>,
    rows: &[Canonical],
    record: impl Fn(&JetStream, &Canonical) -> Result<Record, Error>,
) -> Result<(), Error> {
    let jetstream = jetstream(store)?;
    let records: Result<Vec<Record>, Error> =
        rows.iter().map(|row| record(jetstream, row)).collect();
    Ok(jetstream.write_records(&records?)?)
}

/// The commits of events that come after this position.
fn commits(rows: &[Canonical], mut last: i64) -> Result<Vec<Record>, Error> {
    let mut commits: Vec<CommitRecord> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let event = event(row)?;
        let (stream, version) = (stream(row, 1)?, unsigned(row, 3)?);
        let (recorded_at, metadata) = (time(integer(row, 6)?)?, text(row, 8)?);
        let follows = row.position() == last + 1;
        let size = event.payload.len();
        let fits = bytes + size <= COMMIT_BYTES;
        match commits.last_mut() {
            Some(commit)
                if follows
                    && fits
                    && commit.stream == stream
                    && commit.recorded_at == recorded_at
                    && commit.metadata == metadata =>
            {
                commit.events.push(event);
                bytes += size;
            }
            _ => {
                bytes = size;
                commits.push(CommitRecord {
                    stream,
                    first: version,
                    recorded_at,
                    metadata: metadata.to_owned(),
                    events: vec![event],
                    append: None,
                    number: if follows {
                        None
                    } else {
                        Some(unsigned(row, 0)?)
                    },
                });
            }
        }
        last = row.position();
    }
    Ok(commits.into_iter().map(Record::Commit).collect())
}

fn event(row: &Canonical) -> Result<EventRecord, Error> {
    let id: Option<EventId> = text(row, 7)?.parse().ok();
    let schema_version = integer(row, 5)?.try_into().ok();
    let (Some(id), Some(schema_version)) = (id, schema_version) else {
        return Err(Error::damaged(format!(
            "the event at position {} has an id or a version that no store writes",
            row.position()
        )));
    };
    Ok(EventRecord {
        id,
        name: text(row, 4)?.to_owned(),
        schema_version,
        content_type: text(row, 9)?.to_owned(),
        payload: bytes(row, 10),
    })
}

fn append(jetstream: &JetStream, row: &Canonical) -> Result<Record, Error> {
    let id = AppendId::new(text(row, 2)?);
    let id = id.map_err(|error| Error::damaged(format!("an append id: {error}")))?;
    let position = jetstream.position_of(integer(row, 5)?)?;
    let (version, events) = (unsigned(row, 3)?, unsigned(row, 4)?);
    let appended = Appended::new(version, events, position, time(integer(row, 6)?)?);
    Ok(Record::AppendId {
        stream: stream(row, 0)?,
        id,
        appended: appended.with_request(maybe_text(row, 7).map(str::to_owned)),
    })
}

fn snapshot(jetstream: &JetStream, row: &Canonical) -> Result<Snapshot, Error> {
    let fingerprint = u64::from_str_radix(text(row, 4)?, 16);
    let fingerprint = fingerprint
        .map_err(|_| Error::damaged("a snapshot has a fingerprint that is none".to_owned()))?;
    Ok(Snapshot::new(
        stream(row, 0)?,
        unsigned(row, 2)?,
        position(&jetstream.position_text(text(row, 3)?)?)?,
        Fingerprint::from_u64(fingerprint),
        text(row, 5)?,
        bytes(row, 6),
    ))
}

/// A work item. A lease does not come along, but that there was one does.
fn work(_: &JetStream, row: &Canonical) -> Result<Record, Error> {
    let status = WorkStatus::from_text(text(row, 3)?);
    let status = status.ok_or_else(|| wrong(row, 3))?;
    let moment = |column| match row.0.get(column) {
        Some(Value::Integer(micros)) => time(*micros).map(Some),
        _ => Ok(None),
    };
    let mut change = WorkChange::new(stream(row, 0)?, text(row, 2)?);
    change.status = status;
    text(row, 4)?.clone_into(&mut change.phase);
    change.reason = maybe_text(row, 5).map(str::to_owned);
    change.due_at = moment(6)?;
    change.first_epoch = unsigned(row, 7)?;
    let mut item = WorkItem::new(&change, time(integer(row, 9)?)?);
    item.lease_until = match integer(row, 8)? {
        0 => None,
        _ => Some(time(0)?),
    };
    Ok(Record::Work(item))
}

fn cursor(jetstream: &JetStream, row: &Canonical) -> Result<Record, Error> {
    let inputs = maybe_text(row, 2).map(|inputs| jetstream.inputs_of(inputs));
    Ok(Record::Cursor {
        consumer: text(row, 0)?.to_owned(),
        position: position(&jetstream.position_text(text(row, 1)?)?)?,
        inputs: inputs.transpose()?,
    })
}

fn value(jetstream: &JetStream, row: &Canonical) -> Result<Record, Error> {
    let free_at = match row.0.get(5) {
        Some(Value::Integer(micros)) => Some(time(*micros)?),
        _ => None,
    };
    Ok(Record::Value {
        rule: text(row, 0)?.to_owned(),
        value: text(row, 1)?.to_owned(),
        holder: Some(ValueHolder {
            stream: stream(row, 2)?,
            position: Some(jetstream.position_of(integer(row, 4)?)?),
            free_at,
        }),
    })
}

/// A value that nobody has any more.
fn released(row: &Canonical) -> Result<Record, Error> {
    Ok(Record::Value {
        rule: text(row, 0)?.to_owned(),
        value: text(row, 1)?.to_owned(),
        holder: None,
    })
}

/// What is on for each name of events, and which kinds of tags are being turned on, with rows of one of these tables that went and
/// came.
fn names(
    store: &mut Store<'_>,
    table: &Table,
    old: &[Canonical],
    new: &[Canonical],
) -> Result<Vec<Record>, Error> {
    let is_of_walks = table.name == TAG_WALKS;
    let (event_at, other_at) = if is_of_walks { (0, 1) } else { (1, 0) };
    let mut changed: BTreeMap<&str, (Vec<&Canonical>, Vec<&Canonical>)> = BTreeMap::new();
    for row in old {
        changed.entry(text(row, event_at)?).or_default().0.push(row);
    }
    for row in new {
        changed.entry(text(row, event_at)?).or_default().1.push(row);
    }
    let mut names = Vec::new();
    for (event, (went, came)) in changed {
        let mut rules = BTreeSet::new();
        let query = Query::new("SELECT r.rule FROM {rules} r WHERE r.event = $1").with(event);
        store.each(&query, &mut |row| {
            rules.insert(row.text(0)?.to_owned());
            Ok::<_, Error>(())
        })?;
        let mut walks = BTreeMap::new();
        let query = Query::new("SELECT w.kind, w.position FROM {tag_walks} w WHERE w.event = $1");
        store.each(&query.with(event), &mut |row| {
            walks.insert(row.text(0)?.to_owned(), row.integer(1)?);
            Ok::<_, Error>(())
        })?;
        for row in went.iter().filter(|_| is_of_walks) {
            walks.remove(text(row, other_at)?);
        }
        for row in came {
            let other = text(row, other_at)?.to_owned();
            if is_of_walks {
                walks.insert(other, integer(row, 2)?);
            } else {
                rules.insert(other);
            }
        }
        let jetstream = jetstream(store)?;
        let walks = walks
            .into_iter()
            .map(|(kind, at)| Ok((kind, jetstream.position_of(at)?)));
        names.push(Record::Name {
            event: event.to_owned(),
            rules: rules.into_iter().collect(),
            walks: walks.collect::<Result<_, Error>>()?,
        });
    }
    Ok(names)
}

fn wrong(row: &Canonical, column: usize) -> Error {
    Error::damaged(format!(
        "column {} of a row ({} ..) is not what a store writes",
        column + 1,
        row.position()
    ))
}

fn text(row: &Canonical, column: usize) -> Result<&str, Error> {
    maybe_text(row, column).ok_or_else(|| wrong(row, column))
}

fn maybe_text(row: &Canonical, column: usize) -> Option<&str> {
    match row.0.get(column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn integer(row: &Canonical, column: usize) -> Result<i64, Error> {
    match row.0.get(column) {
        Some(Value::Integer(number)) => Ok(*number),
        _ => Err(wrong(row, column)),
    }
}

fn unsigned(row: &Canonical, column: usize) -> Result<u64, Error> {
    u64::try_from(integer(row, column)?).map_err(|_| wrong(row, column))
}

fn bytes(row: &Canonical, column: usize) -> Vec<u8> {
    match row.0.get(column) {
        Some(Value::Bytes(bytes)) => bytes.clone(),
        Some(Value::Text(text)) => text.clone().into_bytes(),
        _ => Vec::new(),
    }
}

fn stream(row: &Canonical, column: usize) -> Result<StreamId, Error> {
    let stream = StreamId::new(text(row, column)?, text(row, column + 1)?);
    stream.map_err(|error| Error::damaged(format!("a stream: {error}")))
}

fn time(micros: i64) -> Result<Timestamp, Error> {
    Ok(crate::time::of_micros(micros)?)
}

fn position(text: &str) -> Result<Position, Error> {
    let position = text.parse();
    position.map_err(|_| Error::damaged(format!("`{text}` is no position")))
}
