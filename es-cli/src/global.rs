//! The options of every command: which store, and how results are written.

use crate::output::Format;
use std::path::PathBuf;

/// As documentation these would need marks that a terminal shows.
const STORE: &str = "sqlite:FILE, postgres://user@host/database, \"host=.. user=..\", nats://host,host/STREAM, or a name; or set ES_STORE";
const CONFIG: &str = "The file of stores with names; or set ES_CONFIG";

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
