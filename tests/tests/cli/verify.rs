//! `es verify` on stores that are whole, and on stores that were damaged on purpose.

use crate::place::{Place, on_both};
use es_runtime::MAX_STREAM_ID_BYTES;

on_both!(a_store_of_the_library_is_whole);

fn a_store_of_the_library_is_whole(place: &Place) {
    let ran = place.es(&["verify"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    for check in [
        "events",
        "streams",
        "appends",
        "snapshots",
        "unique-values",
        "tags",
        "sagas",
        "readers",
    ] {
        let line = ran
            .err
            .lines()
            .find(|line| line.starts_with(&format!("{check}: ")));
        let line = line.unwrap_or_else(|| panic!("{check}: {}", ran.err));
        assert!(line.ends_with(" looked at, no problem"), "{line}");
        assert!(!line.contains(": 0 looked"), "the shop has some: {line}");
    }
    assert!(place.rows(&["verify"], &[]).is_empty());
}

/// A check, what damages a store so that the check finds something, the place, and the problem.
struct Damage {
    check: &'static str,
    sql: &'static str,
    place: &'static str,
    problem: &'static str,
}

const fn damage(
    check: &'static str,
    sql: &'static str,
    place: &'static str,
    problem: &'static str,
) -> Damage {
    Damage {
        check,
        sql,
        place,
        problem,
    }
}

/// `{name}` is a table of the store, `{now}` and `{payload}` are expressions.
const DAMAGES: &[Damage] = &[
    damage(
        "events",
        "DELETE FROM {events} WHERE position = 3",
        "position 3",
        "the event is missing",
    ),
    damage(
        "events",
        "DELETE FROM {events} WHERE position IN (2, 3)",
        "positions 2 to 3",
        "2 events are missing",
    ),
    damage(
        "events",
        "DELETE FROM {events} WHERE aggregate_id = '4713'",
        "position {last}",
        "the event is missing",
    ),
    damage(
        "events",
        "UPDATE {events} SET payload = {payload} WHERE position = 2",
        "position 2, order/4711 version 1",
        "the payload is not the JSON",
    ),
    damage(
        "events",
        "UPDATE {events} SET metadata = '[]' WHERE position = 2",
        "position 2, order/4711 version 1",
        "the metadata is not",
    ),
    damage(
        "streams",
        "UPDATE {events} SET version = 9 WHERE aggregate = 'saga:fulfil-order' AND aggregate_id = '4711' \
         AND version = 2",
        "saga:fulfil-order/4711 version 3",
        "version 2 is missing before it",
    ),
    damage(
        "streams",
        "UPDATE {events} SET version = 2 WHERE position = 2",
        "order/4711 version 2, position 2",
        "version 1 is missing before it",
    ),
    damage(
        "streams",
        "UPDATE {events} SET position = 1000 WHERE aggregate = 'saga:fulfil-order' AND aggregate_id = '4711' \
         AND version = 1",
        "saga:fulfil-order/4711 version 2",
        "the version before it has the later position 1000",
    ),
    damage(
        "appends",
        "UPDATE {appends} SET position = 2 WHERE append_id = 'signup-1'",
        "append signup-1 of customer/ada",
        "its last event is at position 1, and it says 2",
    ),
    damage(
        "appends",
        "UPDATE {appends} SET last_version = 7 WHERE append_id = 'signup-1'",
        "append signup-1 of customer/ada",
        "its last event is missing: version 7",
    ),
    damage(
        "appends",
        "UPDATE {appends} SET events = 2 WHERE append_id = 'signup-1'",
        "append signup-1 of customer/ada",
        "it counts 2 events",
    ),
    damage(
        "snapshots",
        "UPDATE {snapshots} SET version = 2",
        "snapshot of note/1/a",
        "its stream has no version 2",
    ),
    damage(
        "snapshots",
        "UPDATE {snapshots} SET position = '1'",
        "snapshot of note/1/a",
        "and it says 1",
    ),
    damage(
        "snapshots",
        "UPDATE {snapshots} SET aggregate_id = 'nobody'",
        "snapshot of note/nobody",
        "its stream has no version 1",
    ),
    damage(
        "unique-values",
        "UPDATE {unique_values} SET aggregate_id = 'nobody'",
        "a value of rule customer.email of customer/nobody",
        "the event at position 1 is of customer/ada",
    ),
    damage(
        "unique-values",
        "UPDATE {unique_values} SET position = 999",
        "a value of rule customer.email of customer/ada",
        "the event at position 999 that claimed it is missing",
    ),
    damage(
        "tags",
        "UPDATE {tags} SET position = 999 WHERE position = 2",
        "a tag of kind customer at position 999",
        "the event is missing",
    ),
    damage(
        "tags",
        "UPDATE {tags} SET event = 'order.paid' WHERE position = 2",
        "a tag of kind customer at position 2",
        "the event is `order.placed`, and the tag is of `order.paid`",
    ),
    damage(
        "sagas",
        "UPDATE {work} SET aggregate_id = 'nobody' WHERE aggregate_id = '4711'",
        "saga:fulfil-order/nobody",
        "the instance has no stream",
    ),
    damage(
        "sagas",
        "UPDATE {work} SET aggregate = '', aggregate_id = '' WHERE aggregate_id = '4711'",
        "/",
        "the instance has no stream",
    ),
    damage(
        "readers",
        "UPDATE {cursors} SET position = '999' WHERE consumer = 'saga:welcome'",
        "cursor of saga:welcome",
        "it is at position 999, and the store ends at",
    ),
    damage(
        "readers",
        "UPDATE {cursors} SET inputs = '{}' WHERE consumer = 'saga:welcome'",
        "cursor of saga:welcome",
        "it cannot be read",
    ),
    damage(
        "readers",
        "UPDATE es_checkpoints SET position = '999'",
        "checkpoint of order_totals, build 1, partition 0",
        "it is at position 999",
    ),
    damage(
        "readers",
        "UPDATE es_checkpoints SET last_event = '00000000-0000-7000-8000-000000000000'",
        "checkpoint of order_totals, build 1, partition 0",
        "its last event is not in the store",
    ),
    damage(
        "readers",
        "UPDATE es_builds SET store = 'another'",
        "checkpoint of order_totals, build 1, partition 0",
        "its read model belongs to another store",
    ),
    damage(
        "readers",
        "UPDATE es_parked SET version = 2",
        "parked event 3 of order_totals",
        "it is not in the store: order/4712 version 2",
    ),
    damage(
        "readers",
        "UPDATE es_parked SET version = 2, discarded_at = 1, discarded_why = 'a test'",
        "parked event 3 of order_totals",
        "it is not in the store: order/4712 version 2",
    ),
];

/// Looks for the damage, and for nothing that could not be seen before.
fn is_found(store: &Place, damage: &Damage) {
    let Damage {
        check,
        sql,
        place,
        problem,
    } = damage;
    let place = place.replace("{last}", &LAST.to_string());
    let ran = store.es(&["verify", check, "-o", "ndjson"]);
    assert_eq!(ran.code, 1, "{sql}: {}", ran.err);
    let found = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        text("check") == *check
            && text("place").starts_with(&place)
            && text("problem").contains(problem)
    };
    assert!(ran.out.lines().any(found), "{sql}: {}", ran.out);
    assert!(ran.err.ends_with(" found\n"), "{sql}: {}", ran.err);
}

/// The position of the newest event of the shop.
const LAST: u64 = 18;

const TRIGGERS: &str = "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted;";

#[test]
fn damage_is_found_in_a_file() {
    let names = |sql: &str| {
        let mut text = sql.replace("{payload}", "'{\"cents\":'");
        for table in ["events", "appends", "snapshots"] {
            text = text.replace(&format!("{{{table}}}"), table);
        }
        for table in ["work", "cursors", "unique_values"] {
            text = text.replace(&format!("{{{table}}}"), &format!("es_{table}"));
        }
        text = text.replace("{tags}", "es_tags");
        text
    };
    for damage in DAMAGES {
        let place = Place::copy();
        place.sql(&format!("{TRIGGERS}{}", names(damage.sql)));
        is_found(&place, damage);
    }
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn damage_is_found_in_a_database() {
    let place = Place::new_postgres();
    let mut mend = String::new();
    let mut saved = "CREATE SCHEMA saved; ALTER TABLE es.events DISABLE TRIGGER ALL;".to_owned();
    for table in TABLES {
        let name = table.split_once('.').map_or(table, |(_, name)| name);
        saved += &format!("CREATE TABLE saved.{name} AS TABLE {table};");
        mend += &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved.{name};");
    }
    place.sql(&saved);
    for damage in DAMAGES {
        let mut sql = damage
            .sql
            .replace("{payload}", "'{'")
            .replace("{tags}", "es.event_tags");
        for table in TABLES {
            if let Some((_, name)) = table.split_once('.') {
                sql = sql.replace(&format!("{{{name}}}"), table);
            }
        }
        place.sql(&format!("{mend}{sql}"));
        is_found(&place, damage);
    }
    place.sql(&mend);
    assert_eq!(place.es(&["verify"]).code, 0, "it was mended");
    rows_are_read_once(&place);
    bytes_are_printed_as_bytes(&place);
}

/// Before the server has statistics of a table, a page could be the beginning of all the rest of it, sorted.
#[cfg(unix)]
fn rows_are_read_once(place: &Place) {
    const MORE: u64 = 5_000;
    place.sql(&format!(
        "INSERT INTO es.events SELECT {LAST} + n - 99, n / 100, gen_random_uuid(), now(), 1, 'big', (n % 100)::text, \
         'big.thing', 'application/json', '{{}}', '1' FROM generate_series(100, {MORE} + 99) n; \
         UPDATE es.head SET position = {LAST} + {MORE}"
    ));
    let fetched = || {
        // A session tells what it has read when it ends.
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                      AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        while place.sql(others).trim() != "0" {
            std::thread::yield_now();
        }
        let fetched =
            place.sql("SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'events'");
        fetched.trim().parse::<u64>().expect("a number")
    };
    let read_by = |args: &[&str]| {
        let before = fetched();
        let ran = place.es(args);
        assert_eq!(ran.code, 0, "{}", ran.out);
        fetched() - before
    };
    // By position and by stream.
    let read = read_by(&["verify"]);
    assert!((2 * MORE..3 * MORE).contains(&read), "{read}");
    // The database does not know which events have the value, and there is none.
    let read = read_by(&["tail", "--where", "$.none"]);
    assert!((MORE..MORE + 100).contains(&read), "{read}");
    place.sql(&format!(
        "UPDATE es.events SET aggregate_id = 'all', version = position - {LAST} WHERE aggregate = 'big'"
    ));
    let read = read_by(&["tail", "--where", "$.none", "--stream", "big/all"]);
    assert!((MORE..MORE + 100).contains(&read), "{read}");
}

/// A value may be the beginning of a page, and what `--sql` prints is what was asked.
#[cfg(unix)]
fn bytes_are_printed_as_bytes(place: &Place) {
    place.sql(
        "INSERT INTO es.unique_values SELECT 'a.rule', decode(lpad(to_hex(n), 4, '0'), 'hex'), 'customer', 'ada', 1 \
         FROM generate_series(1, 600) n",
    );
    let ran = place.es(&["--sql", "verify", "unique-values"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.err.contains("unique-values: 601 looked at"),
        "{}",
        ran.err
    );
    let statements = ran.err.split(";\n");
    let second = statements.filter(|sql| sql.contains("u.value) > (")).last();
    let second = second.unwrap_or_else(|| panic!("{}", ran.err));
    assert!(second.contains("'\\x01f4'::bytea"), "{second}");
    let rows = place.sql(&format!("SELECT count(*) FROM ({second}) page"));
    assert_eq!(rows.trim(), "101");
}

const TABLES: [&str; 10] = [
    "es.events",
    "es.appends",
    "es.snapshots",
    "es.work",
    "es.cursors",
    "es.unique_values",
    "es.event_tags",
    "es_builds",
    "es_checkpoints",
    "es_parked",
];

/// A table tells people the place, and the exit code tells programs.
#[test]
fn damage_is_shown_as_a_table() {
    let place = Place::copy();
    place.sql(&format!(
        "{TRIGGERS}DELETE FROM events WHERE position IN (2, 3)"
    ));
    let ran = place.es(&["verify", "events", "appends"]);
    assert_eq!(ran.code, 1);
    let first = "CHECK    PLACE                                    PROBLEM\n\
                 events   positions 2 to 3                         2 events are missing\n";
    let head: String = ran.out.split_inclusive('\n').take(2).collect();
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>(),
        first.split_whitespace().collect::<Vec<_>>()
    );
    assert!(ran.err.contains("events: "), "{}", ran.err);
    assert!(ran.err.ends_with("found\n"), "{}", ran.err);
}

/// The next event would get a position that is taken.
#[test]
fn a_counter_that_went_back_is_found() {
    let place = Place::copy();
    place.sql("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'events'");
    let ran = place.es(&["verify", "events"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("the store counts 2 events"), "{}", ran.out);
}

#[test]
fn events_before_the_first_position_are_found() {
    let place = Place::copy();
    place.sql(
        "INSERT INTO events SELECT -5, 'order', 'early', 1, event, schema_version, recorded_at, 'early', metadata, \
         content_type, payload FROM events WHERE position = 2",
    );
    let ran = place.es(&["verify", "events"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("positions begin with 1"), "{}", ran.out);
    assert!(!ran.out.contains("missing"), "{}", ran.out);
}

/// As bytes it would stand after all texts, and the page after it would be another one.
#[test]
fn a_key_that_is_no_text_does_not_hide_what_follows() {
    let place = Place::copy();
    place.sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 499) INSERT INTO es_unique_values \
         SELECT 'a.rule', 'a' || printf('%03d', n), 'customer', 'ada', 1, NULL FROM n; \
         INSERT INTO es_unique_values VALUES ('a.rule', CAST(x'61ff' AS TEXT), 'customer', 'ada', 1, NULL), \
         ('a.rule', 'b', 'customer', 'ada', 999, NULL)",
    );
    let ran = place.es(&["verify", "unique-values"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("the rows after it cannot be read"),
        "{}",
        ran.out
    );
}

/// The bounds are those of the library.
#[test]
fn a_stream_has_the_longest_name_that_the_library_takes() {
    let place = Place::copy();
    for (bytes, code) in [(MAX_STREAM_ID_BYTES, 0), (MAX_STREAM_ID_BYTES + 1, 1)] {
        let id = "x".repeat(bytes);
        place.sql(&format!(
            "INSERT INTO events SELECT NULL, aggregate, '{id}', 1, event, schema_version, recorded_at, \
             lower(hex(randomblob(16))), metadata, content_type, payload FROM events WHERE position = 2"
        ));
        let ran = place.es(&["verify", "events"]);
        assert_eq!(ran.code, code, "{}", ran.out);
    }
}

/// Puts an empty page in the place of the first one of an index, as a disk that lost a write does.
fn empty_the_index(place: &Place, index: &str) {
    use std::io::{Seek, SeekFrom, Write};
    let root = place.sql(&format!(
        "SELECT rootpage FROM sqlite_schema WHERE name = '{index}'"
    ));
    let root: u64 = root.trim().parse().expect("a page");
    let size = place.sql("SELECT page_size FROM pragma_page_size");
    let size: u64 = size.trim().parse().expect("a size");
    let mut page = vec![0; usize::try_from(size).expect("small")];
    // An index without entries, whose content begins at the end of the page.
    page[0] = 10;
    page[5..7].copy_from_slice(&u16::try_from(size).expect("small").to_be_bytes());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(place.file())
        .expect("opens");
    file.seek(SeekFrom::Start((root - 1) * size))
        .expect("there");
    file.write_all(&page).expect("written");
}

/// SQLite's own check: rows are there, and no statement that uses the index sees them.
#[test]
fn an_index_that_lacks_rows_is_found() {
    for index in ["sqlite_autoindex_events_1", "es_work_due", "es_work_status"] {
        let place = Place::copy();
        let whole = place.es(&["verify", "file"]);
        assert!(
            whole.code == 0 && whole.err.contains("file: "),
            "{}",
            whole.err
        );
        empty_the_index(&place, index);
        let ran = place.es(&["verify"]);
        assert_eq!(ran.code, 1, "{index}: {}", ran.err);
        let remedy = format!("REINDEX \"{index}\"");
        assert!(ran.out.contains(&remedy), "{index}: {}", ran.out);
        let found = place.es(&["verify", "file", "-o", "ndjson"]);
        assert_eq!(found.out.lines().count(), 1, "{index}: {}", found.out);
        // Without it the check is not made.
        let ran = place.es(&["verify", "sagas", "appends"]);
        assert!(!ran.err.contains("file: "), "{}", ran.err);

        let folder = es_tests::tiers::folder();
        let backup = folder.path().join("backup.db").display().to_string();
        let ran = place.es(&["backup", &backup]);
        assert!(
            ran.code == 1 && ran.out.contains(&remedy),
            "{index}: {} {}",
            ran.out,
            ran.err
        );
        assert!(!std::fs::exists(&backup).expect("known"), "no backup");
        let new = format!("sqlite:{}", folder.path().join("new.db").display());
        let damaged = place.file().display().to_string();
        let ran = crate::place::es(&["--store", &new, "restore", "-y", &damaged]);
        assert!(
            ran.code == 1 && ran.out.contains(&remedy),
            "{index}: {} {}",
            ran.out,
            ran.err
        );

        place.sql(&format!("REINDEX \"{index}\""));
        let mended = place.es(&["verify"]);
        assert_eq!(
            (mended.code, mended.out.as_str()),
            (0, ""),
            "{}",
            mended.err
        );
    }
}

/// What cannot be read at all ends its check, and the others and what was found are reported.
#[test]
fn a_table_that_cannot_be_read_is_a_finding() {
    use std::io::{Seek, SeekFrom, Write};
    let place = Place::copy();
    let root = place.sql("SELECT rootpage FROM sqlite_schema WHERE name = 'snapshots'");
    let root: u64 = root.trim().parse().expect("a page");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(place.file())
        .expect("opens");
    file.seek(SeekFrom::Start((root - 1) * 4096))
        .expect("there");
    file.write_all(&[7; 4096]).expect("written");
    let ran = place.es(&["verify"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let snapshots = |line: &&str| line.starts_with("snapshots ");
    assert!(
        ran.out.contains("restore a backup") && ran.out.lines().any(|line| snapshots(&line)),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("readers: "), "{}", ran.err);
}
