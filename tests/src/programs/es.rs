//! The command `es`, for tests that kill it: `programs es ARGUMENTS..`.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

pub(crate) fn main() -> ExitCode {
    let args = std::env::args_os().skip(1);
    ExitCode::from(es_cli::run(args, &mut stdout(), &mut stderr()))
}
