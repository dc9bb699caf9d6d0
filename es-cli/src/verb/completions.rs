//! `es completions`: what a shell needs to complete the words of `es`.

use crate::error::Error;
use clap_complete::Shell;
use std::io::Write;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// `es` is the whole command.
pub(crate) fn run(args: &Args, es: clap::Command, out: &mut dyn Write) -> Result<(), Error> {
    // The generator panics where its output is closed, so it writes into memory.
    let (mut es, mut script) = (es, Vec::new());
    clap_complete::generate(args.shell, &mut es, "es", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}
