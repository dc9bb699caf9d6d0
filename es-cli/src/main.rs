//! The program `es`. Everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_cli::main()
}
