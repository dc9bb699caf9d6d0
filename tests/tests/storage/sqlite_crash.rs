//! `kill -9` at random moments: what was acknowledged is there, whole. A child that acknowledges
//! before it commits is the control that the check can fail.

use es_tests::tries;
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

fn child(path: &Path, run: &str, mode: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_programs"))
        .arg("crash_writer")
        .arg(path)
        .args([run, mode])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// Runs the child, kills it after a random time and returns what it acknowledged. In every other run it has acknowledged
/// something before that time begins.
fn kill_once(path: &Path, run: usize, mode: &str, random: &mut fastrand::Rng) -> Vec<String> {
    let mut child = child(path, &run.to_string(), mode);
    let mut out = BufReader::new(child.stdout.take().expect("an output"));
    let mut text = String::new();
    if run.is_multiple_of(2) {
        out.read_line(&mut text).expect("ids are text");
    }
    thread::sleep(Duration::from_micros(random.u64(3_000..40_000)));
    child.kill().expect("killed");
    let output = child.wait_with_output().expect("it ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaints, "", "the child failed by itself");
    out.read_to_string(&mut text).expect("ids are text");
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(str::to_owned)
        .collect()
}

#[derive(Debug, Default, PartialEq)]
struct Found {
    stored: usize,
    lost: usize,
    half: usize,
    holes: usize,
    /// Events without their tag, and tags without their event.
    untagged: usize,
    intact: bool,
}

/// Compares a file with what was acknowledged, by SQL and not through the store.
fn check(path: &Path, acknowledged: &[String]) -> Found {
    let connection = Connection::open(path).expect("opens");
    let intact: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    let mut select = connection
        .prepare("SELECT aggregate_id, version, payload FROM events ORDER BY position")
        .expect("readable");
    let rows = select
        .query_map([], |row| {
            let (stream, version): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok((stream, version, row.get::<_, String>(2)?))
        })
        .expect("readable");
    let mut parts: HashMap<String, Vec<(String, i64, String)>> = HashMap::new();
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    let mut found = Found {
        intact: intact == "ok",
        ..Found::default()
    };
    for row in rows {
        let (stream, version, payload) = row.expect("readable");
        let last = newest.entry(stream.clone()).or_default();
        if version != *last + 1 {
            found.holes += 1;
        }
        *last = version;
        let (id, part) = payload.split_once('/').expect("id and part");
        let parts = parts.entry(id.to_owned()).or_default();
        parts.push((stream, version, part.to_owned()));
    }
    found.stored = parts.len();
    for parts in parts.values() {
        let (stream, first, _) = &parts[0];
        let whole = (0..3).map(|part| (stream.clone(), first + part, part.to_string()));
        if *parts != whole.collect::<Vec<_>>() {
            found.half += 1;
        }
    }
    found.untagged = untagged(&connection);
    let remembered: HashSet<String> = connection
        .prepare("SELECT append_id FROM appends WHERE events = 3")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .expect("readable");
    let there = |id: &String| parts.contains_key(id) && remembered.contains(id);
    found.lost = acknowledged.iter().filter(|id| !there(id)).count();
    found
}

fn untagged(connection: &Connection) -> usize {
    let number = |sql: &str| -> i64 {
        let found = connection.query_row(sql, [], |row| row.get(0));
        found.expect("readable")
    };
    let is_made = number("SELECT count(*) FROM sqlite_schema WHERE name = 'es_tags'");
    let differ = "WITH of_events AS (SELECT position, 'append:' || substr(payload, 1, \
                  instr(payload, '/') - 1) AS tag FROM events), of_tags AS (SELECT position, tag \
                  FROM es_tags) SELECT (SELECT count(*) FROM (SELECT * FROM of_events EXCEPT SELECT \
                  * FROM of_tags)) + (SELECT count(*) FROM (SELECT * FROM of_tags EXCEPT SELECT * \
                  FROM of_events))";
    let differ = match is_made {
        0 => number("SELECT count(*) FROM events"),
        _ => number(differ),
    };
    usize::try_from(differ).expect("a count")
}

fn random() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let cycles = tries(500, 60);
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("crash.db");
    let mut random = random();
    let mut acknowledged = Vec::new();
    for cycle in 0..cycles {
        acknowledged.extend(kill_once(&path, cycle, "honest", &mut random));
    }
    let found = check(&path, &acknowledged);
    println!(
        "{cycles} kills, {} acknowledged, {found:?}",
        acknowledged.len()
    );
    assert!(
        acknowledged.len() >= cycles / 2,
        "hardly anything was tried"
    );
    assert!(found.stored >= acknowledged.len());
    let perfect = Found {
        stored: found.stored,
        intact: true,
        ..Found::default()
    };
    assert_eq!(found, perfect);
    // The control: a tag that is not there is noticed.
    let connection = Connection::open(&path).expect("opens");
    let lose = "DELETE FROM es_tags WHERE position = (SELECT max(position) FROM es_tags)";
    assert_eq!(connection.execute(lose, []).expect("deleted"), 1);
    assert_eq!(check(&path, &acknowledged).untagged, 1);
}

#[test]
fn the_check_notices_a_store_that_answers_too_early() {
    const MOST: usize = 200;
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("early.db");
    let mut random = random();
    let mut acknowledged = Vec::new();
    for cycle in 1..=MOST {
        acknowledged.extend(kill_once(&path, cycle, "early", &mut random));
        if cycle % 20 == 0 {
            let found = check(&path, &acknowledged);
            if found.lost > 0 {
                println!(
                    "control: {cycle} kills, {} acknowledged, {found:?}",
                    acknowledged.len()
                );
                return;
            }
        }
    }
    panic!("{MOST} kills of a store that answers too early lost nothing");
}

#[test]
fn processes_that_open_a_fresh_file_at_once_all_succeed() {
    let rounds = tries(25, 5);
    const PROCESSES: usize = 6;
    let folder = es_tests::tiers::folder();
    for round in 0..rounds {
        let path = folder.path().join(format!("fresh-{round}.db"));
        let children: Vec<Child> = (0..PROCESSES)
            .map(|number| child(&path, &format!("p{number}"), "once"))
            .collect();
        let mut ids = Vec::new();
        for (number, child) in children.into_iter().enumerate() {
            let output = child.wait_with_output().expect("it ends");
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "round {round}: {complaints}");
            ids.push(format!("p{number}-0-0"));
        }
        let found = check(&path, &ids);
        let perfect = Found {
            stored: PROCESSES,
            intact: true,
            ..Found::default()
        };
        assert_eq!(found, perfect, "round {round}");
    }
}
