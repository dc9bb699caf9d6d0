//! `es readers`: how far each reader of the events has come, and by how much it lags.

use super::Session;
use crate::{
    error::Error,
    output::{Cell, Column, column, detail},
    store::{Query, Row, Store, Tables},
    time,
};
use es_record::{Position, Timestamp};
use std::{collections::BTreeMap, ops::ControlFlow};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only the reader of this name
    name: Option<String>,
}

const COLUMNS: &[Column] = &[
    column("reader"),
    column("kind"),
    column("version"),
    detail("build"),
    column("partition"),
    column("stage"),
    column("state"),
    column("position"),
    column("lag_events"),
    column("lag_seconds"),
    column("parked"),
    detail("owner"),
    column("reason"),
];

/// A reader, or a partition of one.
struct Reader {
    name: String,
    kind: &'static str,
    version: Option<i64>,
    build: Option<i64>,
    partition: Option<i64>,
    stage: Option<String>,
    state: Option<&'static str>,
    position: i64,
    parked: i64,
    owner: Option<String>,
    reason: Option<String>,
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let wanted = args.name.as_deref();
    let now = store.now()?;
    let mut readers = partitions(store, now)?;
    readers.extend(consumers(store)?);
    readers.retain(|reader| wanted.is_none_or(|name| name == reader.name));
    if let (true, Some(name)) = (readers.is_empty(), wanted) {
        return Err(Error::Missing(format!(
            "the store has no reader {name}; `es readers` lists them"
        )));
    }
    // After the readers: none of them is ahead of it.
    let head = store.head()?;
    let mut rows = printer.rows(COLUMNS);
    for reader in readers {
        let seconds =
            waits_since(store, reader.position)?.map(|then| time::seconds_between(then, now));
        let seconds = if rows.is_table() {
            seconds.map_or_else(|| "0s".to_owned(), time::age).into()
        } else {
            Cell::Integer(seconds.unwrap_or(0))
        };
        rows.row(&[
            reader.name.into(),
            reader.kind.into(),
            reader.version.into(),
            reader.build.into(),
            reader.partition.into(),
            reader.stage.into(),
            reader.state.into(),
            reader.position.into(),
            (head - reader.position).max(0).into(),
            seconds,
            reader.parked.into(),
            reader.owner.into(),
            reader.reason.into(),
        ])?;
    }
    if rows.end()? == 0 {
        notes.say(
            "no reader was found: no projection, subscription, saga or process manager has run here. Read \
             models in another SQLite file or schema are found with --read-store and --read-schema",
        )?;
    }
    Ok(())
}

/// When the first event after a position was recorded, in microseconds. `None` at the end.
fn waits_since(store: &mut Store<'_>, position: i64) -> Result<Option<i64>, Error> {
    let query = Query::new(
        "SELECT {recorded_at} FROM {events} e WHERE e.position > $1 ORDER BY e.position LIMIT 1",
    );
    let Some(row) = store.first(&query.with(position))? else {
        return Ok(None);
    };
    let text = row.text(0)?;
    let moment: Result<Timestamp, _> = text.parse();
    moment
        .map(|moment| Some(moment.unix_micros()))
        .map_err(|_| Error::Damaged(format!("`{text}` is no time of an event")))
}

/// The partitions of projections and subscriptions.
fn partitions(store: &mut Store<'_>, now: i64) -> Result<Vec<Reader>, Error> {
    if !store.has_read_models {
        return Ok(Vec::new());
    }
    let query = Query::new(
        "SELECT c.name, c.build, c.partition, b.version, b.stage, c.position, c.parked, c.owner, c.lease_until, \
         c.reason, c.stall, CASE WHEN b.definition = '' THEN 1 ELSE 0 END FROM {es_checkpoints} c \
         JOIN {es_builds} b ON b.name = c.name AND b.build = c.build WHERE {after}",
    );
    let reader = |row: &Row| -> Result<Reader, Error> {
        let owner = row.text(7)?;
        let (reason, stall) = (row.maybe_text(9)?, row.maybe_text(10)?);
        let is_inline = owner.starts_with("inline");
        // Leases are in milliseconds.
        let runs = is_inline || row.integer(8)? > now / 1000;
        let state = match (reason, stall) {
            (Some(_), _) => "stopped",
            (None, Some(_)) if runs => "stalled",
            (None, _) if is_inline => "inline",
            (None, _) if runs => "running",
            (None, _) => "idle",
        };
        Ok(Reader {
            name: row.text(0)?.to_owned(),
            kind: match row.integer(11)? {
                0 => "projection",
                _ => "subscription",
            },
            version: Some(row.integer(3)?),
            build: Some(row.integer(1)?),
            partition: Some(row.integer(2)?),
            stage: Some(row.text(4)?.to_owned()),
            state: Some(state),
            position: number(row.text(5)?)?,
            parked: row.integer(6)?,
            owner: Some(owner.to_owned()).filter(|owner| !owner.is_empty()),
            reason: reason.or(stall).map(str::to_owned),
        })
    };
    let mut found = Vec::new();
    let key = ["c.name", "c.build", "c.partition"];
    store.each_row(Tables::ReadModels, &query, &key, &mut |_, row| {
        found.push(reader(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The cursors of sagas and process managers.
fn consumers(store: &mut Store<'_>) -> Result<Vec<Reader>, Error> {
    let mut parked: BTreeMap<String, i64> = BTreeMap::new();
    let query = Query::new(
        "SELECT w.aggregate, count(*) FROM {work} w WHERE w.status = 'parked' AND {after} \
         GROUP BY w.aggregate",
    );
    store.each_row(Tables::Store, &query, &["w.aggregate"], &mut |_, row| {
        let aggregate = row.text(0)?;
        let name = aggregate.strip_prefix("saga-input:").unwrap_or(aggregate);
        let name = name.strip_prefix("saga:").unwrap_or(name);
        *parked.entry(name.to_owned()).or_default() += row.integer(1)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let mut found = Vec::new();
    each_cursor(store, &mut |store, row| {
        let consumer = row.text(0)?;
        let name = consumer.strip_prefix("saga:").unwrap_or(consumer);
        let query = Query::new("SELECT w.definition FROM {work} w WHERE w.aggregate = $1 LIMIT 1");
        let instance = store.first(&query.with(consumer))?;
        let definition = instance.as_ref().map(|row| row.text(0)).transpose()?;
        found.push(Reader {
            name: name.to_owned(),
            kind: kind_of(definition.unwrap_or_default()),
            version: None,
            build: None,
            partition: None,
            stage: None,
            state: None,
            position: slowest(row.text(1)?, row.maybe_text(2)?)?,
            parked: parked.get(name).copied().unwrap_or(0),
            owner: None,
            reason: None,
        });
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with the cursors: consumer, position and inputs.
pub(crate) fn each_cursor(
    store: &mut Store<'_>,
    each: &mut dyn FnMut(&mut Store<'_>, &Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let query = Query::new("SELECT consumer, position, inputs FROM {cursors} WHERE {after}");
    store.each_row(Tables::Store, &query, &["consumer"], &mut |store, row| {
        each(store, row)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// Whether the definition in a work item is that of a saga.
pub(crate) fn kind_of(definition: &str) -> &'static str {
    if definition.ends_with(":process") {
        "process manager"
    } else {
        "saga"
    }
}

/// Up to where all inputs of a cursor were read. Some of them may be behind its position.
pub(crate) fn slowest(position: &str, inputs: Option<&str>) -> Result<i64, Error> {
    let mut slowest = number(position)?;
    let Some(inputs) = inputs else {
        return Ok(slowest);
    };
    let damaged = || Error::Damaged("the inputs of a cursor are not what sagas write".to_owned());
    let inputs: serde_json::Value = serde_json::from_str(inputs).map_err(|_| damaged())?;
    let names = inputs.get("names").and_then(serde_json::Value::as_object);
    for behind in names.ok_or_else(damaged)?.values() {
        if let Some(behind) = behind.as_str() {
            slowest = slowest.min(number(behind)?);
        }
    }
    Ok(slowest)
}

/// The number of a position, as SQLite and PostgreSQL use it.
pub(crate) fn number(text: &str) -> Result<i64, Error> {
    let position: Option<Position> = text.parse().ok();
    let number = position.and_then(|position| match position.to_parts() {
        [0, 0, number] => i64::try_from(number).ok(),
        _ => None,
    });
    number.ok_or_else(|| Error::Damaged(format!("`{text}` is no position of this store")))
}
