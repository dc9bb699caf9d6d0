//! Where and with what it was measured.

use crate::results::Results;
use std::{fs, path::Path, process::Command, thread, time::SystemTime};

/// The version of a package in a lock file.
fn version(lock: &str, name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let found = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'));
    found.map_or_else(|| "?".to_owned(), |(version, _)| version.to_owned())
}

fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

pub(crate) fn describe(here: &Path, results: &Results, machine: Option<&str>) -> String {
    let new = fs::read_to_string(here.join("Cargo.lock")).unwrap();
    let old = fs::read_to_string(here.join("sqlx-0.8/Cargo.lock")).unwrap();
    let list = |lock: &str, names: &[&str]| {
        let names = names
            .iter()
            .map(|name| format!("{name} {}", version(lock, name)));
        names.collect::<Vec<_>>().join(", ")
    };
    let date = humantime::format_rfc3339(SystemTime::now()).to_string();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let machine = machine.map_or_else(
        || {
            format!(
                "{cores} cores, {}, {}",
                std::env::consts::ARCH,
                std::env::consts::OS
            )
        },
        str::to_owned,
    );
    let postgres = es_testkit::postgres::program("postgres", "postgresql");
    let postgres = postgres.map_or_else(
        |_| "PostgreSQL".to_owned(),
        |path| {
            output(&path.to_string_lossy(), "--version")
                .replace("postgres (PostgreSQL)", "PostgreSQL")
        },
    );
    format!(
        "Measured on {}, {machine}; {} rounds; {}, release builds with `opt-level = 3` and thin LTO.\n\n\
         - es-runtime and the baselines: {}.\n\
         - Peers: {}, {}.\n\
         - Servers and files: {postgres} on a Unix socket with `fsync = on` and `synchronous_commit = on`; \
           SQLite with a write-ahead log, `synchronous` as each table says, NORMAL for loads and read models.\n",
        &date[..10],
        results.rounds,
        output("rustc", "--version")
            .split(" (")
            .next()
            .unwrap_or_default(),
        list(
            &new,
            &["es-runtime", "rusqlite", "libsqlite3-sys", "tokio-postgres"]
        ),
        list(
            &old,
            &[
                "cqrs-es",
                "sqlite-es",
                "postgres-es",
                "esrs",
                "disintegrate",
                "disintegrate-postgres"
            ]
        ),
        list(&new, &["evento", "umadb-core"]),
    )
}
