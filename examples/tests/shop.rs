//! The shop as a person meets it: the program itself, run on real files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

const TOTALS: &str = "purchases=6919 customers=2357 cds=16479 cents=24409194";
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cdnow_sample.txt");

/// The program, built once.
static SHOP: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--example",
            "shop",
            "--message-format=json",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the shop does not build");
    let messages = String::from_utf8_lossy(&built.stdout);
    let built = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "shop")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    built.expect("cargo names the program")
});

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(&*SHOP);
    command.args(arguments).current_dir(folder);
    command
}

fn shop(arguments: &[&str], folder: &Path) -> Output {
    command(arguments, folder).output().expect("the shop runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line of the report, which is computed from the read model.
fn totals(folder: &Path) -> String {
    let report = shop(&["report", "--db", "shop.db"], folder);
    assert!(report.status.success(), "{}", stderr(&report));
    stdout(&report)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

fn count(folder: &Path, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    db.query_row(sql, [], |row| row.get(0)).expect("counts")
}

#[test]
fn importing_twice_is_importing_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let import = ["import", SAMPLE, "--db", "shop.db"];
    let first = shop(&import, folder);
    assert_eq!(
        stdout(&first),
        "6919 purchases imported, 0 were already there\n"
    );
    assert_eq!(first.status.code(), Some(0));
    let events = count(folder, "SELECT count(*) FROM events");
    let again = shop(&import, folder);
    assert_eq!(
        stdout(&again),
        "0 purchases imported, 6919 were already there\n"
    );
    assert_eq!(count(folder, "SELECT count(*) FROM events"), events);
    assert_eq!(totals(folder), TOTALS);
    assert_eq!(totals(folder), TOTALS);

    let show = shop(
        &["show", "00004-19970118-2-2973", "--db", "shop.db"],
        folder,
    );
    let text = stdout(&show);
    for part in [
        "order.placed v3",
        "order.paid v1",
        "order.shipped v1",
        "$29.73",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

/// Waits until the database holds more events than `events`, or the program has ended.
fn wait_for_events(folder: &Path, events: i64, program: &mut Child) {
    let start = Instant::now();
    while program.try_wait().expect("can be asked").is_none() {
        let path = folder.join("shop.db");
        let now = rusqlite::Connection::open(path).ok().and_then(|db| {
            let sql = "SELECT count(*) FROM events";
            db.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()
        });
        if now.is_some_and(|now| now > events) {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "nothing is imported"
        );
        std::thread::yield_now();
    }
}

#[test]
fn an_import_can_be_killed_anywhere_and_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let import = ["import", SAMPLE, "--db", "shop.db"];
    let mut kills = 0;
    for events in [0, 1, 2_000, 9_000, 20_000] {
        let mut program = command(&import, folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("the shop runs");
        wait_for_events(folder, events, &mut program);
        program.kill().expect("can be killed");
        let ended = program.wait().expect("has ended");
        kills += i32::from(ended.code().is_none());
        // A report on half an import leaves a checkpoint in the middle.
        assert!(totals(folder).starts_with("purchases="));
    }
    assert!(kills >= 3, "only {kills} imports were killed on the way");
    assert!(shop(&import, folder).status.success());
    assert_eq!(totals(folder), TOTALS);
    let halves = "SELECT count(*) FROM order_summaries WHERE status <> 'shipped'";
    assert_eq!(count(folder, halves), 0);
}

#[test]
fn a_rebuild_can_be_killed_anywhere_while_reports_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let import = shop(&["import", SAMPLE, "--db", "shop.db"], folder);
    assert!(import.status.success());
    let none = stdout(&shop(&["status", "--db", "shop.db"], folder));
    assert!(none.starts_with("There are no read models yet"), "{none}");
    assert_eq!(totals(folder), TOTALS);
    let rebuild = ["rebuild", "--db", "shop.db"];
    let mut kills = 0;
    for round in 0..8_u64 {
        let mut program = command(&rebuild, folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("the shop runs");
        // Anywhere: a little later in each round.
        std::thread::sleep(Duration::from_millis(20 + round * 25));
        if round % 2 == 0 {
            assert_eq!(totals(folder), TOTALS, "beside a rebuild");
        }
        program.kill().expect("can be killed");
        kills += i32::from(program.wait().expect("has ended").code().is_none());
        assert_eq!(totals(folder), TOTALS, "behind a rebuild that was killed");
    }
    assert!(kills >= 2, "only {kills} rebuilds were killed on the way");
    let done = shop(&rebuild, folder);
    assert_eq!(stdout(&done), "the read models were built anew\n");
    assert_eq!(totals(folder), TOTALS);
    let status = stdout(&shop(&["status", "--db", "shop.db"], folder));
    for model in ["order_summaries", "sales_by_month", "customers"] {
        assert_eq!(status.matches(model).count(), 1, "{status}");
    }
    assert!(!status.contains("being built"), "{status}");
    // Nothing is left of the tables that were not finished.
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB '*__g*'";
    assert_eq!(count(folder, tables), 5);

    let orders = shop(&["orders", "00004", "--db", "shop.db"], folder);
    assert_eq!(stdout(&orders).matches("shipped").count(), 4);
    let nobody = shop(&["orders", "nobody", "--db", "shop.db"], folder);
    assert_eq!(nobody.status.code(), Some(3));
    assert_eq!(stderr(&nobody), "shop: customer `nobody` has no orders\n");
}

#[test]
fn both_file_forms_and_bad_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let five = " 00004 0001 19970118  2   29.73\r\n 00004 0001 19970118  2   29.73\r\n";
    fs::write(folder.join("five.txt"), five).expect("writes");
    let four = "id date cds dollars\n00004 19970118 2 29.73\n00004 1997 2 29.73\n\n\
                00005 19970102 1 12.00\n00006 19970102 one 12.00\n";
    fs::write(folder.join("four.txt"), four).expect("writes");

    let output = shop(&["import", "five.txt", "--db", "shop.db"], folder);
    assert_eq!(
        stdout(&output),
        "2 purchases imported, 0 were already there\n"
    );
    let output = shop(&["import", "four.txt", "--db", "shop.db"], folder);
    assert_eq!(
        stdout(&output),
        "1 purchases imported, 1 were already there\n\
         2 malformed lines and 0 refused purchases were left out\n"
    );
    assert_eq!(
        stderr(&output),
        "four.txt:3:7: expected a date as YYYYMMDD, found `1997`\n\
         four.txt:6:16: expected a number of CDs, 1 or more, found `one`\n"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(totals(folder), "purchases=3 customers=2 cds=5 cents=7146");
}

#[test]
fn mistakes_are_said_and_make_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (arguments, said) in [
        (
            &["report", "--db", "no.db"][..],
            "no.db: there is no such file",
        ),
        (
            &["show", "x", "--db", "no.db"],
            "no.db: there is no such file",
        ),
        (
            &["import", "no.txt", "--db", "no.db"],
            "no.txt: No such file",
        ),
        (
            &["import", SAMPLE, "--db", "no/such/folder/shop.db"],
            "no/such/folder",
        ),
    ] {
        let output = shop(arguments, folder);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(
            fs::read_dir(folder).expect("reads").count(),
            0,
            "{arguments:?}"
        );
    }
    fs::write(
        folder.join("text.db"),
        "this is not a database, it only looks like one",
    )
    .expect("writes");
    let output = shop(&["report", "--db", "text.db"], folder);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("damaged"), "{}", stderr(&output));
}

#[test]
fn the_tour_ends_in_the_published_totals() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut tour = command(&[], folder.path())
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the shop runs");
    let lines = BufReader::new(tour.stdout.take().expect("piped")).lines();
    let lines: Vec<String> = lines.map(|line| line.expect("text")).collect();
    assert!(tour.wait().expect("ends").success());
    assert!(lines.iter().any(|line| line == TOTALS), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("order.shipped v1")));
}

/// A database as the first two releases of the shop wrote it, one hundred purchases each; the
/// examples `shop-release-1` and `shop-release-2` are those programs.
const OLD_RELEASES: &str = include_str!("../data/shop-releases-1-and-2.sql");

#[test]
fn todays_shop_reads_what_its_earlier_releases_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    db.execute_batch(OLD_RELEASES).expect("is SQL");
    drop(db);
    for (version, purchases) in [(1, 100), (2, 100), (3, 0)] {
        let sql = format!(
            "SELECT count(*) FROM events WHERE event = 'order.placed' AND schema_version = {version}"
        );
        assert_eq!(count(folder, &sql), purchases, "version {version}");
    }
    // What the first two hundred lines of the sample add up to, counted by hand.
    let lines = fs::read_to_string(SAMPLE).expect("reads");
    let lines = lines
        .lines()
        .take(200)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let (mut cds, mut cents, mut customers) = (0_i64, 0_i64, std::collections::BTreeSet::new());
    for line in lines {
        cds += line[3].parse::<i64>().expect("a number");
        cents += line[4].replace('.', "").parse::<i64>().expect("a number");
        customers.insert(line[0].to_owned());
    }
    let expected = format!(
        "purchases=200 customers={} cds={cds} cents={cents}",
        customers.len()
    );
    assert_eq!(totals(folder), expected);

    let show = |id| stdout(&shop(&["show", id, "--db", "shop.db"], folder));
    let first = show("00004-19970118-2-2973");
    assert!(first.contains("order.placed v1, read as v3"), "{first}");
    assert!(first.contains("for $29.73 USD on 1997-01-18"), "{first}");
    let sql = "SELECT aggregate_id FROM events WHERE schema_version = 2 LIMIT 1";
    let db = rusqlite::Connection::open(folder.join("shop.db")).expect("opens");
    let id: String = db
        .query_row(sql, [], |row| row.get(0))
        .expect("there is one");
    drop(db);
    let second = show(&id);
    assert!(second.contains("order.placed v2, read as v3"), "{second}");

    // An import finds the old purchases and adds the others.
    let import = shop(&["import", SAMPLE, "--db", "shop.db"], folder);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));
    assert_eq!(totals(folder), TOTALS);
}
