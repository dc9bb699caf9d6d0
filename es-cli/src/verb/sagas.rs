//! `es sagas`: the instances of sagas and process managers, and where they stand.

use super::{Session, readers::kind_of, show::each_of_stream};
use crate::{
    error::Error,
    events::{COLUMNS as EVENT_COLUMNS, StoredEvent},
    output::{Cell, Column, Format, column, detail},
    store::{Query, Row, Store, Tables},
    time,
};
use std::{collections::BTreeMap, ops::ControlFlow};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Lists instances
    List {
        /// Only those of this saga or process manager
        name: Option<String>,
        /// Only those with this status
        #[arg(long)]
        status: Option<Status>,
        /// Only those that are due for longer than a minute, while no worker has them
        #[arg(long)]
        overdue: bool,
        /// At most so many
        #[arg(long, short = 'n', value_name = "NUMBER")]
        limit: Option<u64>,
    },
    /// Shows one instance: where it stands, the timers that it waits for, and its events
    Show {
        /// The saga or process manager
        name: String,
        /// The id of the instance
        id: String,
    },
    /// Counts instances by status
    Counts {
        /// Only those of this saga or process manager
        name: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Status {
    Running,
    Parked,
    Done,
}

const COLUMNS: &[Column] = &[
    column("saga"),
    column("kind"),
    column("id"),
    column("status"),
    column("phase"),
    column("due_at"),
    detail("definition"),
    column("owner"),
    detail("lease_until"),
    detail("epoch"),
    column("updated_at"),
    detail("stream"),
    column("reason"),
];

/// In the order of [`cells`].
const SELECT: &str = "SELECT w.aggregate, w.aggregate_id, w.definition, w.status, w.phase, w.reason, {due_at}, \
     w.epoch, w.owner, {lease_until}, {updated_at} FROM {work} w";

/// The streams of instances, and of single inputs that wait for an operator.
const INSTANCES: &str = "saga:";
const INPUTS: &str = "saga-input:";

/// For longer than this, a worker should have come.
const OVERDUE: i64 = 60_000_000;

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    match &args.verb {
        Verb::List {
            name,
            status,
            overdue,
            limit,
        } => {
            let wanted = Wanted {
                name: name.as_deref(),
                status: *status,
                overdue: *overdue,
                limit: limit.unwrap_or(u64::MAX),
            };
            list(session, &wanted)
        }
        Verb::Show { name, id } => show(session, name, id),
        Verb::Counts { name } => counts(session, name.as_deref()),
    }
}

/// The name of a saga, and whether the row is an instance, or one input of it.
fn named<'r>(aggregate: &'r str, definition: &str) -> (&'r str, &'static str) {
    if let Some(name) = aggregate.strip_prefix(INPUTS) {
        return (name, "input");
    }
    let name = aggregate.strip_prefix(INSTANCES).unwrap_or(aggregate);
    (name, kind_of(definition))
}

fn moment(micros: Option<i64>) -> Result<Cell, Error> {
    let moment = micros.map(time::of_micros).transpose()?;
    Ok(moment.map(|moment| moment.to_string()).into())
}

fn cells(row: &Row) -> Result<Vec<Cell>, Error> {
    let (aggregate, id, definition) = (row.text(0)?, row.text(1)?, row.text(2)?);
    let (name, kind) = named(aggregate, definition);
    Ok(vec![
        name.into(),
        kind.into(),
        id.into(),
        row.text(3)?.into(),
        row.text(4)?.into(),
        moment(row.maybe_integer(6)?)?,
        definition.into(),
        row.maybe_text(8)?.into(),
        moment(row.maybe_integer(9)?)?,
        row.integer(7)?.into(),
        moment(Some(row.integer(10)?))?,
        format!("{aggregate}/{id}").into(),
        row.maybe_text(5)?.into(),
    ])
}

struct Wanted<'a> {
    name: Option<&'a str>,
    status: Option<Status>,
    overdue: bool,
    limit: u64,
}

fn list(session: &mut Session<'_>, wanted: &Wanted<'_>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let now = store.now()?;
    let mut rows = printer.rows(COLUMNS);
    let mut query = Query::new(SELECT);
    query.push(" WHERE {after}");
    if let Some(name) = wanted.name {
        let instances = query.param(format!("{INSTANCES}{name}").as_str());
        let inputs = query.param(format!("{INPUTS}{name}").as_str());
        query.push(&format!(" AND w.aggregate IN ({instances}, {inputs})"));
    }
    if let Some(status) = wanted.status {
        let status = query.param(match status {
            Status::Running => "running",
            Status::Parked => "parked",
            Status::Done => "done",
        });
        query.push(&format!(" AND w.status = {status}"));
    }
    if wanted.overdue {
        let condition = overdue(&mut query, now);
        query.push(&format!(" AND {condition}"));
    }
    let mut shown = 0;
    let key = ["w.aggregate", "w.aggregate_id"];
    if wanted.limit > 0 {
        store.each_row(Tables::Store, &query, &key, &mut |_, row| {
            rows.row(&cells(row)?)?;
            shown += 1;
            Ok(if shown >= wanted.limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    if rows.end()? == 0 {
        notes.say("no instance of a saga or process manager was found")?;
    }
    Ok(())
}

/// The condition on instances that are due for long, and that no worker has.
fn overdue(query: &mut Query, now: i64) -> String {
    let due = query.param(now - OVERDUE);
    let now = query.param(now);
    format!(
        "w.status = 'running' AND {{due_at}} < {due} AND (w.lease_until IS NULL OR {{lease_until}} < {now})"
    )
}

const COUNTS: &[Column] = &[
    column("saga"),
    column("running"),
    column("parked"),
    column("done"),
    column("parked_inputs"),
    column("overdue"),
];

fn counts(session: &mut Session<'_>, wanted: Option<&str>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    // Running, parked, done, parked inputs, overdue.
    let mut counts: BTreeMap<String, [i64; 5]> = BTreeMap::new();
    let now = store.now()?;
    let mut query = Query::default();
    let condition = overdue(&mut query, now);
    query.push("SELECT w.aggregate");
    for which in [
        "w.status = 'running'",
        "w.status = 'parked'",
        "w.status = 'done'",
        &condition,
    ] {
        query.push(&format!(", count(CASE WHEN {which} THEN 1 END)"));
    }
    query.push(" FROM {work} w WHERE {after} GROUP BY w.aggregate");
    store.each_row(Tables::Store, &query, &["w.aggregate"], &mut |_, row| {
        let (name, kind) = named(row.text(0)?, "");
        let [running, parked, done, inputs, overdue] = counts.entry(name.to_owned()).or_default();
        if kind == "input" {
            // An input that is done with is none of the instances.
            *inputs += row.integer(2)?;
        } else {
            *running += row.integer(1)?;
            *parked += row.integer(2)?;
            *done += row.integer(3)?;
        }
        *overdue += row.integer(4)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let mut rows = printer.rows(COUNTS);
    for (name, counts) in counts {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut cells = vec![name.into()];
        cells.extend(counts.map(Cell::from));
        rows.row(&cells)?;
    }
    if rows.end()? == 0 {
        notes.say("no instance of a saga or process manager was found")?;
    }
    Ok(())
}

fn show(session: &mut Session<'_>, name: &str, id: &str) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let Some((aggregate, row)) = find(store, name, id)? else {
        return Err(Error::Missing(format!(
            "{name} has no instance {id}; `es sagas list {name}` lists them"
        )));
    };
    let mut values: Vec<(&'static str, Cell)> = COLUMNS
        .iter()
        .map(|column| column.name())
        .zip(cells(&row)?)
        .collect();
    let mut timers = BTreeMap::new();
    each_of_stream(store, &aggregate, id, &mut |event| {
        timers_of(event, &mut timers);
        Ok(ControlFlow::Continue(()))
    })?;
    let in_table = printer.format == Format::Table;
    if in_table {
        values.retain(|(_, value)| *value != Cell::None);
        values.extend(
            timers
                .iter()
                .map(|(name, at)| ("timer", format!("{name} at {at}").into())),
        );
        printer.record(&values)?;
        writeln!(printer.out)?;
        let mut rows = printer.rows(EVENT_COLUMNS);
        each_of_stream(store, &aggregate, id, &mut |event| {
            rows.row(&event.cells(true))?;
            Ok(ControlFlow::Continue(()))
        })?;
        return rows.end().map(|_| ());
    }
    let timers = serde_json::to_string(&timers).unwrap_or_default();
    values.push(("timers", Cell::Json(timers)));
    printer.record(&values)
}

fn find(store: &mut Store<'_>, name: &str, id: &str) -> Result<Option<(String, Row)>, Error> {
    for prefix in [INSTANCES, INPUTS] {
        let aggregate = format!("{prefix}{name}");
        let mut query = Query::new(SELECT).with(aggregate.as_str()).with(id);
        query.push(" WHERE w.aggregate = $1 AND w.aggregate_id = $2");
        if let Some(row) = store.first(&query)? {
            return Ok(Some((aggregate, row)));
        }
    }
    Ok(None)
}

/// What an event of a process manager says of its timers: those that are set and not over yet.
fn timers_of(event: &StoredEvent, timers: &mut BTreeMap<String, String>) {
    if event.event != "process.stepped" {
        return;
    }
    let payload = event
        .json()
        .and_then(|json| serde_json::from_str(json).ok());
    let Some(step): Option<serde_json::Value> = payload else {
        return;
    };
    let cause = step.get("cause");
    let text = |key: &str| {
        cause
            .and_then(|cause| cause.get(key))
            .and_then(|v| v.as_str())
    };
    if let (Some("timer"), Some(fired)) = (text("is"), text("name")) {
        timers.remove(fired);
    }
    let set = step.get("timers").and_then(serde_json::Value::as_object);
    for (name, at) in set.into_iter().flatten() {
        match at.as_str() {
            Some(at) => timers.insert(name.clone(), at.to_owned()),
            None => timers.remove(name),
        };
    }
    if step.get("ended").and_then(serde_json::Value::as_bool) == Some(true) {
        timers.clear();
    }
}
