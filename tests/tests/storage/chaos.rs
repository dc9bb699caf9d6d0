//! A short run of the chaos program: every kind of fault at least once, nothing lost, double or half,
//! and every control shows that it would be seen.
#![cfg(unix)]

use es_tests::tries;
use std::process::Command;

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn a_short_run_loses_nothing_and_its_controls_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_programs"))
        .args([
            "chaos",
            "--seed",
            "1",
            "--minutes",
            tries("0.2", "0.1"),
            "--json",
        ])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    println!("{text}\n{complaints}");
    assert!(output.status.success(), "{text}\n{complaints}");
    let report: serde_json::Value = serde_json::from_str(&text).expect("a report");
    let lines = report["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 10);
    let sum = |control: bool, what: &str| -> u64 {
        lines
            .iter()
            .filter(|line| line["control"] == control)
            .map(|line| line[what].as_u64().expect("a count"))
            .sum()
    };
    for wrong in ["lost", "duplicated", "half"] {
        assert_eq!(sum(false, wrong), 0, "{wrong}");
    }
    assert!(sum(false, "acknowledged") > 100);
    assert!(sum(true, "lost") > 0 && sum(true, "duplicated") > 0);
}
