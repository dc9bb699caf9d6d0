//! A short run of the chaos program: every kind of fault at least once, nothing lost, double or half,
//! and every control shows that it would be seen.
#![cfg(unix)]

use es_tests::{report, tries};

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn a_short_run_loses_nothing_and_its_controls_do() {
    let minutes = tries("0.2", "0.1");
    let arguments = ["chaos", "--seed", "1", "--minutes", minutes, "--json"];
    let report = report(env!("CARGO_BIN_EXE_programs"), &arguments);
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
