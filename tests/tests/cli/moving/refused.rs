//! What must not be filled, dumps that are damaged, and copies that are not the same.

use super::{done, empty, everything, export, file_of, import};
use crate::place::{Place, es};
use es_runtime::StorageErrorKind;
use es_sqlite::SqliteStore;
use std::fs;

/// Another store, with events of its own.
fn other() -> Place {
    let place = Place::copy();
    place.sql(
        "UPDATE es_meta SET value = 'cc000000-0000-4000-8000-000000000001' WHERE name = 'store_id'",
    );
    place
}

#[test]
fn a_target_that_is_used_is_refused() {
    let place = everything();
    let dump = export(&place.address());
    let other = other();
    let before = fs::read(other.file()).expect("the file");
    for ran in [
        es(&["copy", &place.address(), &other.address(), "-y"]),
        import(&other.address(), &dump),
    ] {
        assert_eq!(ran.code, 4, "{}", ran.err);
        assert!(ran.err.contains("another store"), "{}", ran.err);
    }
    assert!(
        before == fs::read(other.file()).expect("the file"),
        "it is as it was"
    );
    // A file of something else.
    let (_folder, new) = empty();
    fs::write(
        file_of(&new),
        "no database at all, but long enough to be looked at as one",
    )
    .expect("written");
    assert_eq!(import(&new, &dump).code, 4);
}

#[test]
fn a_target_with_rows_of_its_own_is_refused() {
    let place = everything();
    for (sql, named) in [
        (
            "INSERT INTO es_rules VALUES ('customer.phone', 'customer.registered')",
            "rules",
        ),
        (
            "INSERT INTO appends VALUES ('order', '4711', 'mine', 2, 1, 0, 2, '2026-01-01T00:00:00.000000Z', NULL)",
            "appends",
        ),
        (
            "INSERT INTO events VALUES (NULL, 'order', '9', 1, 'order.placed', 1, '2026-01-01T00:00:00.000000Z', \
             '0190a4d0-0000-7000-8000-000000000009', '{}', 'application/json', '{}')",
            "events",
        ),
    ] {
        let (folder, new) = empty();
        done(es(&["copy", &place.address(), &new, "-y"]));
        let copy = rusqlite::Connection::open(file_of(&new)).expect("opens");
        copy.execute(sql, []).expect(sql);
        drop(copy);
        for ran in [
            es(&["copy", &place.address(), &new, "-y"]),
            import(&new, &export(&place.address())),
        ] {
            assert_eq!(ran.code, 4, "{named}: {}", ran.err);
            assert!(
                ran.err
                    .contains(if named == "events" { "event" } else { named }),
                "{}",
                ran.err
            );
            // Nothing was written, so it is open for its application as before.
            done(es(&["--store", &new, "stats"]));
        }
        drop(folder);
    }
}

#[test]
fn nobody_else_may_have_the_target_open() {
    let place = everything();
    let (_folder, new) = empty();
    done(es(&["copy", &place.address(), &new, "-y"]));
    let open = rusqlite::Connection::open(file_of(&new)).expect("opens");
    let count = |sql: &str| -> i64 { open.query_row(sql, [], |row| row.get(0)).expect("counted") };
    assert!(count("SELECT count(*) FROM events") > 0);
    let ran = es(&["copy", &place.address(), &new, "-y"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(
        ran.err.contains("another program has it open"),
        "{}",
        ran.err
    );
    drop(open);
    done(es(&["copy", &place.address(), &new, "-y"]));
}

#[test]
fn writing_needs_consent() {
    let place = Place::sqlite();
    let (_folder, new) = empty();
    for args in [
        &["copy", &place.address(), &new][..],
        &["--store", &new, "import", "none.ndjson"],
        &[
            "--store",
            &new,
            "restore",
            &place.file().display().to_string(),
        ],
    ] {
        let ran = es(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("Add -y"), "{}", ran.err);
    }
    assert!(!fs::exists(file_of(&new)).expect("known"));
    let ran = es(&["copy", &place.address(), &place.address(), "-y"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

/// A dump that says something else is found, with the line, and the target cannot be opened.
#[test]
fn damaged_dumps_are_found_with_the_line() {
    let place = everything();
    let dump = export(&place.address());
    let lines: Vec<&str> = dump.lines().collect();
    let text = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let changed = lines[3].replace("\"ada\"", "\"eve\"");
    assert_ne!(changed, lines[3]);
    let last = lines.len() - 1;
    let mut damages: Vec<(String, usize, &str)> = Vec::new();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        text(&lines)
    };
    damages.push((with(3, &changed), 4, "its mark is another one"));
    damages.push((with(3, ""), 4, "not a line of a dump"));
    damages.push((with(3, "{\"table\":\"events\"}"), 4, "not a line of a dump"));
    let unknown = lines[3].replace("\"events\"", "\"things\"");
    damages.push((with(3, &unknown), 4, "its table is not known"));
    let cut = &lines[3][..lines[3].len() / 2];
    damages.push((with(3, cut), 4, "not a line of a dump"));
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    damages.push((text(&swapped), 4, "its mark is another one"));
    let mut lost = lines.clone();
    lost.remove(3);
    damages.push((text(&lost), 4, "its mark is another one"));
    let mut twice = lines.clone();
    twice.insert(3, lines[3]);
    damages.push((text(&twice), 5, "its mark is another one"));
    // The last rows of a table are missed at the end.
    let end_of_events = lines
        .iter()
        .rposition(|line| line.starts_with("{\"table\":\"events\""))
        .expect("one");
    let mut lost = lines.clone();
    lost.remove(end_of_events);
    damages.push((text(&lost), last, "something else of `events`"));
    damages.push((text(&lines[..last]), last + 1, "cut off"));
    damages.push((dump[..dump.len() - 1].to_owned(), last + 1, "cut off"));
    damages.push((dump.clone() + "{}\n", last + 2, "nothing may come after"));
    damages.push((String::new(), 1, "cut off"));
    damages.push((with(0, "{}"), 1, "not the first line"));
    let newer = lines[0].replace("\"format\":1", "\"format\":2");
    damages.push((with(0, &newer), 1, "use a newer `es`"));
    let moved = [&lines[..1], &lines[last - 1..last], &lines[1..]].concat();
    damages.push((text(&moved), 3, "out of its place"));
    for (dump, line, what) in damages {
        let (_folder, new) = empty();
        let ran = import(&new, &dump);
        assert_eq!(ran.code, 5, "{what}: {}", ran.err);
        assert!(
            ran.err.contains(&format!("line {line} ")),
            "{what}: {}",
            ran.err
        );
        assert!(ran.err.contains(what), "{what}: {}", ran.err);
        if line > 1 {
            let opened = crate::place::block_on(SqliteStore::open(file_of(&new)));
            assert_eq!(
                opened.err().map(|error| error.kind),
                Some(StorageErrorKind::CannotOpen)
            );
            let looked = es(&["--store", &new, "stats"]);
            assert!(looked.err.contains("run that again"), "{}", looked.err);
        }
        // And the whole one goes on from there.
        done(import(&new, &export(&place.address())));
    }
}

/// The control: what is compared at the end is what is in the tables, not what was meant to be written.
#[test]
fn a_row_that_changed_on_the_way_is_found() {
    let place = everything();
    let (_folder, new) = empty();
    done(es(&["copy", &place.address(), &new, "-y"]));
    let copy = rusqlite::Connection::open(file_of(&new)).expect("opens");
    let sql =
        "DROP TRIGGER events_are_not_changed; UPDATE events SET payload = '{}' WHERE position = 2";
    copy.execute_batch(sql).expect("changed");
    drop(copy);
    let ran = es(&["copy", &place.address(), &new, "-y"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.err
            .contains("not the same as the source: events differ"),
        "{}",
        ran.err
    );
    // The dump sees the row itself.
    let ran = import(&new, &export(&place.address()));
    assert!(
        ran.code == 4 && ran.err.contains("events (2)"),
        "{}",
        ran.err
    );
    // And nobody opens it.
    assert_eq!(es(&["--store", &new, "stats"]).code, 4);
}

/// The same for a table in which rows change: it is written again.
#[test]
fn a_row_that_may_change_is_made_the_same_again() {
    let place = everything();
    let (_folder, new) = empty();
    done(es(&["copy", &place.address(), &new, "-y", "--projections"]));
    let copy = rusqlite::Connection::open(file_of(&new)).expect("opens");
    let sql = "UPDATE es_cursors SET position = '1'; DELETE FROM es_work; DELETE FROM snapshots; \
               INSERT INTO es_unique_walks VALUES ('zip', 1); DELETE FROM es_tags";
    copy.execute_batch(sql).expect("changed");
    drop(copy);
    done(es(&["copy", &place.address(), &new, "-y", "--projections"]));
    assert!(export(&new) == export(&place.address()));
}
