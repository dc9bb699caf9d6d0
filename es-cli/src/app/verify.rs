//! `verify` with the types of the application.
//!
//! The streams of each aggregate are read once, in the order of their index, and each event is decoded and applied. On
//! the way snapshots and unique values are compared. Rows of tags are read in their own order; only where some are
//! missing are the streams read again, to name them.

use super::{
    types::{ReadAs, Reading, Streams},
    unique::{Changes, On},
};
use crate::{
    error::Error,
    events::{EVENT_COLUMNS, StoredEvent},
    store::{Query, Store, Tables},
    verb::{report::Report, verify::last_position},
};
use es_runtime::{EventTag, Fingerprint, Position, Snapshot, StreamId};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

pub(super) fn run(
    types: &BTreeMap<String, Arc<dyn Streams>>,
    store: &mut Store<'_>,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    let on = On::read(store)?;
    let to = last_position(store)?;
    let mut tags = 0;
    for (aggregate, types) in types {
        let rules = on.complete(&**types, store)?;
        let mut current: Option<Current> = None;
        each_event(store, aggregate, to, &mut |store, event| {
            report.looked_at += 1;
            if current
                .as_ref()
                .is_none_or(|current| current.id != event.id)
            {
                if let Some(done) = current.take() {
                    done.finish(&rules, store, report)?;
                }
                current = Current::of(event, &**types, store)?;
            }
            let Some(current) = &mut current else {
                return Ok(());
            };
            tags += current.event(event, &**types, &on, &rules, report)?;
            Ok(())
        })?;
        if let Some(done) = current {
            done.finish(&rules, store, report)?;
        }
    }
    if store.has_tags && found_tags(types, &on, to, store, report)? < tags {
        missing_tags(types, &on, to, store, report)?;
    }
    Ok(())
}

/// Calls `each` with the events of an aggregate up to a position, stream by stream. What cannot be read at all is a
/// problem of the check `events`.
fn each_event(
    store: &mut Store<'_>,
    aggregate: &str,
    to: i64,
    each: &mut dyn FnMut(&mut Store<'_>, &StoredEvent) -> Result<(), Error>,
) -> Result<(), Error> {
    let sql = format!(
        "SELECT e.aggregate, e.aggregate_id, e.version, {EVENT_COLUMNS} FROM {{events}} e WHERE e.aggregate = $1 \
         AND e.position <= $2 AND {{after}}"
    );
    let query = Query::new(&sql).with(aggregate).with(to);
    let key = ["e.aggregate", "e.aggregate_id", "e.version"];
    store.each_row(Tables::Store, &query, &key, &mut |store, row| {
        if let Ok(event) = StoredEvent::from_column(row, key.len()) {
            each(store, &event)?;
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// A stream that is being read.
struct Current {
    id: String,
    stream: StreamId,
    version: i64,
    reading: Box<dyn Reading>,
    snapshot: Option<Snapshot>,
    changes: Changes,
    /// Whether an event could not be read, so that what follows from all of them is not known.
    is_broken: bool,
}

impl Current {
    fn of(
        first: &StoredEvent,
        types: &dyn Streams,
        store: &mut Store<'_>,
    ) -> Result<Option<Self>, Error> {
        let Ok(stream) = StreamId::new(&first.aggregate, &first.id) else {
            return Ok(None);
        };
        let snapshot = if types.has_snapshots() {
            snapshot_of(&stream, store)?
        } else {
            None
        };
        Ok(Some(Self {
            id: first.id.clone(),
            stream,
            version: 0,
            reading: types.read(),
            snapshot,
            changes: Changes::default(),
            is_broken: false,
        }))
    }

    /// Returns how many tags the event has.
    fn event(
        &mut self,
        event: &StoredEvent,
        types: &dyn Streams,
        on: &On,
        rules: &BTreeSet<&'static str>,
        report: &mut Report<'_>,
    ) -> Result<usize, Error> {
        self.version = event.version;
        let read = match self.reading.event(event, false) {
            Ok(read) => read,
            Err(why) => {
                self.is_broken = true;
                report.problem(&event.place(), &why)?;
                // One that is decoded and cannot be applied has its tags all the same.
                let read = types.decode(event, false).unwrap_or_default();
                return Ok(texts(event, &read, on).len());
            }
        };
        let snapshot = self.snapshot.as_ref();
        let snapshot =
            snapshot.filter(|snapshot| i64::try_from(snapshot.version) == Ok(event.version));
        if snapshot.and_then(|snapshot| self.reading.holds(snapshot)) == Some(false) {
            report.problem(
                &format!("snapshot of {}", self.stream),
                &format!(
                    "it is not the state that the events up to version {} fold to",
                    event.version
                ),
            )?;
        }
        let tags = texts(event, &read, on).len();
        self.changes.take(&self.stream, event, read, rules);
        Ok(tags)
    }

    fn finish(
        self,
        rules: &BTreeSet<&'static str>,
        store: &mut Store<'_>,
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        if self.is_broken {
            return Ok(());
        }
        let (stream, version) = (&self.stream, self.version);
        self.changes.check(stream, version, rules, store, report)
    }
}

fn snapshot_of(stream: &StreamId, store: &mut Store<'_>) -> Result<Option<Snapshot>, Error> {
    let query = Query::new(
        "SELECT s.version, s.position, s.fingerprint, s.content_type, s.state FROM {snapshots} s WHERE s.aggregate = $1 \
         AND s.aggregate_id = $2",
    );
    let query = query.with(stream.aggregate()).with(stream.id());
    let Some(row) = store.first(&query)? else {
        return Ok(None);
    };
    let parts = (|| {
        let fingerprint = u64::from_str_radix(row.text(2).ok()?, 16).ok()?;
        Some(Snapshot::new(
            stream.clone(),
            u64::try_from(row.integer(0).ok()?).ok()?,
            row.text(1).ok()?.parse::<Position>().ok()?,
            Fingerprint::from_u64(fingerprint),
            row.text(3).ok()?.to_owned(),
            row.bytes(4).ok()?.to_vec(),
        ))
    })();
    Ok(parts)
}

/// The tags that a stored event has in the index.
fn texts(event: &StoredEvent, read: &[ReadAs], on: &On) -> BTreeSet<String> {
    let tags: Vec<EventTag> = read.iter().flat_map(|read| read.tags.clone()).collect();
    EventTag::texts(&tags, |kind| on.has(&format!("tag:{kind}"), &event.event))
}

/// Reads the rows of tags up to a position, and returns how many belong to an event of the types.
fn found_tags(
    types: &BTreeMap<String, Arc<dyn Streams>>,
    on: &On,
    to: i64,
    store: &mut Store<'_>,
    report: &mut Report<'_>,
) -> Result<usize, Error> {
    let sql = format!(
        "SELECT t.tag, t.position, {EVENT_COLUMNS} FROM {{tags}} t JOIN {{events}} e ON e.position = t.position \
         WHERE t.position <= $1 AND {{after}}"
    );
    let key = ["t.tag", "t.position"];
    let mut found = 0;
    let query = Query::new(&sql).with(to);
    store.each_row(Tables::Store, &query, &key, &mut |_, row| {
        let next = Ok::<_, Error>(ControlFlow::Continue(()));
        let tag = row.text(0)?;
        let kind = tag.split(':').next().unwrap_or_default();
        let Ok(event) = StoredEvent::from_column(row, key.len()) else {
            return next;
        };
        let types = types.get(&event.aggregate);
        let Some(types) = types.filter(|_| on.has(&format!("tag:{kind}"), &event.event)) else {
            return next;
        };
        // One that cannot be read was reported.
        let Ok(read) = types.decode(&event, false) else {
            return next;
        };
        if texts(&event, &read, on).contains(tag) {
            found += 1;
        } else {
            let problem = format!("it has a tag of kind {kind} that the event does not give it");
            report.problem(&event.place(), &problem)?;
        }
        next
    })?;
    Ok(found)
}

/// Looks for the tags of each event.
fn missing_tags(
    types: &BTreeMap<String, Arc<dyn Streams>>,
    on: &On,
    to: i64,
    store: &mut Store<'_>,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    for (aggregate, types) in types {
        each_event(store, aggregate, to, &mut |store, event| {
            let Ok(read) = types.decode(event, false) else {
                return Ok(());
            };
            for text in texts(event, &read, on) {
                let query =
                    Query::new("SELECT 1 FROM {tags} t WHERE t.tag = $1 AND t.position = $2");
                let query = query.with(text.as_str()).with(event.position);
                if store.first(&query)?.is_none() {
                    let kind = text.split(':').next().unwrap_or_default();
                    let problem = format!("its tag of kind {kind} is not in the index");
                    report.problem(&event.place(), &problem)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}
