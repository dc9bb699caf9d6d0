//! `es import-cqrs-es`: appends the events that cqrs-es has stored.

use super::Outside;
use crate::{
    consent,
    cqrs_es::{Converted, Known, Mapping, SourceRow, Table, convert},
    error::Error,
    moving::{Canonical, EVENTS, Progress, Target},
    output::Cell,
    store::{self, Access, PAGE, Query, Store, Value},
};
use es_record::{Codec, Timestamp};
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The database of cqrs-es: as for --store
    #[arg(value_name = "FROM")]
    from: String,
    /// The file that maps its names
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// The schema lock of the application: events that it does not know are refused
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Its table of events
    #[arg(long, value_name = "NAME", default_value = "events")]
    table: String,
    /// What its payloads are
    #[arg(long, value_name = "FORM", default_value = "tagged")]
    payload: Payload,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

/// What serde made of an event of cqrs-es.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Payload {
    /// {"Type": fields}, as serde writes an enum
    Tagged,
    /// The fields alone
    Fields,
}

/// So many kinds of mistakes are shown.
const SHOWN: usize = 20;

pub(crate) fn run(args: &Args, outside: Outside<'_>) -> Result<(), Error> {
    let from = outside.find(&args.from, None, None)?;
    let Outside {
        place,
        mut printer,
        notes,
        is_person,
        ..
    } = outside;
    let place = place?;
    let mapping = Mapping::read(&args.map)?;
    let known = args.lock.as_deref().map(Known::read).transpose()?;
    let mut source = Store::connect(&from, Access::Read)?;
    let table = Table::find(&mut source, &args.table, &mapping)?;
    let now = Timestamp::now();
    let is_tagged = args.payload == Payload::Tagged;
    let convert = |row: &SourceRow| convert(row, &mapping, known.as_ref(), is_tagged, now);

    // All mistakes first: nothing is written where there is one.
    let progress = Progress::new(is_person);
    progress.begin("checking", 0);
    let (mut mistakes, mut events) = (BTreeMap::<String, (String, u64)>::new(), 0_i64);
    table.each(&mut source, &mut |row| {
        events += 1;
        progress.step();
        if let Err(what) = convert(&row) {
            let is_full = mistakes.len() >= SHOWN && !mistakes.contains_key(&what);
            let what = if is_full {
                "and others".to_owned()
            } else {
                what
            };
            mistakes.entry(what).or_insert_with(|| (row.place(), 0)).1 += 1;
        }
        Ok(())
    })?;
    drop(progress);
    if !mistakes.is_empty() {
        let lines = mistakes.iter().map(|(what, (place, count))| {
            format!("\n  {what}: {count} of them, the first one is {place}")
        });
        return Err(Error::Usage(format!(
            "the events of {} cannot be imported, and nothing was written:{}",
            from.shown(),
            lines.collect::<String>()
        )));
    }
    let what = format!(
        "This appends {events} events of {} to the store {}",
        from.shown(),
        place.shown()
    );
    consent::ask(args.yes, &what, &notes, is_person)?;

    let mut target = Target::open_own(&place)?;
    refuse_rules(&mut target, &mapping)?;
    let progress = Progress::new(is_person);
    progress.begin("events", events);
    let mut importing = Importing {
        target,
        waiting: Vec::new(),
        written: 0,
        there: 0,
    };
    table.each(&mut source, &mut |row| {
        progress.step();
        let place = row.place();
        let converted = convert(&row).map_err(|what| Error::damaged(format!("{place}: {what}")))?;
        importing.take(converted)
    })?;
    importing.write()?;
    drop(progress);
    let (written, there) = (importing.written, importing.there);
    importing.target.finish()?;
    printer.record(&[
        ("events", Cell::Integer(events)),
        ("written", Cell::Integer(written)),
        ("there_before", Cell::Integer(there)),
    ])?;
    if written > 0 {
        notes.say(
            "es: unique values and tags need the types of the application. Turn them on there: `turn_on` for rules, \
             `turn_on_tags` for tags. Snapshots are made again.",
        )?;
    }
    if !table.has_time {
        notes.say("es: the events have no time: streams were interleaved by sequence, and the time is that of now")?;
    }
    Ok(())
}

/// An event of a rule that is on would have to be checked by the rule.
fn refuse_rules(target: &mut Target, mapping: &Mapping) -> Result<(), Error> {
    let names: HashSet<&str> = mapping.events().map(|event| event.name.as_str()).collect();
    let query = Query::new("SELECT r.rule, r.event FROM {rules} r ORDER BY r.rule");
    let page = target.store.page(&query, usize::MAX)?;
    for row in &page.rows {
        let (rule, event) = (row.text(0)?.to_owned(), row.text(1)?);
        if names.contains(event) {
            let why = format!(
                "`{rule}` is on for events `{event}` there, and nobody would check the imported ones. Import into a \
                 store where it is not on yet"
            );
            return Err(target.refused(why));
        }
    }
    Ok(())
}

/// The events that are appended.
struct Importing {
    target: Target,
    waiting: Vec<Converted>,
    written: i64,
    there: i64,
}

impl Importing {
    fn take(&mut self, event: Converted) -> Result<(), Error> {
        self.waiting.push(event);
        if self.waiting.len() >= PAGE {
            self.write()?;
        }
        Ok(())
    }

    /// Appends those that are not there yet.
    fn write(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let there = self.there(&waiting)?;
        let mut position = self.target.position;
        let mut rows = Vec::with_capacity(waiting.len());
        for event in waiting {
            if there.contains(&event.event_id.to_string()) {
                self.there += 1;
                continue;
            }
            position += 1;
            self.written += 1;
            rows.push(row(event, position));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let written = self.target.write(&EVENTS, &[], &rows);
        written.map_err(|error| match error {
            Error::Store(store::Error::Sqlite(_) | store::Error::Postgres(_)) => {
                let why = format!(
                    "{error}. If it has events of its own in these streams, import into another store"
                );
                Error::cannot_open(self.target.store.name.clone(), why)
            }
            other => other,
        })
    }

    /// The ids of these events that the target has.
    fn there(&mut self, events: &[Converted]) -> Result<HashSet<String>, Error> {
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        let mut query = Query::default();
        let ids: Vec<String> = events
            .iter()
            .map(|event| query.param(event.event_id.to_string().as_str()) + "{uuid}")
            .collect();
        query.push(&format!(
            "SELECT {{event_id}} FROM {{events}} e WHERE e.event_id IN ({})",
            ids.join(", ")
        ));
        let page = self.target.store.page(&query, events.len() + 1)?;
        page.rows
            .iter()
            .map(|row| Ok(row.text(0)?.to_owned()))
            .collect()
    }
}

fn row(event: Converted, position: i64) -> Canonical {
    Canonical(vec![
        position.into(),
        Value::Text(event.aggregate),
        Value::Text(event.id),
        event.version.into(),
        Value::Text(event.event),
        i64::from(event.schema_version).into(),
        event.recorded_at.unix_micros().into(),
        Value::Text(event.event_id.to_string()),
        Value::Text(event.metadata),
        Codec::Json.content_type().into(),
        Value::Bytes(event.payload.into_bytes()),
    ])
}
