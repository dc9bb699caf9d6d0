//! Runs the conformance suite on the stores of this workspace and prints a table for each.
//!
//! `conformance [memory] [sqlite] [postgres] [nats]`, all of them by default, the last one where there is a server. It fails when a check does.

use es_testkit::conformance::report;
use es_tests::fixtures::{Memory, Nats, Postgres, Sqlite};

pub(crate) fn main() {
    let wanted: Vec<String> = std::env::args().skip(2).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut reports = Vec::new();
    if is_wanted("memory") {
        reports.push(report("memory", || Memory));
    }
    if is_wanted("sqlite") {
        reports.push(report("sqlite", Sqlite::fresh));
    }
    if is_wanted("postgres") {
        reports.push(report("postgres", Postgres::fresh));
    }
    if cfg!(nats) && is_wanted("nats") {
        reports.push(report("nats", Nats::on_a_node));
    }
    for report in &reports {
        println!("{report}\n");
    }
    let failures: usize = reports.iter().map(|report| report.failures().count()).sum();
    std::process::exit(i32::from(failures > 0 || reports.is_empty()));
}
