//! Programs that report what they found as one value of JSON.

use serde_json::Value;
use std::process::Command;

/// Runs the programs of these tests with these arguments and gives their report. What they said is printed.
///
/// # Panics
/// They failed, or the report is no JSON.
pub fn report(programs: &str, arguments: &[&str]) -> Value {
    let output = Command::new(programs).args(arguments).output();
    let output = output.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    println!("{text}\n{complaints}");
    assert!(output.status.success(), "{text}\n{complaints}");
    serde_json::from_str(&text).expect("a report")
}
