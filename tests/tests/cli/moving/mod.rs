//! A store moves between databases, by dumps and directly, and its application goes on there.

mod backup;
mod cqrs_es;
mod follow;
mod goes_on;
mod killed;
mod refused;
mod reports;
mod same;

use crate::place::{Place, Ran, es};
use std::{
    fs,
    process::{Command, Stdio},
};

/// Exotic rows of a store on SQLite: work whose process died, and a rule that is being turned on.
const MORE: &str = "
    UPDATE es_work SET lease_until = 5, owner = 'w', process = 'p' WHERE aggregate_id = '4711';
    INSERT INTO es_unique_walks VALUES ('order.number', 3);
    INSERT INTO es_unique_duplicates VALUES ('order.number', 'order', '4712', 'a' || char(0) || 'b', 4);
    INSERT INTO es_tag_walks VALUES ('order.placed', 'shop', 2);
    UPDATE es_unique_values SET free_at = 1700000000000001;
";

/// A shop with a row in every table.
fn everything() -> Place {
    let place = Place::copy();
    place.sql(MORE);
    place
}

/// An address that nothing has used.
fn empty() -> (tempfile::TempDir, String) {
    let folder = es_tests::tiers::folder();
    let address = format!("sqlite:{}", folder.path().join("new.db").display());
    (folder, address)
}

fn file_of(address: &str) -> &str {
    address.strip_prefix("sqlite:").expect("a file")
}

/// Waits until PostgreSQL has noticed that `es` is gone: until then it holds its locks.
#[cfg(unix)]
fn sessions_end(database: &es_testkit::postgres::Database<'_>) {
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'es' AND datname = current_database()";
    while database.query(sessions).expect("asked") != "0\n" {
        std::thread::yield_now();
    }
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    ran
}

fn export(address: &str) -> String {
    done(es(&["--store", address, "export", "--projections"])).out
}

fn import(address: &str, dump: &str) -> Ran {
    let folder = es_tests::tiers::folder();
    let file = folder.path().join("dump.ndjson");
    fs::write(&file, dump).expect("written");
    let file = file.display().to_string();
    es(&["--store", address, "import", "-y", &file])
}

/// How many rows were written, by table.
fn written(out: &str) -> Vec<(String, u64)> {
    let rows = out.lines().skip(1).map(|line| {
        let mut cells = line.split_whitespace();
        let name = cells.next().expect("a name").to_owned();
        let written = cells.nth(1).and_then(|cell| cell.parse().ok());
        (name, written.expect("a number"))
    });
    rows.collect()
}

/// The program itself, to be killed.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
    command.arg("es").args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
