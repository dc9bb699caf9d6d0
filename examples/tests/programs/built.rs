//! The examples as programs, built once. With the features that they have in `cargo test --workspace`, so that what they
//! need is not built another time.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The folder with the programs of these examples.
pub fn folder_of(examples: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test of its package. Build scripts compare some of it, and would run again.
    let of_the_test = |name: &str| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || ["CARGO_CRATE_NAME", "OUT_DIR"].contains(&name)
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(of_the_test) {
            cargo.env_remove(name);
        }
    }
    cargo.args(["build", "--locked", "--workspace", "--message-format=json"]);
    for example in examples {
        cargo.args(["--example", example]);
    }
    if cfg!(feature = "metrics") {
        cargo.args(["--features", "es-examples/metrics"]);
    }
    let built = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{examples:?} are not built");
    let messages = String::from_utf8_lossy(&built.stdout);
    let program = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            examples
                .iter()
                .any(|name| message["target"]["name"] == *name)
        })
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    let program = program.expect("cargo names the program");
    program.parent().expect("a folder").to_owned()
}
