//! `kill -9` at every place of a projection: before, between and after its statements, after its
//! commits, and around each transaction in which the runner prepares, takes over, parks, tries again,
//! rebuilds and swaps. A runner that commits rows and position apart is the control.

use es_projections::Projections;
use es_runtime::Position;
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use es_tests::accounts::{
    Balances, Rows, Turnover, balances, deposit, watch_positions, went_back, withdraw,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const EVENTS: i64 = 7;
const SOON: Duration = Duration::from_secs(20);

/// Runs until the place, kills it there; `false` when it was done before.
fn killed_at(folder: &Path, read: &str, mode: &str, stop: u64) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
        .arg("projector")
        .args([folder.join("events.db"), folder.join(read)])
        .args([mode, &stop.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out)
        .read_line(&mut line)
        .expect("a line or the end");
    match line.as_str() {
        "stopped\n" => {
            child.kill().expect("killed");
            child.wait().expect("ended");
            true
        }
        "done\n" => {
            assert!(child.wait().expect("ended").success());
            false
        }
        other => panic!("the child failed by itself: {other:?}"),
    }
}

async fn fill(folder: &Path) -> Rows {
    let store = SqliteStore::open(folder.join("events.db"))
        .await
        .expect("opens");
    let mut last = Position::START;
    for number in 1..=EVENTS {
        let account = format!("a{}", number % 3);
        last = match number % 4 {
            3 => withdraw(&store, &account, number).await,
            _ => deposit(&store, &account, number).await,
        }
        .expect("stored");
    }
    assert!(last > Position::START);
    let read = SqliteReadDatabase::open(folder.join("never-killed.db"))
        .await
        .expect("opens");
    Projections::new(store.clone(), read.clone())
        .with(Balances::new())
        .catch_up()
        .await
        .expect("caught up");
    store.close().await;
    balances(&read).await.expect("rows")
}

/// The read database is killed at the place, then at the one after, and so on, until it is done;
/// then the rows are compared.
async fn survives(folder: &Path, mode: &str, first: u64, expected: &Rows) -> bool {
    let name = format!("{mode}-{first}.db");
    let mut kills = 0;
    let mut stop = first;
    while killed_at(folder, &name, mode, stop) {
        kills += 1;
        assert!(kills < 200, "it never gets done");
        // At the same place of what is left, three times; then let it go.
        stop = if kills < 3 { first } else { 0 };
    }
    let read = folder.join(&name);
    let rows = if mode == "naive" {
        plain(&read)
    } else {
        let read = SqliteReadDatabase::open(read).await.expect("opens");
        balances(&read).await.expect("rows")
    };
    rows == *expected
}

fn plain(path: &Path) -> Rows {
    let rows = rusqlite::Connection::open(path).expect("opens");
    let mut accounts = rows
        .prepare("SELECT account, cents FROM balances ORDER BY account")
        .expect("rows");
    let accounts = accounts
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    let mut entries = rows
        .prepare("SELECT account, version, cents FROM entries ORDER BY account, number")
        .expect("rows");
    let entries = entries
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    (accounts, entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_counts_once_wherever_it_is_killed() {
    let folder = es_tests::tiers::folder();
    let expected = fill(folder.path()).await;
    // Three places an event and one after each of three pages.
    let places = u64::try_from(EVENTS).expect("few") * 3 + 3;
    for place in 1..=places {
        assert!(
            survives(folder.path(), "exact", place, &expected).await,
            "killed at place {place}, something counted twice or never"
        );
    }
    assert!(
        !killed_at(folder.path(), "once.db", "exact", places + 1),
        "there are more places than were tried"
    );
}

/// Parked, tried again, rebuilt and swapped, and killed twice at each place of all that.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_whole_life_ends_in_the_same_rows_wherever_it_is_killed() {
    let folder = es_tests::tiers::folder();
    let folder = folder.path();
    let expected = fill(folder).await;
    let template = folder.join("template.db");
    let store = SqliteStore::open(folder.join("events.db"))
        .await
        .expect("opens");
    let read = SqliteReadDatabase::open(&template).await.expect("opens");
    let state = Projections::new(store.clone(), read.clone()).with(Turnover);
    state
        .catch_up()
        .await
        .expect("the projection state are there");
    read.close().await;
    store.close().await;
    watch_positions(&template).expect("watched");

    let mut place = 1;
    let mut kills = 0;
    loop {
        let name = format!("life-{place}.db");
        let path = folder.join(&name);
        std::fs::copy(&template, &path).expect("copied");
        let mut stopped = 0;
        while stopped < 2 && killed_at(folder, &name, "life", place) {
            stopped += 1;
        }
        let last = stopped == 0;
        if stopped == 2 {
            assert!(!killed_at(folder, &name, "life", 0), "it gets done");
        }
        kills += stopped;
        let read = SqliteReadDatabase::open(&path).await.expect("opens");
        let rows = balances(&read).await.expect("rows");
        assert_eq!(rows, expected, "killed at place {place}");
        let of = "SELECT (SELECT live FROM es_projections WHERE name = 'balances'),
                         (SELECT count(*) FROM es_parked),
                         (SELECT count(*) FROM sqlite_schema WHERE name LIKE 'balances%')";
        let left: Vec<(u32, u32, u32)> = read
            .select(of, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .await
            .expect("rows");
        assert_eq!(left, [(2, 0, 2)], "killed at place {place}");
        read.close().await;
        assert_eq!(went_back(&path).expect("watched"), 0, "place {place}");
        if last {
            break;
        }
        place += 1;
    }
    assert!(place > 100, "only {place} places were found");
    println!("{place} places, {kills} kills");
}

/// What watches the positions sees one that goes back.
#[tokio::test]
async fn a_position_that_goes_back_is_seen() {
    let folder = es_tests::tiers::folder();
    fill(folder.path()).await;
    let path = folder.path().join("never-killed.db");
    watch_positions(&path).expect("watched");
    let rows = rusqlite::Connection::open(&path).expect("opens");
    for position in ["9", "10", "8"] {
        rows.execute("UPDATE es_checkpoints SET position = ?1", [position])
            .expect("moved");
    }
    assert_eq!(went_back(&path).expect("watched"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_counts_twice() {
    let folder = es_tests::tiers::folder();
    let expected = fill(folder.path()).await;
    let mut wrong = 0;
    for place in 2..=6 {
        if !survives(folder.path(), "naive", place, &expected).await {
            wrong += 1;
        }
    }
    assert_eq!(wrong, 5, "a runner that commits apart must be caught");
}

/// The owner of a lease that lasts for years is dead, and that is seen at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_dead_process_ends_with_it() {
    let folder = es_tests::tiers::folder();
    let expected = fill(folder.path()).await;
    assert!(killed_at(folder.path(), "read.db", "exact", 4));
    lengthen_lease(&folder.path().join("read.db"), None);
    let store = SqliteStore::open(folder.path().join("events.db"));
    let read = SqliteReadDatabase::open(folder.path().join("read.db"));
    let (store, read) = (store.await.expect("opens"), read.await.expect("opens"));
    let runner = Projections::new(store, read.clone())
        .lease(Duration::MAX)
        .with(Balances::new());
    let caught_up = tokio::time::timeout(SOON, runner.catch_up()).await;
    caught_up.expect("in time").expect("caught up");
    assert_eq!(balances(&read).await.expect("rows"), expected);
}

/// A lease of an owner on another machine whose clock was ahead by years: it ends when it is not renewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_renewed_ends_whatever_the_clock_was() {
    let folder = es_tests::tiers::folder();
    let expected = fill(folder.path()).await;
    assert!(killed_at(folder.path(), "read.db", "exact", 4));
    lengthen_lease(&folder.path().join("read.db"), Some("elsewhere"));
    let store = SqliteStore::open(folder.path().join("events.db"));
    let read = SqliteReadDatabase::open(folder.path().join("read.db"));
    let (store, read) = (store.await.expect("opens"), read.await.expect("opens"));
    let runner = Projections::new(store, read.clone())
        .lease(Duration::from_millis(200))
        .with(Balances::new());
    let caught_up = tokio::time::timeout(SOON, runner.catch_up()).await;
    caught_up.expect("in time").expect("caught up");
    assert_eq!(balances(&read).await.expect("rows"), expected);
}

fn lengthen_lease(read: &Path, owner: Option<&str>) {
    let tables = rusqlite::Connection::open(read).expect("opens");
    let years = 10_i64 * 365 * 24 * 3_600 * 1_000;
    let longer =
        "UPDATE es_checkpoints SET lease_until = lease_until + ?1, owner = coalesce(?2, owner)";
    let changed = tables.execute(longer, rusqlite::params![years, owner]);
    assert_eq!(changed.expect("changed"), 1);
}
