//! What is there and back is the same, row by row.

use super::{done, empty, everything, export, file_of, import, written};
use crate::place::es;

#[test]
fn a_dump_fills_another_file_with_the_same() {
    let place = everything();
    let dump = export(&place.address());
    let (_folder, new) = empty();
    let ran = done(import(&new, &dump));
    assert!(
        written(&ran.out).iter().all(|(_, rows)| *rows > 0),
        "{}",
        ran.out
    );
    assert_eq!(written(&ran.out).len(), 15, "{}", ran.out);
    assert!(export(&new) == dump, "the same dump");
    let checks = [
        "verify",
        "events",
        "streams",
        "appends",
        "snapshots",
        "tags",
        "sagas",
        "readers",
    ];
    done(es(&[&["--store", &new], &checks[..]].concat()));
    // Once more writes nothing.
    let again = done(import(&new, &dump)).out;
    assert!(
        written(&again).iter().all(|(_, rows)| *rows == 0),
        "{again}"
    );
}

/// Each table of the stores is carried, or stands in the list of those that are not.
#[test]
fn no_table_is_forgotten() {
    let place = everything();
    let tables = place
        .sql("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    let dump = export(&place.address());
    assert!(tables.contains("es_unique_values"), "{tables}");
    for table in tables.split_whitespace() {
        let carried = table.strip_prefix("es_").unwrap_or(table);
        let is_carried = [table, carried]
            .iter()
            .any(|name| dump.contains(&format!("{{\"table\":\"{name}\"")));
        let is_not = ["es_meta", "es_projection_schema"].contains(&table)
            || table.starts_with("order_totals");
        assert!(is_carried != is_not, "{table}");
    }
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn no_table_of_postgresql_is_forgotten() {
    let place = crate::place::Place::postgres();
    let tables = place.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'es'");
    let (_folder, new) = empty();
    done(es(&["copy", &place.address(), &new, "-y"]));
    let copied = rusqlite::Connection::open(file_of(&new)).expect("opens");
    let there: Vec<String> = copied
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .expect("tables");
    assert!(tables.contains("unique_values"), "{tables}");
    for table in tables.split_whitespace() {
        let names = [
            table.to_owned(),
            format!("es_{table}"),
            format!("es_{}", table.trim_start_matches("event_")),
        ];
        let is_carried = names.iter().any(|name| there.contains(name));
        let is_not = ["head", "store_id"].contains(&table) || table.starts_with("order_totals");
        assert!(is_carried != is_not, "{table}");
    }
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn there_and_back_is_the_same() {
    let place = everything();
    let dump = export(&place.address());
    let database = es_tests::server::database();
    let url = database.url();
    done(es(&["copy", &place.address(), &url, "-y", "--projections"]));
    assert!(export(&url) == dump, "the same dump on PostgreSQL");
    let (_folder, back) = empty();
    done(es(&["copy", &url, &back, "-y", "--projections"]));
    assert!(export(&back) == dump, "the same dump again");
    // Row by row, in the tables themselves.
    let connection = rusqlite::Connection::open(place.file()).expect("opens");
    connection
        .execute("ATTACH ?1 AS back", [file_of(&back)])
        .expect("attached");
    let count = |sql: &str| -> i64 {
        connection
            .query_row(sql, [], |row| row.get(0))
            .expect("counted")
    };
    for table in [
        "events",
        "appends",
        "snapshots",
        "es_cursors",
        "es_rules",
        "es_unique_values",
        "es_unique_walks",
        "es_unique_duplicates",
        "es_tags",
        "es_tag_walks",
        "es_meta",
        "es_projections",
        "es_builds",
        "es_parked",
    ] {
        let there = count(&format!("SELECT count(*) FROM main.{table}"));
        assert!(there > 0, "{table} has rows");
        let more = |a: &str, b: &str| {
            count(&format!(
                "SELECT count(*) FROM (SELECT * FROM {a}.{table} EXCEPT SELECT * FROM {b}.{table})"
            ))
        };
        assert_eq!(
            (more("main", "back"), more("back", "main")),
            (0, 0),
            "{table}"
        );
    }
    // A lease belongs to a process. What is left of it is that there was one.
    let of_work = |of: &str| {
        let sql = format!("SELECT * FROM {of}.es_work WHERE lease_until IS NULL");
        count(&format!("SELECT count(*) FROM ({sql})"))
    };
    assert_eq!(of_work("main"), of_work("back"));
    let lease =
        "SELECT lease_until FROM back.es_work WHERE aggregate_id = '4711' AND owner IS NULL";
    assert_eq!(count(lease), 0, "it has ended");
    // JSON is text again, and other payloads are bytes.
    let kinds = |of: &str| {
        let sql = format!(
            "SELECT group_concat(typeof(payload)) FROM (SELECT payload FROM {of}.events ORDER BY position)"
        );
        connection
            .query_row(&sql, [], |row| row.get::<_, String>(0))
            .expect("kinds")
    };
    assert_eq!(kinds("main"), kinds("back"));
    assert!(kinds("main").contains("text") && kinds("main").contains("blob"));
}
