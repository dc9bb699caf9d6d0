#![doc = include_str!("../README.md")]

#[cfg(feature = "app")]
mod app;
mod application;
mod args;
mod consent;
mod cqrs_es;
mod error;
mod events;
#[cfg(feature = "explore")]
mod explore;
mod global;
mod known;
mod moving;
mod operate;
mod output;
mod store;
mod verb;

#[cfg(feature = "app")]
pub use app::App;

use application::Application;
use args::{Cli, Verb};
use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue},
};
use error::{Error, exit};
use es_tables::{Condition, time};
use output::{Notes, Printer};
use std::{
    env,
    ffi::OsString,
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use store::Wanted;
use verb::{Outside, operation::Operation};

/// The program `es` with the arguments and streams of this process.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     es_cli::main()
/// }
/// ```
pub fn main() -> ExitCode {
    main_of(None)
}

fn main_of(application: Option<&dyn Application>) -> ExitCode {
    let is_person = io::stdout().is_terminal();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut err = io::stderr();
    let args = env::args_os().collect();
    let code = run_as(args, application, &mut out, &mut err, is_person);
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
    let args = args.into_iter().map(Into::into).collect();
    run_as(args, None, out, err, false)
}

fn run_as(
    args: Vec<OsString>,
    application: Option<&dyn Application>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    is_person: bool,
) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => return print_usage(&message, out, err, is_person),
    };
    let Err(error) = run_verb(&cli, application, out, err, is_person) else {
        return exit::DONE;
    };
    if !error.is_closed_output() {
        // There is nowhere else to report that this cannot be written.
        let _ = writeln!(err, "es: {error}");
    }
    error.exit_code()
}

/// Somebody who wants no colours is a person still, who can be asked and watches how far a verb is.
fn wants_colours(is_person: bool) -> bool {
    is_person && env::var_os("NO_COLOR").is_none()
}

fn print_usage(
    message: &clap::Error,
    out: &mut dyn Write,
    err: &mut dyn Write,
    is_person: bool,
) -> u8 {
    let text = message.render();
    let text = if wants_colours(is_person) {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let is_help = !message.use_stderr();
    let to: &mut dyn Write = if is_help { out } else { err };
    // There is nowhere else to report that this cannot be written.
    let _ = write!(to, "{text}");
    if let Some(ContextValue::String(arg)) = message.get(ContextKind::InvalidArg) {
        if ["--json", "--ndjson"].contains(&arg.as_str()) {
            let _ = writeln!(
                to,
                "JSON is written with -o {}",
                arg.trim_start_matches('-')
            );
        }
    }
    if is_help { exit::DONE } else { exit::USAGE }
}

fn run_verb(
    cli: &Cli,
    application: Option<&dyn Application>,
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
    let wanted = Wanted {
        store: global.store.as_deref().or(from_environment.as_deref()),
        read_store: global.read_store.as_deref(),
        schema: global.schema.as_deref(),
        read_schema: global.read_schema.as_deref(),
        config: config.as_deref(),
    };
    let outside = Outside {
        global,
        place: wanted.find(),
        config,
        printer: Printer {
            out,
            format: global.output,
            colours: wants_colours(is_person),
            is_person,
        },
        notes: Notes::new(err),
        is_person,
    };
    match &cli.verb {
        Verb::Streams(args) => verb::streams::run(args, &mut outside.open()?),
        Verb::Show(args) => verb::show::run(args, application, &mut outside.open()?),
        Verb::Events(args) => verb::events::run(args, &mut outside.open()?),
        Verb::Tail(args) => verb::tail::run(args, &mut outside.open()?),
        Verb::Trace(args) => verb::trace::run(args, &mut outside.open()?),
        Verb::Stats(args) => verb::stats::run(args, &mut outside.open()?),
        Verb::Readers(args) => verb::readers::run(args, &mut outside.open()?),
        Verb::Parked(args) => verb::parked::run(args, application, outside),
        Verb::Rebuild(args) => verb::operate::run(&Operation::Rebuild(args), application, outside),
        Verb::Sagas(args) => verb::sagas::run(args, application, outside),
        Verb::Verify(args) => verb::verify::run(args, application, &mut outside.open_to_check()?),
        Verb::Export(args) => verb::export::run(args, &mut outside.open_to_move()?),
        Verb::Import(args) => verb::import::run(args, outside),
        Verb::Copy(args) => verb::copy::run(args, outside),
        Verb::ImportCqrsEs(args) => verb::import_cqrs_es::run(args, outside),
        Verb::Backup(args) => verb::backup::backup(args, outside),
        Verb::Restore(args) => verb::backup::restore(args, outside),
        Verb::Lock(args) => verb::lock::run(args, application, outside),
        #[cfg(feature = "explore")]
        Verb::Explore(args) => verb::explore::run(args, application, outside),
        Verb::Completions(args) => {
            verb::completions::run(args, Cli::command(), outside.printer.out)
        }
    }
}
