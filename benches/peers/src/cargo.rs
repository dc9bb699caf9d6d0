//! Runs cargo from a program that cargo runs.

use std::process::Command;

/// Without what cargo says of this program to this program: a build script that looks at it would be run again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let of_this = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        let text = name.to_string_lossy();
        if of_this.iter().any(|of| text.starts_with(of)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}
