//! `es verify`: whether a store keeps what it promises.
//!
//! Every check reads its table once, in the order of an index, a page at a time. An application may write
//! meanwhile: a check reads what points at something before it reads where that has to be.

use super::{
    Session,
    report::{CHECKS, Check, Report},
};
use crate::{
    application::Application,
    error::Error,
    events::{EVENT, StoredEvent, is_json, is_valid, saga_streams_of},
    output::{Column, Notes, column},
    store::{self, Dialect, Query, Row, Store, Tables, is_damaged},
};
use es_record::{EventId, MAX_STREAM_ID_BYTES, Metadata, Position, Timestamp, has_control};
use es_tables::{integrity, parked::each_parked, position, readers};
use std::ops::ControlFlow;

#[derive(clap::Args, Debug, Default)]
pub(crate) struct Args {
    /// Only these checks; all of them by default
    #[arg(value_name = "CHECK")]
    only: Vec<Check>,
    /// A schema lock, such as schema/order.lock; again for each one. The check `lock` compares events with them
    #[arg(long, value_name = "FILE")]
    lock: Vec<std::path::PathBuf>,
    /// Only events after this position, by the checks that read them in this order: `events` and `lock`
    #[arg(long, value_name = "POSITION")]
    from: Option<Position>,
}

const COLUMNS: &[Column] = &[column("check"), column("place"), column("problem")];

pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    if application.is_none() && args.only.contains(&Check::Types) {
        return Err(Error::Usage(
            "the check `types` needs the types of the application: run the program of the application that calls \
             `es_cli::App`"
                .to_owned(),
        ));
    }
    let from = args.from.and_then(position::number).unwrap_or(0);
    let other = args.only.iter().find(|check| !check.is_by_position());
    if let (Some(check), Some(_)) = (other, args.from) {
        return Err(Error::Usage(format!(
            "--from is for checks in the order of positions, which `{}` is not; leave it out",
            check.name()
        )));
    }
    let locks = super::lock::Locks::read(&args.lock)?;
    if args.lock.is_empty() && args.only.contains(&Check::Lock) {
        let what = "the check `lock` needs a lock: --lock FILE";
        return Err(Error::Usage(what.to_owned()));
    }
    if args.only.contains(&Check::File) && !integrity::has_files(store) {
        return Err(Error::Usage(
            "the check `file` is one of SQLite's, and this store is in no file of SQLite; for PostgreSQL there is `pg_amcheck`"
                .to_owned(),
        ));
    }
    let say = |text: &str| notes.say(text);
    let mut report = Report {
        rows: printer.rows(COLUMNS),
        check: Check::File,
        problems: 0,
        all: 0,
        looked_at: 0,
        say: &say,
    };
    for check in CHECKS {
        let is_wanted = args.only.is_empty() || args.only.contains(check);
        let is_possible = match check {
            Check::File => integrity::has_files(store),
            Check::Lock => !args.lock.is_empty(),
            Check::Types => application.is_some(),
            _ => true,
        };
        if !is_wanted || !is_possible || args.from.is_some() && !check.is_by_position() {
            continue;
        }
        (report.check, report.problems, report.looked_at) = (*check, 0, 0);
        let mut to = 0;
        let last = last_position(store).map(|last| to = last);
        let done = last.and_then(|()| match check {
            Check::File => file(store, &mut report),
            Check::Events => events(store, from, &mut report),
            Check::Streams => streams(store, &mut report),
            Check::Appends => appends(store, &mut report),
            Check::Snapshots => snapshots(store, &mut report),
            Check::UniqueValues => unique_values(store, &mut report),
            Check::Tags => tags(store, &mut report),
            Check::Sagas => sagas(store, &mut report),
            Check::Readers => of_readers(store, &mut report),
            Check::Lock => locks.verify(store, (from, to), &mut report),
            Check::Types => match application {
                None => Ok(()),
                Some(application) => types(application, store, notes, &mut report),
            },
        });
        match done {
            // The rest of this check is unknown, and the others may tell more.
            Err(Error::Store(store::Error::Damaged(what))) => report.problem("", &what)?,
            Err(Error::Store(store::Error::Sqlite(error))) if is_damaged(&error) => {
                let what = format!("SQLite cannot read it to its end: {error}; restore a backup");
                report.problem("", &what)?;
            }
            Err(error) => {
                // What was found so far is not kept back.
                report.rows.flush()?;
                return Err(error);
            }
            Ok(()) => {}
        }
        tell(notes, &report, to)?;
    }
    let all = report.all;
    if all > 0 || !report.rows.is_table() {
        report.rows.end()?;
    }
    match all {
        0 => Ok(()),
        1 => Err(Error::Found("1 problem was found".to_owned())),
        _ => Err(Error::Found(format!("{all} problems were found"))),
    }
}

fn tell(notes: &Notes<'_>, report: &Report<'_>, to: i64) -> Result<(), Error> {
    let Report {
        check,
        problems,
        looked_at,
        ..
    } = report;
    let problems = match problems {
        0 => "no problem".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    };
    notes.say(&format!(
        "{}: {looked_at} looked at, {problems}",
        check.name()
    ))?;
    if check.is_by_position() {
        let to = position::text(to);
        notes.say(&format!(
            "{}: up to position {to}; `verify {0} --from {to}` goes on there",
            check.name()
        ))?;
    }
    Ok(())
}

fn file(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let checked = integrity::of_files(store)?;
    report.looked_at = checked.pages;
    for (place, problem) in checked.problems {
        report.problem(&place, &problem)?;
    }
    Ok(())
}

fn types(
    application: &dyn Application,
    store: &mut Store<'_>,
    notes: &Notes<'_>,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    application.verify(store, report)?;
    let known = application.aggregates();
    let all = es_tables::streams::aggregates(store, "", usize::MAX)?;
    let mut unknown = all.clone();
    unknown.retain(|aggregate| !known.contains(&aggregate.as_str()));
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown = unknown.join(", ");
    notes.say(&format!("types: the application has none for {unknown}"))?;
    // Whoever registers it as an aggregate has registered streams that it never writes.
    let managers = known.iter().filter(|name| {
        let own = saga_streams_of(name);
        own.is_some_and(|own| all.contains(&own)) && !all.iter().any(|aggregate| aggregate == *name)
    });
    for name in managers {
        notes.say(&format!(
            "types: no stream is of the aggregate {name}; register a process manager with `App::process_manager`"
        ))?;
    }
    Ok(())
}

/// The position that the newest event has, or had.
pub(crate) fn last_position(store: &mut Store<'_>) -> Result<i64, Error> {
    match store.dialect() {
        Dialect::Postgres => Ok(store.head()?),
        Dialect::Sqlite => {
            let query = Query::new("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
            let row = store.first(&query)?;
            Ok(row.map_or(Ok(0), |row| row.integer(0))?)
        }
    }
}

fn events(store: &mut Store<'_>, from: i64, report: &mut Report<'_>) -> Result<(), Error> {
    let last = last_position(store)?;
    let mut before = from;
    let mut query = Query::new(EVENT).with(last);
    query.push(" WHERE e.position <= $1 AND {after}");
    if from > 0 {
        query = query.with(from);
        query.push(" AND e.position > $2");
    }
    store.each_row(Tables::Store, &query, &["e.position"], &mut |_, row| {
        let position = row.integer(0)?;
        report.event(position)?;
        if position < 1 {
            let problem = "positions begin with 1, and no reader sees this event";
            report.problem(&place_of(row, position), problem)?;
        } else {
            // Between places there may be messages without events: what is missing among them is known by itself.
            if position != before + 1 && !position::is_place(position) {
                missing_positions(report, before + 1, position - 1)?;
            }
            before = position;
        }
        let problem = match StoredEvent::of(row) {
            Ok(event) => problem_of(&event),
            Err(_) => Some("a column has a value of another kind"),
        };
        if let Some(problem) = problem {
            report.problem(&place_of(row, position), problem)?;
        }
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    for (place, problem) in store.problems()? {
        report.problem(&place, &problem)?;
    }
    if before < last && !position::is_place(last) {
        missing_positions(report, before + 1, last)?;
    }
    // The newest event is where the next one follows it.
    let query = Query::new("SELECT coalesce(max(e.position), 0) FROM {events} e");
    let newest = store.first(&query)?.map_or(Ok(0), |row| row.integer(0))?;
    let now = last_position(store)?;
    if newest > now {
        report.problem(
            &format!("position {newest}"),
            &format!("the store counts {now} events, so that the next one would get a position that is taken"),
        )?;
    }
    Ok(())
}

fn missing_positions(report: &mut Report<'_>, first: i64, last: i64) -> Result<(), Error> {
    if first == last {
        return report.problem(&format!("position {first}"), "the event is missing");
    }
    let (place, count) = (format!("positions {first} to {last}"), last - first + 1);
    report.problem(&place, &format!("{count} events are missing"))
}

fn place_of(row: &Row, position: i64) -> String {
    match (row.text(1), row.text(2), row.integer(3)) {
        (Ok(aggregate), Ok(id), Ok(version)) => {
            format!(
                "position {}, {aggregate}/{id} version {version}",
                position::text(position)
            )
        }
        _ => format!("position {}", position::text(position)),
    }
}

/// What is wrong with an event, as far as this can be said without its type.
fn problem_of(event: &StoredEvent) -> Option<&'static str> {
    let is_half =
        |text: &str| (1..=MAX_STREAM_ID_BYTES).contains(&text.len()) && !has_control(text);
    if !is_half(&event.aggregate) || !is_half(&event.id) {
        return Some("the name of the stream cannot be one");
    }
    if !(1..=i64::from(u16::MAX)).contains(&event.schema_version) {
        return Some("the schema version is not a number from 1 to 65535");
    }
    if event.event_id.parse::<EventId>().is_err() {
        return Some("the event id is not a UUID");
    }
    if event.recorded_at.parse::<Timestamp>().is_err() {
        return Some("the time is not a moment in ISO 8601");
    }
    if Metadata::from_json(&event.metadata).is_err() {
        return Some("the metadata is not the JSON of metadata");
    }
    if is_json(&event.content_type) && event.json().is_none() {
        return Some("the payload is not the JSON that its content type says");
    }
    None
}

/// Calls `each` with all rows of a table of the store, in the order of its key.
fn each_row(
    store: &mut Store<'_>,
    report: &mut Report<'_>,
    query: &Query,
    key: &[&str],
    each: &mut dyn FnMut(&mut Report<'_>, &Row) -> Result<(), Error>,
) -> Result<(), Error> {
    store.each_row(Tables::Store, query, key, &mut |_, row| {
        report.looked_at += 1;
        each(report, row)?;
        Ok::<_, Error>(ControlFlow::Continue(()))
    })
}

fn streams(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let sql = "SELECT e.aggregate, e.aggregate_id, e.version, e.position FROM {events} e \
               WHERE {after}";
    let key = ["e.aggregate", "e.aggregate_id", "e.version"];
    let mut before: Option<(String, String, i64, i64)> = None;
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        let (aggregate, id) = (row.text(0)?, row.text(1)?);
        let (version, position) = (row.integer(2)?, row.integer(3)?);
        let same = before
            .as_ref()
            .filter(|(a, i, ..)| a == aggregate && i == id)
            .map_or((0, 0), |(_, _, version, position)| (*version, *position));
        let place = || {
            let position = position::text(position);
            format!("{aggregate}/{id} version {version}, position {position}")
        };
        if version != same.0 + 1 {
            let missing = match (same.0 + 1, version - 1) {
                (first, last) if first == last => format!("version {first} is missing"),
                (first, last) => format!("versions {first} to {last} are missing"),
            };
            report.problem(&place(), &format!("{missing} before it"))?;
        }
        if position <= same.1 {
            report.problem(
                &place(),
                &format!(
                    "the version before it has the later position {}",
                    position::text(same.1)
                ),
            )?;
        }
        match &mut before {
            // The same memory for all events of a stream.
            Some(before) if before.0 == aggregate && before.1 == id => {
                (before.2, before.3) = (version, position);
            }
            before => *before = Some((aggregate.to_owned(), id.to_owned(), version, position)),
        }
        Ok(())
    })
}

fn appends(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let sql = "SELECT a.aggregate, a.aggregate_id, a.append_id, a.last_version, a.events, a.position, e.position \
               FROM {appends} a LEFT JOIN {events} e ON e.aggregate = a.aggregate \
               AND e.aggregate_id = a.aggregate_id AND e.version = a.last_version \
               WHERE {after}";
    let key = ["a.aggregate", "a.aggregate_id", "a.append_id"];
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        let (version, events, position) = (row.integer(3)?, row.integer(4)?, row.integer(5)?);
        let there = row.maybe_integer(6)?;
        let problem = if !(0..=version).contains(&events) {
            format!("it counts {events} events, and its stream had {version} after it")
        } else if version == 0 && position == 0 {
            // An append without events to a stream without events.
            return Ok(());
        } else {
            match there {
                Some(there) if there == position => return Ok(()),
                Some(there) => format!(
                    "its last event is at position {}, and it says {}",
                    position::text(there),
                    position::text(position)
                ),
                None => format!(
                    "its last event is missing: version {version}, position {}",
                    position::text(position)
                ),
            }
        };
        let place = format!(
            "append {} of {}/{}",
            row.text(2)?,
            row.text(0)?,
            row.text(1)?
        );
        report.problem(&place, &problem)
    })
}

fn snapshots(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let sql = "SELECT s.aggregate, s.aggregate_id, s.version, s.position, e.position FROM {snapshots} s \
               LEFT JOIN {events} e ON e.aggregate = s.aggregate AND e.aggregate_id = s.aggregate_id \
               AND e.version = s.version WHERE {after}";
    let key = ["s.aggregate", "s.aggregate_id"];
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        let (version, position) = (row.integer(2)?, row.text(3)?);
        let problem = match row.maybe_integer(4)? {
            Some(there) if position::text(there) == position => return Ok(()),
            Some(there) => {
                let there = position::text(there);
                format!("version {version} is at position {there}, and it says {position}")
            }
            None => format!("its stream has no version {version}"),
        };
        report.problem(
            &format!("snapshot of {}/{}", row.text(0)?, row.text(1)?),
            &problem,
        )
    })
}

/// Values are personal data perhaps, so problems name only their rule and stream.
fn unique_values(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    if !store.has_unique_values {
        return Ok(());
    }
    let sql = "SELECT u.rule, u.value, u.aggregate, u.aggregate_id, u.position, e.aggregate, e.aggregate_id \
               FROM {unique_values} u LEFT JOIN {events} e ON e.position = u.position \
               WHERE {after}";
    let key = ["u.rule", "u.value"];
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        let (aggregate, id, position) = (row.text(2)?, row.text(3)?, row.integer(4)?);
        let at = position::text(position);
        let problem = match (row.maybe_text(5)?, row.maybe_text(6)?) {
            (Some(a), Some(i)) if a == aggregate && i == id => return Ok(()),
            (Some(a), Some(i)) => format!("the event at position {at} is of {a}/{i}"),
            _ => format!("the event at position {at} that claimed it is missing"),
        };
        let place = format!("a value of rule {} of {aggregate}/{id}", row.text(0)?);
        report.problem(&place, &problem)
    })
}

/// A tag is personal data perhaps, so problems name only its kind and position.
fn tags(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    if !store.has_tags {
        return Ok(());
    }
    let sql = "SELECT t.tag, t.position, t.event, e.event FROM {tags} t \
               LEFT JOIN {events} e ON e.position = t.position \
               WHERE {after}";
    let key = ["t.tag", "t.position"];
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        let (tag, position, name) = (row.text(0)?, row.integer(1)?, row.text(2)?);
        let problem = match row.maybe_text(3)? {
            Some(stored) if stored == name => return Ok(()),
            Some(stored) => format!("the event is `{stored}`, and the tag is of `{name}`"),
            None => "the event is missing".to_owned(),
        };
        let kind = tag.split_once(':').map_or("", |(kind, _)| kind);
        let position = position::text(position);
        let place = format!("a tag of kind {kind} at position {position}");
        report.problem(&place, &problem)
    })
}

fn sagas(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let sql = "SELECT w.aggregate, w.aggregate_id, e.position FROM {work} w \
               LEFT JOIN {events} e ON e.aggregate = w.aggregate AND e.aggregate_id = w.aggregate_id \
               AND e.version = 1 WHERE {after}";
    let key = ["w.aggregate", "w.aggregate_id"];
    each_row(store, report, &Query::new(sql), &key, &mut |report, row| {
        if row.is_null(2) {
            let place = format!("{}/{}", row.text(0)?, row.text(1)?);
            report.problem(&place, "the instance has no stream")?;
        }
        Ok(())
    })
}

/// A reader that was seen, with what it says of the store.
struct Seen {
    place: String,
    position: i64,
    /// Stream, version and id of the last event.
    last: Option<(String, String, i64, String)>,
    store_id: Option<String>,
}

fn of_readers(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    let mut seen = Vec::new();
    readers::each_cursor(store, &mut |_, row| {
        let place = format!("cursor of {}", row.text(0)?);
        report.looked_at += 1;
        let inputs = row.maybe_text(2)?;
        if inputs.is_some_and(|inputs| !is_valid(inputs))
            || readers::slowest(row.text(1)?, inputs).is_err()
        {
            return report.problem(&place, "it cannot be read");
        }
        seen.push(Seen {
            place,
            position: readers::number(row.text(1)?)?,
            last: None,
            store_id: None,
        });
        Ok(())
    })?;
    if store.has_read_models()? {
        let query = Query::new(
            "SELECT c.name, c.build, c.partition, c.position, c.last_aggregate, c.last_id, c.last_version, \
             c.last_event, b.store FROM {es_checkpoints} c LEFT JOIN {es_builds} b ON b.name = c.name \
             AND b.build = c.build WHERE {after}",
        );
        let key = ["c.name", "c.build", "c.partition"];
        store.each_row(Tables::ReadModels, &query, &key, &mut |_, row| {
            report.looked_at += 1;
            let (name, build, partition) = (row.text(0)?, row.integer(1)?, row.integer(2)?);
            let place = format!("checkpoint of {name}, build {build}, partition {partition}");
            let Ok(position) = readers::number(row.text(3)?) else {
                report.problem(&place, "it is not a position")?;
                return Ok::<_, Error>(ControlFlow::Continue(()));
            };
            let last = match (
                row.maybe_text(4)?,
                row.maybe_text(5)?,
                row.maybe_integer(6)?,
                row.maybe_text(7)?,
            ) {
                (Some(aggregate), Some(id), Some(version), Some(event)) => Some((
                    aggregate.to_owned(),
                    id.to_owned(),
                    version,
                    event.to_owned(),
                )),
                _ => None,
            };
            let store_id = row.maybe_text(8)?.map(str::to_owned);
            seen.push(Seen {
                place,
                position,
                last,
                store_id,
            });
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
    }
    // Later than the readers were read.
    let head = last_position(store)?;
    let id = store.id()?;
    for Seen {
        place,
        position,
        last,
        store_id,
    } in seen
    {
        if position > head {
            report.problem(
                &place,
                &format!(
                    "it is at position {}, and the store ends at {}",
                    position::text(position),
                    position::text(head)
                ),
            )?;
        }
        if store_id.is_some() && store_id != id {
            report.problem(&place, "its read model belongs to another store")?;
        }
        if let Some((aggregate, id, version, event)) = last {
            if event_at(store, &aggregate, &id, version)?.as_deref() != Some(event.as_str()) {
                let what = format!(
                    "its last event is not in the store: {aggregate}/{id} version {version}"
                );
                report.problem(&place, &what)?;
            }
        }
    }
    of_parked(store, report)
}

/// Parked events are in the store.
fn of_parked(store: &mut Store<'_>, report: &mut Report<'_>) -> Result<(), Error> {
    each_parked(store, None, true, &mut |store, parked| {
        report.looked_at += 1;
        let (aggregate, id, version) = (&parked.aggregate, &parked.id, parked.version);
        if event_at(store, aggregate, id, version)?.as_ref() != Some(&parked.event_id) {
            let place = format!(
                "parked event {} of {}",
                position::text(parked.position),
                parked.reader
            );
            let what = format!("it is not in the store: {aggregate}/{id} version {version}");
            report.problem(&place, &what)?;
        }
        Ok(())
    })
}

/// The id of the event with this version.
fn event_at(
    store: &mut Store<'_>,
    aggregate: &str,
    id: &str,
    version: i64,
) -> Result<Option<String>, Error> {
    let query = Query::new(
        "SELECT {event_id} FROM {events} e WHERE e.aggregate = $1 AND e.aggregate_id = $2 AND e.version = $3",
    );
    let row = store.first(&query.with(aggregate).with(id).with(version))?;
    let id = row.map(|row| row.text(0).map(str::to_owned));
    Ok(id.transpose()?)
}
