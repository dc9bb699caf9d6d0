//! es-runtime next to its peers. They are built in a workspace of their own, `benches/peers`.
//!
//! `cargo bench -p es-benches --bench peers [-- --rounds 3 | --smoke]`

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

#[path = "../peers/src/cargo.rs"]
mod cargo;

use std::process::exit;

fn main() {
    let status = cargo::cargo()
        .args(["run", "--release", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml"))
        .arg("--")
        .args(std::env::args().skip(1))
        .status()
        .unwrap();
    exit(status.code().unwrap_or(1));
}
