//! Sets `recorded_compiler` where the compiler is the one whose messages are recorded. With another one
//! the test of the messages is shown as ignored.

use std::{env::var_os, process::Command};

/// The compiler whose messages are recorded.
const RECORDED_WITH: &str = "release: 1.95.";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(recorded_compiler)");
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(compiler).arg("-vV").output();
    let said = said.map_or_else(|_| Vec::new(), |said| said.stdout);
    let said = String::from_utf8_lossy(&said);
    if said.lines().any(|line| line.starts_with(RECORDED_WITH)) {
        println!("cargo::rustc-cfg=recorded_compiler");
    }
}
