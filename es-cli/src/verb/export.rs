//! `es export`: the whole store as lines of JSON.

use super::Session;
use crate::{
    error::Error,
    moving::{DumpWriter, StoreRows, Table, id_of},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Also the state of projections, for which you move their tables yourself
    #[arg(long)]
    projections: bool,
}

pub(crate) fn run(args: &Args, session: &mut Session<'_>) -> Result<(), Error> {
    let Session {
        store,
        printer,
        notes,
    } = session;
    let id = id_of(store)?;
    let is_elsewhere = !store.has_own_read_models();
    let with_read_models = store.has_read_models()? && !is_elsewhere;
    if is_elsewhere {
        notes.say(
            "es: read models and subscriptions are in another database, which stays where it is",
        )?;
    }
    // The application may write meanwhile: all of the dump is of one moment.
    store.hold()?;
    let mut dump = DumpWriter::begin(printer.out, &id, with_read_models, args.projections)?;
    for table in Table::all(with_read_models) {
        let mut rows = StoreRows::new(store, table, args.projections);
        dump.table(table, &mut rows)?;
    }
    dump.end()?;
    Ok(store.let_go()?)
}
