//! The command line.

use crate::{output::Format, verb};
use std::path::PathBuf;

/// Looks into a store of es-runtime: an SQLite file or a PostgreSQL database. It writes nothing.
///
/// It needs nothing of the application: names, versions and JSON payloads are columns.
#[derive(clap::Parser, Debug)]
#[command(name = "es", version, after_help = AFTER_HELP, arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten, next_help_heading = "Options of every command")]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// As documentation these would need marks that a terminal shows.
const STORE: &str =
    "sqlite:FILE, postgres://user@host/database, \"host=.. user=..\", or a name; or set ES_STORE";
const CONFIG: &str = "The file of stores with names; or set ES_CONFIG";

const AFTER_HELP: &str = "\
First steps:
  export ES_STORE=sqlite:shop.db    or postgres://reader@db/shop
  es stats                          how many events there are
  es streams --aggregate order      which orders there are
  es show order/4711                what happened to one of them
  es tail -f                        what happens now
  es readers                        whether read models and sagas keep up
  es verify                         whether the store is whole

Stores with names are in ~/.config/es/stores.conf (--config names another file):
  [shop]
  store = postgres://reader@db/shop
  schema = shop
Then `es --store shop stats` opens it.

Exit codes: 0 done; 1 `verify` found damage; 2 wrong usage; 3 what was asked for is not in the store;
4 the store cannot be opened, or is none; 5 the store cannot be read, or the output not written.";

#[derive(clap::Args, Debug)]
pub(crate) struct Global {
    #[arg(long, global = true, value_name = "STORE", help = STORE)]
    pub(crate) store: Option<String>,
    /// How results are written
    #[arg(
        long,
        short = 'o',
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) output: Format,
    /// The schema of the store's tables on PostgreSQL, `es` by default
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) schema: Option<String>,
    /// The database of the read models, where it is another one, such as sqlite:read.db
    #[arg(long, global = true, value_name = "STORE", hide_short_help = true)]
    pub(crate) read_store: Option<String>,
    /// The schema of the read models on PostgreSQL, by default where the search path says
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) read_schema: Option<String>,
    #[arg(long, global = true, value_name = "FILE", help = CONFIG, hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Prints each statement that is used on standard error, ready for `sqlite3` or `psql`
    #[arg(long, global = true)]
    pub(crate) sql: bool,
}

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
    /// Shows the instances of sagas and process managers
    Sagas(verb::sagas::Args),
    /// Looks for damage in the whole store
    Verify(verb::verify::Args),
    /// Prints the completions for a shell
    Completions(verb::completions::Args),
}
