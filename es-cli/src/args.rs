//! The command line.

use crate::{global::Global, verb};

/// Looks into a store of es-runtime, an SQLite file, a PostgreSQL database or a stream of JetStream, and moves it.
///
/// Most verbs need nothing of the application: names, versions and JSON payloads are columns. Verbs that fill, repair or
/// seal something ask first, or take -y.
#[derive(clap::Parser, Debug)]
#[command(name = "es", version, after_help = AFTER_HELP, arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten, next_help_heading = "Options of every command")]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const AFTER_HELP: &str = "\
First steps:
  export ES_STORE=sqlite:shop.db    or postgres://reader@db/shop
  es stats                          how many events there are
  es streams --aggregate order      which orders there are
  es show order/4711                what happened to one of them
  es tail -f                        what happens now
  es readers                        whether read models and sagas keep up
  es verify                         whether the store is whole
  es backup backup.db               a copy of a file in use
  es copy sqlite:shop.db sqlite:new.db    the same store somewhere else

Stores with names are in ~/.config/es/stores.conf (--config names another file):
  [shop]
  store = postgres://reader@db/shop
  schema = shop
Then `es --store shop stats` opens it.

Exit codes: 0 done; 1 `verify` or `lock` found damage, or a copy is not the same; 2 wrong usage, or nobody agreed to what is written; 3 what was asked for is not in
the store; 4 the store cannot be opened, is none, or must not be filled; 5 the store cannot be read or written, the
output not written, or a dump is damaged; 6 what a verb was to do is not possible now, or failed again.";

#[derive(clap::Subcommand, Debug)]
pub(crate) enum Verb {
    /// Lists streams, with how many events each has
    Streams(verb::streams::Args),
    /// Shows the events of a stream
    Show(verb::show::Args),
    /// Shows events in the order of the whole store
    Events(verb::events::Args),
    /// Shows the newest events, and those that come
    Tail(verb::tail::Args),
    /// Shows what followed from a request, as a tree of causes
    Trace(verb::trace::Args),
    /// Shows how much the store has
    Stats(verb::stats::Args),
    /// Shows how far read models, subscriptions and sagas are, and by how much they lag
    Readers(verb::readers::Args),
    /// Shows the events that read models and subscriptions could not handle
    Parked(verb::parked::Args),
    /// Builds the tables of a projection anew (program of the application)
    Rebuild(verb::operation::Rebuild),
    /// Shows the instances of sagas and process managers
    Sagas(verb::sagas::Args),
    /// Looks for damage in the whole store
    Verify(verb::verify::Args),
    /// Writes the whole store as lines of JSON
    Export(verb::export::Args),
    /// Fills a store with what `export` wrote
    Import(verb::import::Args),
    /// Makes a store the same as another one, also of another kind
    Copy(verb::copy::Args),
    /// Appends the events that cqrs-es has stored
    ImportCqrsEs(verb::import_cqrs_es::Args),
    /// Copies an SQLite file, and checks the copy
    Backup(verb::backup::BackupArgs),
    /// Puts a backup in the place of an SQLite file
    Restore(verb::backup::RestoreArgs),
    /// Reads and compares schema locks, which are files. It needs no store
    Lock(verb::lock::Args),
    /// Shows the store in a browser on this machine
    #[cfg(feature = "explore")]
    Explore(verb::explore::Args),
    /// Prints the completions for a shell
    Completions(verb::completions::Args),
}
