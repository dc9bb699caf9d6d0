//! es-runtime next to its peers. They are built in a workspace of their own, `benches/peers`.
//!
//! `cargo bench -p es-benches --bench peers [-- --rounds 3 | --smoke]`

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::process::{Command, exit};

fn main() {
    let mut run = Command::new(env!("CARGO"));
    // What cargo says of this program to this program. A build script that looks at it would be run again.
    for (name, _) in std::env::vars_os() {
        let of_this = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if of_this
            .iter()
            .any(|of| name.to_string_lossy().starts_with(of))
        {
            run.env_remove(name);
        }
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml");
    let status = run
        .args([
            "run",
            "--release",
            "--locked",
            "--manifest-path",
            manifest,
            "--",
        ])
        .args(std::env::args().skip(1))
        .status()
        .unwrap();
    exit(status.code().unwrap_or(1));
}
