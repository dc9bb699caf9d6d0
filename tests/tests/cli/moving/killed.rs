//! A copy or an import that is killed goes on where it was, and gives the same.

use super::{done, empty, everything, export, file_of, import, program, written};
use crate::place::{Place, block_on, es};
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use std::{io::Write, thread, time::Duration};

/// So many events more than fit into one transaction.
const EVENTS: usize = 1_600;

fn large() -> Place {
    let place = everything();
    block_on(async {
        let store = SqliteStore::open(place.file()).await.expect("opens");
        for number in 0..EVENTS / 100 {
            let stream = StreamId::new("bulk", &number.to_string()).expect("a stream");
            let events =
                (0..100).map(|n| NewEvent::json("bulk.added", 1, format!("{{\"n\":{n}}}")));
            let append = Append::new(stream, ExpectedVersion::NoStream).with_events(events);
            store.append(append).await.expect("appended");
        }
        store.close().await;
    });
    place
}

/// An import whose input ends in the middle, at many places, killed there.
#[test]
fn an_import_that_is_killed_goes_on() {
    let place = large();
    let dump = export(&place.address());
    let (_folder, new) = empty();
    let lines: Vec<&str> = dump.split_inclusive('\n').collect();
    let tries = es_tests::tries(12, 2);
    let mut before = 0;
    for number in 0..tries {
        let mut child = program(&["--store", &new, "import", "-y"])
            .spawn()
            .expect("runs");
        let mut input = child.stdin.take().expect("an input");
        for line in &lines[..lines.len() * (number + 1) / (tries + 1)] {
            input.write_all(line.as_bytes()).expect("read");
        }
        input.flush().expect("flushed");
        // The pipe holds little, so nearly all of it was read.
        child.kill().expect("killed");
        child.wait().expect("ends");
        let there = events(&new);
        assert!(there >= before, "{there} of {before}");
        before = there;
        assert_eq!(
            es(&["--store", &new, "stats"]).code,
            4,
            "nobody opens half a store"
        );
    }
    assert!(before > 0, "something was written");
    let ran = done(import(&new, &dump));
    let of_events = written(&ran.out)[0].1;
    assert!(of_events < EVENTS as u64, "{}", ran.out);
    assert!(export(&new) == dump, "the same");
}

fn events(address: &str) -> i64 {
    let count = || {
        let file = rusqlite::Connection::open(file_of(address))?;
        file.query_row("SELECT count(*) FROM events", [], |row| row.get(0))
    };
    // Before its tables are there.
    count().unwrap_or(0)
}

/// A copy that is killed as soon as it has written so much.
fn is_killed(place: &Place, to: &str, count: &dyn Fn() -> i64, settled: &dyn Fn()) {
    let tries = es_tests::tries(10, 2);
    for number in 0..tries {
        let wanted = i64::try_from(EVENTS * number / tries).expect("few");
        let mut child = program(&["copy", &place.address(), to, "-y", "--projections"])
            .spawn()
            .expect("runs");
        while count() < wanted && child.try_wait().expect("known").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        // It may have ended before.
        let _ = child.kill();
        child.wait().expect("ends");
        settled();
    }
    done(es(&["copy", &place.address(), to, "-y", "--projections"]));
    assert!(export(to) == export(&place.address()), "the same");
}

#[test]
fn a_copy_to_a_file_that_is_killed_goes_on() {
    let place = large();
    let (_folder, new) = empty();
    // Nobody may look into the file meanwhile, but its log grows.
    let wal = format!("{}-wal", file_of(&new));
    let count = || {
        let size = |path: &str| std::fs::metadata(path).map_or(0, |file| file.len());
        i64::try_from((size(&wal) + size(file_of(&new))) / 400).expect("small")
    };
    is_killed(&place, &new, &count, &|| ());
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_copy_to_postgresql_that_is_killed_goes_on() {
    let place = large();
    let database = es_tests::server::database();
    let count = || {
        let rows = database.query("SELECT position FROM es.head");
        rows.ok()
            .and_then(|rows| rows.trim().parse().ok())
            .unwrap_or(0)
    };
    is_killed(&place, &database.url(), &count, &|| {
        super::sessions_end(&database)
    });
}
