//! `es import`: fills a store with a dump.

use super::Outside;
use crate::{
    consent,
    error::Error,
    moving::{
        Cursor, DumpReader, DumpRows, Progress, Sums, Table, Target, compare, fill, sum_of_rows,
        sums_of,
    },
    store::{Location, Tables},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The dump; the standard input by default
    #[arg(value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) fn run(args: &Args, outside: Outside<'_>) -> Result<(), Error> {
    let Outside {
        place,
        mut printer,
        notes,
        is_person,
        ..
    } = outside;
    let place = place?;
    let what = format!("This fills the store {}", place.shown());
    consent::ask(args.yes, &what, &notes, is_person)?;
    let input: Box<dyn BufRead> = match &args.dump {
        Some(path) => Box::new(BufReader::new(File::open(path).map_err(|error| {
            Error::Usage(format!("{} cannot be read: {error}", path.display()))
        })?)),
        None => Box::new(BufReader::new(io::stdin())),
    };
    let mut dump = DumpReader::begin(input)?;
    let progress = Progress::new(is_person);
    let with_projections = dump.header.projections;
    let store = dump.header.store.clone();
    let has_read_models = dump.header.read_models;
    let is_elsewhere = has_read_models && matches!(place.location(), Location::Nats(_));
    if is_elsewhere {
        notes.say(
            "es: read models and subscriptions of the dump are left out: those of a store on JetStream are in another database",
        )?;
    }
    let with_read_models = has_read_models && !is_elsewhere;
    let mut target = Target::open(&place, &store, with_read_models)?;
    let (mut source, mut written) = (Sums::default(), Vec::new());
    for table in Table::all(has_read_models) {
        progress.begin(table.name, 0);
        let mut rows = DumpRows {
            dump: &mut dump,
            table,
        };
        if is_elsewhere && table.of == Tables::ReadModels {
            source.put(table, &sum_of_rows(&mut rows, table)?);
            continue;
        }
        let ours = Cursor::new(table, with_projections);
        let filled = fill(&mut rows, &mut target, table, ours, &mut |_| {
            progress.step();
        })?;
        source.put(table, &filled.sum);
        written.push((table.name, filled.written));
    }
    dump.end(&source)?;
    let sums = sums_of(&mut target.store, with_read_models, with_projections)?;
    drop(progress);
    compare(&source, &sums, &written, &mut printer)?;
    target.finish()
}
