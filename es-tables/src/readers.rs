//! How far each reader of the events has come, and by how much it lags.

use crate::{
    Error, Query, Row, Store, Tables, position,
    sagas::{INPUTS, INSTANCES, kind_of},
    time,
};
use es_record::{Position, Timestamp};
use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
};

/// A projection, subscription, saga or process manager, or a partition of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reader {
    /// Its name.
    pub name: String,
    /// `projection`, `subscription`, `saga` or `process manager`.
    pub kind: &'static str,
    /// The version of a projection or subscription.
    pub version: Option<i64>,
    /// The number of its build.
    pub build: Option<i64>,
    /// The number of the partition.
    pub partition: Option<i64>,
    /// The stage of the build, such as `live`.
    pub stage: Option<String>,
    /// `running`, `idle`, `inline`, `stalled` or `stopped`.
    pub state: Option<&'static str>,
    /// The position up to which it has read.
    pub position: i64,
    /// How many events come after it.
    pub lag_events: i64,
    /// For how long the first of them waits.
    pub lag_seconds: Option<i64>,
    /// How many events or instances are parked.
    pub parked: i64,
    /// Who runs it.
    pub owner: Option<String>,
    /// Why it stopped or stalls, or a build does not go live.
    pub reason: Option<String>,
}

/// All readers, or those with a name.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn all(store: &mut Store<'_>, name: Option<&str>) -> Result<Vec<Reader>, Error> {
    let mut readers = partitions(store)?;
    readers.extend(consumers(store)?);
    readers.retain(|reader| name.is_none_or(|name| name == reader.name));
    // After the readers: none of them is ahead of it.
    let head = store.head()?;
    let now = store.now()?;
    for reader in &mut readers {
        reader.lag_events = store.count_between(reader.position, head)?;
        reader.lag_seconds =
            waits_since(store, reader.position)?.map(|then| time::seconds_between(then, now));
    }
    Ok(readers)
}

/// The names of the projections and subscriptions that have run here.
///
/// # Errors
///
/// The database does not answer, or a row is damaged.
pub fn names(store: &mut Store<'_>) -> Result<BTreeSet<String>, Error> {
    let partitions = partitions(store)?.into_iter();
    Ok(partitions.map(|reader| reader.name).collect())
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
fn partitions(store: &mut Store<'_>) -> Result<Vec<Reader>, Error> {
    if !store.has_read_models()? {
        return Ok(Vec::new());
    }
    // Leases end by the clock of the database that they are in.
    let now = store.now_of(Tables::ReadModels)?;
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
            lag_events: 0,
            lag_seconds: None,
            parked: row.integer(6)?,
            owner: Some(owner.to_owned()).filter(|owner| !owner.is_empty()),
            reason: reason.or(stall).map(str::to_owned),
        })
    };
    let mut found = Vec::new();
    let key = ["c.name", "c.build", "c.partition"];
    store.each_row(Tables::ReadModels, &query, &key, &mut |_, row| {
        found.push(reader(row)?);
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    say_what_waits(&mut found);
    Ok(found)
}

/// A build does not go live while more of its events are parked than of the live one.
fn say_what_waits(partitions: &mut [Reader]) {
    let mut live: HashMap<String, i64> = HashMap::new();
    let mut building: HashMap<(String, Option<i64>), i64> = HashMap::new();
    for reader in &*partitions {
        let name = reader.name.clone();
        match reader.stage.as_deref() {
            Some("live") => *live.entry(name).or_default() += reader.parked,
            Some("building") => *building.entry((name, reader.build)).or_default() += reader.parked,
            _ => {}
        }
    }
    for reader in partitions {
        let parked = building.get(&(reader.name.clone(), reader.build));
        let is_kept_back = parked
            .zip(live.get(&reader.name))
            .is_some_and(|(new, old)| new > old);
        if is_kept_back && reader.parked > 0 && reader.reason.is_none() {
            let why = "goes live when no more of its events are parked than of the live one: retry or discard them";
            reader.reason = Some(why.to_owned());
        }
    }
}

/// The cursors of sagas and process managers.
fn consumers(store: &mut Store<'_>) -> Result<Vec<Reader>, Error> {
    let mut found = Vec::new();
    each_cursor(store, &mut |store, row| {
        let consumer = row.text(0)?;
        let name = consumer.strip_prefix(INSTANCES).unwrap_or(consumer);
        let query = Query::new("SELECT w.definition FROM {work} w WHERE w.aggregate = $1 LIMIT 1");
        let instance = store.first(&query.with(consumer))?;
        let definition = instance.as_ref().map(|row| row.text(0)).transpose()?;
        let parked = Query::new(
            "SELECT count(*) FROM {work} w WHERE w.aggregate IN ($1, $2) AND w.status = 'parked'",
        );
        let inputs = format!("{INPUTS}{name}");
        let parked = store.first(&parked.with(consumer).with(inputs.as_str()))?;
        found.push(Reader {
            name: name.to_owned(),
            kind: kind_of(definition.unwrap_or_default()),
            version: None,
            build: None,
            partition: None,
            stage: None,
            state: None,
            position: slowest(row.text(1)?, row.maybe_text(2)?)?,
            lag_events: 0,
            lag_seconds: None,
            parked: parked.map_or(Ok(0), |row| row.integer(0))?,
            owner: None,
            reason: None,
        });
        Ok::<_, Error>(())
    })?;
    Ok(found)
}

/// Calls `each` with the cursors: consumer, position and inputs.
///
/// # Errors
///
/// The first error of `each`, or the database does not answer.
pub fn each_cursor<E: From<Error>>(
    store: &mut Store<'_>,
    each: &mut dyn FnMut(&mut Store<'_>, &Row) -> Result<(), E>,
) -> Result<(), E> {
    let query = Query::new("SELECT consumer, position, inputs FROM {cursors} WHERE {after}");
    store.each_row(Tables::Store, &query, &["consumer"], &mut |store, row| {
        each(store, row)?;
        Ok::<_, E>(ControlFlow::Continue(()))
    })
}

/// Up to where all inputs of a cursor were read. Some of them may be behind its position.
///
/// # Errors
///
/// It is none that a store writes.
pub fn slowest(position: &str, inputs: Option<&str>) -> Result<i64, Error> {
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

/// The number of a position.
///
/// # Errors
///
/// It is none that a store writes.
pub fn number(text: &str) -> Result<i64, Error> {
    let position: Option<Position> = text.parse().ok();
    let number = position.and_then(position::number);
    number.ok_or_else(|| Error::Damaged(format!("`{text}` is no position of this store")))
}
