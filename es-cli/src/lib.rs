#![doc = include_str!("../README.md")]

mod args;
mod condition;
mod error;
mod events;
mod output;
mod store;
mod time;
mod verb;

use args::{Cli, Verb};
use clap::{CommandFactory, Parser};
use error::{Error, exit};
use output::{Notes, Printer};
use std::{
    env,
    ffi::OsString,
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use store::{Place, Store, Wanted};
use verb::Session;

/// The program `es` with the arguments and streams of this process.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     es_cli::main()
/// }
/// ```
pub fn main() -> ExitCode {
    let is_person = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut err = io::stderr();
    let code = run_as(env::args_os().collect(), &mut out, &mut err, is_person);
    // What is left may not be written: whoever read it is gone.
    let _ = out.flush();
    ExitCode::from(code)
}

/// Runs `es` with these arguments, the first of which is the name of the program. Returns the exit code.
///
/// Results go to `out`, remarks and errors to `err`, both without colours. `ES_STORE` and `ES_CONFIG` of the
/// environment count where the arguments say nothing. Call it outside of an async runtime: it has one for
/// PostgreSQL.
///
/// ```
/// let (mut out, mut err) = (Vec::new(), Vec::new());
/// let code = es_cli::run(["es", "--store", "sqlite:none.db", "stats"], &mut out, &mut err);
/// assert_eq!(code, 4);
/// assert!(String::from_utf8(err)?.contains("there is no such file"));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
pub fn run<A: Into<OsString>>(
    args: impl IntoIterator<Item = A>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    run_as(args.into_iter().map(Into::into).collect(), out, err, false)
}

fn run_as(args: Vec<OsString>, out: &mut dyn Write, err: &mut dyn Write, is_person: bool) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => return print_usage(&message, out, err, is_person),
    };
    let done = match &cli.verb {
        Verb::Completions(args) => verb::completions::run(args, Cli::command(), out),
        verb => run_verb(&cli, verb, out, err, is_person),
    };
    let Err(error) = done else {
        return exit::DONE;
    };
    if !error.is_closed_output() {
        // There is nowhere else to report that this cannot be written.
        let _ = writeln!(err, "es: {error}");
    }
    error.exit_code()
}

fn print_usage(
    message: &clap::Error,
    out: &mut dyn Write,
    err: &mut dyn Write,
    is_person: bool,
) -> u8 {
    let text = message.render();
    let text = if is_person {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let is_help = !message.use_stderr();
    let to: &mut dyn Write = if is_help { out } else { err };
    // There is nowhere else to report that this cannot be written.
    let _ = write!(to, "{text}");
    if is_help { exit::DONE } else { exit::USAGE }
}

fn run_verb(
    cli: &Cli,
    verb: &Verb,
    out: &mut dyn Write,
    err: &mut dyn Write,
    is_person: bool,
) -> Result<(), Error> {
    let global = &cli.global;
    let from_environment = env::var("ES_STORE").ok();
    let config = global
        .config
        .clone()
        .or_else(|| env::var_os("ES_CONFIG").map(PathBuf::from));
    let place = Place::find(&Wanted {
        store: global.store.as_deref().or(from_environment.as_deref()),
        read_store: global.read_store.as_deref(),
        schema: global.schema.as_deref(),
        read_schema: global.read_schema.as_deref(),
        config: config.as_deref(),
    })?;
    let notes = Notes::new(err);
    let on_statement = notes.clone();
    let on_statement = move |sql: &str| on_statement.say(&format!("{sql};"));
    let store = Store::open(&place, global.sql.then_some(Box::new(on_statement)))?;
    let printer = Printer {
        out,
        format: global.output,
        colours: is_person,
    };
    let mut session = Session {
        store,
        printer,
        notes,
    };
    let session = &mut session;
    match verb {
        Verb::Streams(args) => verb::streams::run(args, session),
        Verb::Show(args) => verb::show::run(args, session),
        Verb::Events(args) => verb::events::run(args, session),
        Verb::Tail(args) => verb::tail::run(args, session),
        Verb::Trace(args) => verb::trace::run(args, session),
        Verb::Stats(args) => verb::stats::run(args, session),
        Verb::Readers(args) => verb::readers::run(args, session),
        Verb::Parked(args) => verb::parked::run(args, session),
        Verb::Sagas(args) => verb::sagas::run(args, session),
        Verb::Verify(args) => verb::verify::run(args, session),
        Verb::Completions(_) => Ok(()),
    }
}
