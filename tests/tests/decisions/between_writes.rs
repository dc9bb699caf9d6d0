//! `kill -9` between every two writes of a decision that writes all that a decision can. Afterwards all of it is there, or
//! nothing, and the same request makes it whole.
//!
//! - On SQLite the process is killed before each write to a file.
//! - On PostgreSQL the process of the server is killed before each write to a row, and before the commit.
#![cfg(target_os = "linux")]

use crate::places::store_in;
use es_runtime::{AnyStore, EventStore};
use es_testkit::postgres::{Database, Server};
use es_tests::{
    club::enter,
    places::{Place, open},
    tries,
};
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The tables that one decision writes, in SQLite and in PostgreSQL.
const TABLES: [(&str, &str); 5] = [
    ("events", "es.events"),
    ("es_tags", "es.event_tags"),
    ("es_unique_values", "es.unique_values"),
    ("appends", "es.appends"),
    ("es_rules", "es.rules"),
];

/// The rows of each table after so many members have entered. The third event is the decision that records itself.
fn whole(members: usize) -> Vec<usize> {
    let rules = if members == 0 { 0 } else { 4 };
    vec![3 * members, 3 * members, members, 2 * members, rules]
}

#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    nothing: usize,
    all: usize,
}

impl Figures {
    /// Whether a decision after so many members is there. It is there whole, or not at all.
    fn see(&mut self, number: usize, found: &[usize], members: usize) -> bool {
        let is_there = found == whole(members + 1);
        assert!(
            is_there || found == whole(members),
            "write {number}: {found:?} after {members}"
        );
        match is_there {
            true => self.all += 1,
            false => self.nothing += 1,
        }
        is_there
    }

    fn are_enough(&self) {
        println!("{self:?}");
        assert!(self.kills > 1 && self.nothing > 0, "{self:?}");
    }
}

/// The rows of a file, by SQL alone. A table that was not made has none.
fn rows_of_file(place: &Place) -> Vec<usize> {
    let file = rusqlite::Connection::open(place.address()).expect("opens");
    let intact: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(intact, "ok");
    let count = |(table, _): &(&str, &str)| {
        let rows = file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get::<_, i64>(0)
        });
        usize::try_from(rows.unwrap_or(0)).expect("a count")
    };
    TABLES.iter().map(count).collect()
}

/// Enters in a process that is killed before the write of this number. Whether it was killed.
fn enter_and_die(place: &Place, member: &str, number: usize) -> bool {
    let strace = es_testkit::postgres::program("strace", "strace").expect("strace");
    let status = Command::new(strace)
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"])
        .args(["-e", &format!("inject=pwrite64:signal=KILL:when={number}")])
        .args([env!("CARGO_BIN_EXE_programs"), "club_worker"])
        .args([&place.address(), member])
        .stdout(Stdio::null())
        .status()
        .expect("strace runs");
    !status.success()
}

/// A file of a store, without an event.
async fn file() -> Place {
    let place = Place::sqlite();
    store_in(&place).await.close().await;
    place
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(strace), ignore = "needs strace: install it")]
async fn between_writes_to_a_file() {
    let mut figures = Figures::default();
    // The first decision of a file makes tables and turns rules on; the others do not.
    for is_new in [true, false] {
        let (mut place, mut members) = (file().await, 0);
        for number in (1..).step_by(tries(1, 12)) {
            if is_new {
                (place, members) = (file().await, 0);
            }
            let member = format!("member-{number}");
            let is_killed = enter_and_die(&place, &member, number);
            let is_there = figures.see(number, &rows_of_file(&place), members);
            assert!(!enter_and_die(&place, &member, usize::from(u16::MAX)));
            members += 1;
            assert_eq!(rows_of_file(&place), whole(members), "after write {number}");
            if !is_killed {
                assert!(is_there);
                break;
            }
            figures.kills += 1;
        }
        // The control: a row that is not there is noticed.
        let file = rusqlite::Connection::open(place.address()).expect("opens");
        let lose = "DELETE FROM es_tags WHERE tag = 'club:club' AND position = 2";
        assert_eq!(file.execute(lose, []).expect("deleted"), 1);
        let found = rows_of_file(&place);
        assert!((0..=members).all(|members| whole(members) != found));
    }
    figures.are_enough();
}

/// The server kills its own process before the write of this number to a row, and before the commit.
const DIE: &str = "
    CREATE SEQUENCE es.writes;
    CREATE TABLE es.last_write AS SELECT 0::bigint AS number;
    CREATE FUNCTION es.die() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('es.writes') = (SELECT number FROM es.last_write) THEN
            EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
            PERFORM pg_sleep(60);
        END IF;
        RETURN coalesce(NEW, OLD);
    END $$;";

/// When the server began, or came back.
const LIFE: &str = "SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'";

const PATIENCE: Duration = Duration::from_secs(60);

/// The answer of a server that may be about to come back.
fn asked(database: &Database<'_>, sql: &str) -> String {
    let began = Instant::now();
    loop {
        match database.query(sql) {
            Ok(answer) => return answer,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
    }
}

fn rows_of_database(database: &Database<'_>) -> Vec<usize> {
    let counts = TABLES.map(|(_, table)| format!("(SELECT count(*) FROM {table})"));
    let text = asked(
        database,
        &format!("SELECT concat_ws(' ', {})", counts.join(", ")),
    );
    let number = |text: &str| text.parse().expect("a count");
    text.split_whitespace().map(number).collect()
}

/// A database whose server dies before a write, with the store in it.
async fn dying(server: &Server, is_new: bool) -> (Database<'_>, AnyStore) {
    let database = server.database().expect("a database");
    let store = open(&database.url(), None).await;
    if !is_new {
        enter(&store, "first").await.expect("entered");
    }
    asked(&database, DIE);
    for (_, table) in TABLES {
        let name = table.trim_start_matches("es.");
        let triggers = format!(
            "CREATE TRIGGER dies_{name} BEFORE INSERT OR UPDATE OR DELETE ON {table}
                 FOR EACH ROW EXECUTE FUNCTION es.die();
             CREATE CONSTRAINT TRIGGER dies_late_{name} AFTER INSERT ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION es.die()"
        );
        asked(&database, &triggers);
    }
    (database, store)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn between_writes_on_a_server() {
    // Of its own: the server ends all of its processes when one was killed.
    let server = es_tests::server::options().start().expect("a server");
    let mut figures = Figures::default();
    let (mut database, mut store) = dying(&server, false).await;
    let mut members = 1;
    for is_new in [true, false] {
        for number in (1..).step_by(tries(1, 7)) {
            if is_new || members == 0 {
                (database, store) = dying(&server, is_new).await;
                members = usize::from(!is_new);
            }
            let set = "SELECT setval('es.writes', 1, false); UPDATE es.last_write SET number =";
            asked(&database, &format!("{set} {number}"));
            let began = asked(&database, LIFE);
            let member = format!("member-{number}");
            let entered = enter(&store, &member).await;
            let found = rows_of_database(&database);
            let is_there = figures.see(number, &found, members);
            assert!(entered.is_err() || is_there, "write {number}: {found:?}");
            let is_alive = asked(&database, LIFE) == began;
            asked(&database, "UPDATE es.last_write SET number = 0");
            let began = Instant::now();
            while let Err(error) = enter(&store, &member).await {
                assert!(began.elapsed() < PATIENCE, "{error}");
            }
            members += 1;
            let found = rows_of_database(&database);
            assert_eq!(found, whole(members), "after write {number}");
            if is_alive {
                break;
            }
            figures.kills += 1;
        }
        members = 0;
    }
    figures.are_enough();
}
