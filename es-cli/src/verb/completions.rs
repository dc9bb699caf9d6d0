//! `es completions`: what a shell needs to complete the words of `es`.

use crate::{args::Cli, error::Error};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    // The generator panics where its output is closed, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "es", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}
