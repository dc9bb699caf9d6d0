//! A short run of the program that kills, pauses and cuts off the nodes of a NATS cluster under writers: every kind
//! of fault once, nothing lost, double or out of its chain, no course overbooked, and every control shows that it would be seen.

use es_tests::{report, tries};

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn faults_lose_nothing_on_a_cluster_and_the_controls_do() {
    let faults = tries("18", "9");
    let arguments = ["nats_chaos", "--seed", "1", "--faults", faults, "--json"];
    let report = report(env!("CARGO_BIN_EXE_programs"), &arguments);
    let count = |found: &serde_json::Value, what: &str| found[what].as_u64().expect("a count");
    for line in report["lines"].as_array().expect("lines") {
        assert!(count(line, "times") > 0, "{line}");
    }
    let found = &report["found"];
    let wrongs = [
        "lost",
        "duplicated",
        "broken_chains",
        "overbooked",
        "gaps",
        "moved",
    ];
    for wrong in wrongs {
        assert_eq!(count(found, wrong), 0, "{wrong}");
    }
    assert!(count(found, "acknowledged") > 1_000);
    assert!(count(&report, "seats") > 50);
    assert_eq!(report["misread"], 0);
    assert_eq!(report["replicas_differ"], false);
    let controls = report["controls"].as_array().expect("controls");
    for control in controls {
        let found = &control["found"];
        let wrong = ["lost", "duplicated", "overbooked"].map(|wrong| count(found, wrong));
        assert!(wrong.iter().sum::<u64>() > 0, "{control}");
    }
    // Nothing but the guards was left out there.
    let is_unguarded = |control: &&serde_json::Value| {
        let found = &control["found"];
        count(found, "overbooked") > 0 && count(found, "lost") + count(found, "duplicated") == 0
    };
    assert_eq!(controls.iter().filter(is_unguarded).count(), 1);
}
