//! `es sagas`: the instances of sagas and process managers, and where they stand.

use super::{
    Outside, Session, operate,
    operation::{self, Operation, Repair},
};
use crate::{
    application::Application,
    error::Error,
    events::{COLUMNS as EVENT_COLUMNS, Shown, each_of_stream},
    known,
    output::{Cell, Column, Format, column, detail},
    store::{Query, Tables},
};
use es_tables::sagas::{Instance, Wanted, each_instance, find, named, overdue, timers_of};
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
    /// Retries what failed (program of the application)
    Retry(operation::RetrySagas),
    /// Counts the current step or undo as done, without a call (program of the application)
    Skip(operation::Skip),
    /// Counts the current step as done, with this output (program of the application)
    Complete(operation::Complete),
    /// Undoes everything (program of the application)
    Unwind(operation::Instance),
    /// Ends an instance as it is (of a process manager: program of the application)
    Abandon(operation::Instance),
    /// Ends the lease of the worker of an instance (of a process manager: program of the application)
    TakeOver(operation::Instance),
    /// Takes an event that was parked because it could not be taken (program of the application)
    RetryEvent(operation::Input),
    /// Skips an event that was parked, or that cannot be read (the latter: program of the application)
    SkipEvent(operation::Input),
    /// Makes work items that were lost or damaged anew from the streams (program of the application)
    RebuildRows(operation::RebuildRows),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Status {
    Running,
    Parked,
    Done,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Done => "done",
        }
    }
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

pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    outside: Outside<'_>,
) -> Result<(), Error> {
    let operation = match &args.verb {
        Verb::List {
            name,
            status,
            overdue,
            limit,
        } => {
            let wanted = Wanted {
                name: name.as_deref(),
                status: status.map(Status::name),
                overdue: *overdue,
            };
            return list(&mut outside.open()?, &wanted, limit.unwrap_or(u64::MAX));
        }
        Verb::Show { name, id } => return show(&mut outside.open()?, name, id),
        Verb::Counts { name } => return counts(&mut outside.open()?, name.as_deref()),
        Verb::Retry(args) => Operation::RetrySagas(args),
        Verb::Skip(args) => Operation::RepairSaga(&args.instance, Repair::Skip(&args.step)),
        Verb::Complete(args) => {
            let repair = Repair::Complete(&args.step, &args.value);
            Operation::RepairSaga(&args.instance, repair)
        }
        Verb::Unwind(args) => Operation::RepairSaga(args, Repair::Unwind),
        Verb::Abandon(args) => Operation::RepairSaga(args, Repair::Abandon),
        Verb::TakeOver(args) => Operation::RepairSaga(args, Repair::TakeOver),
        Verb::RetryEvent(args) => Operation::RetryInput(args),
        Verb::SkipEvent(args) => Operation::SkipInput(args),
        Verb::RebuildRows(args) => Operation::RebuildRows(args),
    };
    operate::run(&operation, application, outside)
}

fn cells(instance: Instance) -> Vec<Cell> {
    let stream = format!("{}/{}", instance.aggregate, instance.id);
    vec![
        instance.saga.into(),
        instance.kind.into(),
        instance.id.into(),
        instance.status.into(),
        instance.phase.into(),
        instance.due_at.into(),
        instance.definition.into(),
        instance.owner.into(),
        instance.lease_until.into(),
        instance.epoch.into(),
        instance.updated_at.into(),
        stream.into(),
        instance.reason.into(),
    ]
}

fn list(session: &mut Session<'_>, wanted: &Wanted<'_>, limit: u64) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let mut rows = printer.rows(COLUMNS);
    let mut shown = 0;
    if limit > 0 {
        each_instance(store, wanted, &mut |instance| {
            rows.row(&cells(instance))?;
            shown += 1;
            Ok::<_, Error>(if shown >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    if let (true, Some(name)) = (rows.is_empty(), wanted.name) {
        known::saga(store, name)?;
    }
    if rows.end()? == 0 {
        notes.say("no instance of a saga or process manager was found")?;
    }
    Ok(())
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
        Ok::<_, Error>(ControlFlow::Continue(()))
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
    if let (true, Some(name)) = (rows.is_empty(), wanted) {
        known::saga(store, name)?;
    }
    if rows.end()? == 0 {
        notes.say("no instance of a saga or process manager was found")?;
    }
    Ok(())
}

fn show(session: &mut Session<'_>, name: &str, id: &str) -> Result<(), Error> {
    let Session { store, printer, .. } = session;
    let Some(instance) = find(store, name, id)? else {
        known::saga(store, name)?;
        return Err(Error::Missing(format!(
            "{name} has no instance {id}; `es sagas list {name}` lists them"
        )));
    };
    let aggregate = instance.aggregate.clone();
    let mut values: Vec<(&'static str, Cell)> = COLUMNS
        .iter()
        .map(|column| column.name())
        .zip(cells(instance))
        .collect();
    let mut timers = BTreeMap::new();
    each_of_stream(store, &aggregate, id, &mut |event| {
        timers_of(event, &mut timers);
        Ok::<_, Error>(ControlFlow::Continue(()))
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
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        return rows.end().map(|_| ());
    }
    let timers = serde_json::to_string(&timers).unwrap_or_default();
    values.push(("timers", Cell::Json(timers)));
    printer.record(&values)
}
