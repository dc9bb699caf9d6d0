//! The program itself: its exit code, and an output that nobody reads. What it prints is tested with real stores,
//! in `tests`.

use std::process::{Command, Stdio};

fn es() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_es"));
    command.env_remove("ES_STORE").env_remove("ES_CONFIG");
    command
}

#[test]
fn errors_have_an_exit_code() {
    let missing = es().args(["--store", "sqlite:none.db", "stats"]).output();
    let missing = missing.expect("runs");
    assert_eq!(missing.status.code(), Some(4));
    assert!(missing.stdout.is_empty());
    let from_environment = es().env("ES_STORE", "sqlite:none.db").arg("stats").output();
    assert_eq!(from_environment.expect("runs").status.code(), Some(4));
    let none = es().arg("stats").output().expect("runs");
    assert_eq!(none.status.code(), Some(2));
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.contains("ES_STORE"), "{said}");
}

/// As in `es .. | head`.
#[test]
fn an_output_that_is_closed_is_no_failure() {
    let mut child = es()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("ends");
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.is_empty());
}
