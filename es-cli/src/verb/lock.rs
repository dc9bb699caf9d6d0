//! Schema locks: `es lock` over files, and the check of `es verify` that compares stored events with them.

use super::{Outside, report::Report};
use crate::{
    application::Application,
    consent,
    error::Error,
    events::{EVENT, StoredEvent, is_json},
    output::{Cell, Column, Printer, column, wide},
    store::{Query, Store, Tables},
};
use es_schema_lock::{Lock, LockDifference, LockLine};
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Reads locks and says which lines cannot be read
    Check {
        /// The locks, such as schema/order.lock
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Shows what a newer lock changes. Exits with 1 where it breaks a sealed line
    Diff {
        /// The older lock, such as that of the last release
        older: PathBuf,
        /// The newer lock
        newer: PathBuf,
    },
    /// Seals the open lines of the application's locks, at a release (program of the application)
    Seal {
        /// Only these locks
        files: Vec<PathBuf>,
        /// Does not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

const LINES: &[Column] = &[
    column("file"),
    column("line"),
    wide("text"),
    column("problem"),
];
const CHANGES: &[Column] = &[
    column("change"),
    column("breaks"),
    wide("from"),
    wide("to"),
    column("differences"),
];

/// Needs no store.
pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    mut outside: Outside<'_>,
) -> Result<(), Error> {
    match &args.verb {
        Verb::Seal { files, yes } => seal(files, *yes, application, outside),
        Verb::Check { files } => check(files, &mut outside.printer),
        Verb::Diff { older, newer } => diff(older, newer, &mut outside.printer),
    }
}

fn check(files: &[PathBuf], printer: &mut Printer<'_>) -> Result<(), Error> {
    let mut rows = printer.rows(LINES);
    let mut problems = 0;
    for file in files {
        let Err(damaged) = text_of(file)?.parse::<Lock>() else {
            continue;
        };
        for line in damaged.lines {
            problems += 1;
            let number = i64::try_from(line.line).unwrap_or(i64::MAX);
            let problem = line.problem.to_string();
            let file = file.display().to_string();
            rows.row(&[file.into(), number.into(), line.text.into(), problem.into()])?;
        }
    }
    if problems > 0 || !rows.is_table() {
        rows.end()?;
    }
    match problems {
        0 => Ok(()),
        1 => Err(Error::Found("1 line cannot be read".to_owned())),
        _ => Err(Error::Found(format!("{problems} lines cannot be read"))),
    }
}

const SEALED: &[Column] = &[column("file"), wide("change")];

fn seal(
    files: &[PathBuf],
    is_confirmed: bool,
    application: Option<&dyn Application>,
    outside: Outside<'_>,
) -> Result<(), Error> {
    let Some(application) = application else {
        return Err(Error::Usage(
            "sealing records samples of the application's types: run the program of the application that calls \
             `es_cli::App::lock`, or `ES_LOCK=seal cargo test`"
                .to_owned(),
        ));
    };
    let Outside {
        mut printer,
        notes,
        is_person,
        ..
    } = outside;
    let what = "This seals the open lines, which no later release may change";
    consent::ask(is_confirmed, what, &notes, is_person)?;
    let mut rows = printer.rows(SEALED);
    for (file, changes) in application.seal(files)? {
        for change in changes {
            rows.row(&[file.display().to_string().into(), change.into()])?;
        }
    }
    if rows.end()? == 0 {
        notes.say("no line was open")?;
    }
    Ok(())
}

fn diff(older: &Path, newer: &Path, printer: &mut Printer<'_>) -> Result<(), Error> {
    let differences = read(older)?.differences(&read(newer)?);
    let mut rows = printer.rows(CHANGES);
    let mut breaking = 0;
    for difference in &differences {
        let breaks = difference.is_breaking();
        breaking += u64::from(breaks);
        let (change, from, to, details) = match difference {
            LockDifference::Added(line) => ("added", None, Some(line), String::new()),
            LockDifference::Removed(line) => ("removed", Some(line), None, String::new()),
            LockDifference::Sealed(line) => ("sealed", None, Some(line), String::new()),
            LockDifference::Changed {
                from,
                to,
                differences,
            } => {
                let differences: Vec<String> =
                    differences.iter().map(ToString::to_string).collect();
                ("changed", Some(from), Some(to), differences.join("; "))
            }
            _ => ("other", None, None, difference.to_string()),
        };
        let text = |line: Option<&LockLine>| Cell::from(line.map(ToString::to_string));
        rows.row(&[
            change.into(),
            breaks.into(),
            text(from),
            text(to),
            details.into(),
        ])?;
    }
    rows.end()?;
    match breaking {
        0 => Ok(()),
        1 => Err(Error::Found("1 sealed line is broken".to_owned())),
        _ => Err(Error::Found(format!("{breaking} sealed lines are broken"))),
    }
}

/// The locks of an application, often one for each aggregate.
pub(crate) struct Locks(Vec<Lock>);

impl Locks {
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Error> {
        let locks: Result<_, _> = files.iter().map(|file| read(file)).collect();
        Ok(Self(locks?))
    }

    /// Compares the events of some positions with the locks, in the order of the store.
    pub(crate) fn verify(
        &self,
        store: &mut Store<'_>,
        (from, to): (i64, i64),
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        let mut query = Query::new(EVENT).with(from).with(to);
        query.push(" WHERE e.position > $1 AND e.position <= $2 AND {after}");
        store.each_row(Tables::Store, &query, &["e.position"], &mut |_, row| {
            report.event(row.integer(0)?)?;
            // What cannot be read at all is a problem of the check `events`.
            if let Ok(event) = StoredEvent::of(row) {
                if let Some(problem) = self.problem_of(&event) {
                    report.problem(&event.place(), &problem)?;
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn problem_of(&self, event: &StoredEvent) -> Option<String> {
        let Ok(version) = u16::try_from(event.schema_version) else {
            return Some("the schema version is not a number from 1 to 65535".to_owned());
        };
        let Some(lock) = self.0.iter().find(|lock| lock.has_name(&event.event)) else {
            let is_own = OWN.iter().any(|start| event.aggregate.starts_with(start));
            let what = format!("no lock has event `{}`", event.event);
            return (!is_own).then_some(what);
        };
        let payload = if is_json(&event.content_type) {
            serde_json::from_slice(&event.payload).ok()
        } else {
            None
        };
        let checked = lock.check_payload(&event.event, version, payload.as_ref());
        checked.err().map(|problem| problem.to_string())
    }
}

/// How streams begin that have events of the library, which no lock of an application has.
const OWN: [&str; 3] = ["saga:", "saga-input", "decision:"];

fn text_of(file: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(file);
    text.map_err(|error| Error::Usage(format!("{}: {error}", file.display())))
}

fn read(file: &Path) -> Result<Lock, Error> {
    let lock = text_of(file)?.parse();
    lock.map_err(|damaged| Error::Usage(format!("{} is no schema lock: {damaged}", file.display())))
}
