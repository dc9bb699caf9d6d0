//! What verbs show of a store on JetStream: the same as on SQLite, but for positions, which name a commit.

use super::{Value, block_on, copy, done, es, export, location, node, note, open, shop, stream};
use crate::place::Place;
use es_runtime::EventStore;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

/// The shop in two places.
fn both() -> (Place, String) {
    let place = shop();
    let there = location(&stream());
    copy(&place.address(), &there);
    (place, there)
}

fn json(address: &str, args: &[&str]) -> Value {
    let ran = done(es(&[&["--store", address, "-o", "json"], args].concat()));
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", ran.out))
}

/// Without what differs between stores.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Array(rows) => {
            for row in rows {
                *row = comparable(row.take());
            }
        }
        Value::Object(fields) => {
            for name in [
                "position",
                "first_position",
                "last_position",
                "store",
                "store_id",
                "bytes",
                // A lease does not come along.
                "owner",
                "lease_until",
            ] {
                fields.remove(name);
            }
        }
        _ => {}
    }
    value
}

const VERBS: &[&[&str]] = &[
    &["streams"],
    &["streams", "--aggregate", "order", "--like", "471%"],
    &["show", "order/4711"],
    &["show", "note/1/a"],
    &["show", "order/4711", "--at", "1"],
    &["events"],
    &[
        "events",
        "--name",
        "order.placed",
        "--where",
        "$.cents > 100",
    ],
    &["events", "--stream", "order/4712"],
    &["events", "--correlation", "web-2"],
    &["events", "--user", "bob"],
    &["events", "--since", "1h", "-n", "3"],
    &["tail", "-n", "4"],
    &["tail", "--name", "order.placed"],
    &["trace", "web-1"],
    &["sagas", "list"],
    &["sagas", "show", "fulfil-order", "4712"],
    &["stats"],
    &["stats", "--by", "aggregate"],
    &["stats", "--by", "event"],
];

/// Two stores of which the second is a copy of the first.
pub(super) fn each_verb_shows_the_same(here: &str, there: &str) {
    for verb in VERBS {
        let shown = json(here, verb);
        let rows = shown.as_array().map_or(1, Vec::len);
        assert!(rows > 0, "{verb:?} shows something");
        assert_eq!(comparable(json(there, verb)), comparable(shown), "{verb:?}");
    }
    // Cursors are where they were: the same number of events come after them. They have no work items any more.
    let behind = |address: &str| {
        let readers = json(address, &["readers"]);
        let readers = readers.as_array().expect("rows").iter();
        let sagas = readers.filter(|reader| reader["version"].is_null());
        sagas
            .map(|reader| format!("{} {}", reader["reader"], reader["lag_events"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(behind(there), behind(here));
    assert_eq!(behind(there).len(), 2);
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn each_verb_shows_what_it_shows_of_a_file() {
    let (place, there) = both();
    each_verb_shows_the_same(&place.address(), &there);
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn positions_are_those_of_the_store() {
    let (place, there) = both();
    let events = json(&there, &["events"]);
    let events = events.as_array().expect("rows");
    let positions: Vec<&str> = events
        .iter()
        .map(|event| event["position"].as_str().expect("a text"))
        .collect();
    assert!(
        positions.iter().all(|position| position.contains('.')),
        "{positions:?}"
    );
    // From one on, and a commit by its number.
    let from = json(&there, &["events", "--from", positions[2]]);
    assert_eq!(from.as_array().map(Vec::len), Some(positions.len() - 2));
    let (commit, _) = positions[1].split_once('.').expect("two numbers");
    let one = json(&there, &["events", "--from", commit, "--to", commit]);
    assert_eq!(one[0]["position"], positions[1], "{one}");
    // The application knows the same ones.
    let name = there.rsplit_once('/').expect("a stream").1;
    let name = name.split_once('?').expect("options").0.to_owned();
    let head = block_on(async {
        let store = open(&name).await;
        let head = store.head().await.expect("read");
        store.close().await;
        head.to_string()
    });
    assert_eq!(positions.last(), Some(&head.as_str()));
    drop(place);
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn tail_follows() {
    let (_place, there) = both();
    let name = there.rsplit_once('/').expect("a stream").1;
    let name = name.split_once('?').expect("options").0.to_owned();
    let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
        .args([
            "es", "--store", &there, "-o", "ndjson", "tail", "-f", "-n", "1",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let newest = lines.next().expect("a line").expect("read");
    assert!(newest.contains("order.placed"), "{newest}");
    block_on(async {
        let store = open(&name).await;
        store.append(note("new")).await.expect("appended");
        store.close().await;
    });
    let next = lines.next().expect("a line").expect("read");
    assert!(next.contains("\"stream\":\"note/new\""), "{next}");
    child.kill().expect("killed");
    child.wait().expect("ends");
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn what_is_not_possible_says_what_to_do() {
    let (place, there) = both();
    let name = stream();
    let url = node().url();
    let walking = Place::copy();
    walking.sql("INSERT INTO es_unique_walks VALUES ('order.number', 3)");
    for (args, code, says) in [
        (&["--store", &there, "--sql", "stats"][..], 2, "takes none"),
        (
            &["copy", &there, "sqlite:never.db", "-y", "--follow"],
            2,
            "--quiet",
        ),
        (&["--store", &there, "backup", "never.db"], 2, "es copy"),
        (
            &["--store", &url, "stats"],
            2,
            "nats://host:4222,host:4222/STREAM",
        ),
        (
            &["--store", &format!("{there}&syncs=no"), "stats"],
            2,
            "`syncs` is not known",
        ),
        (
            &["--store", &format!("{url}/{name}"), "stats"],
            4,
            "stream not found",
        ),
        // Filling asks for the settings that lose nothing.
        (
            &["copy", &place.address(), &format!("{url}/{name}"), "-y"],
            4,
            "?unchecked-syncs",
        ),
        (
            &["copy", &walking.address(), &there, "-y"],
            6,
            "unique values that are being turned on",
        ),
    ] {
        let ran = es(args);
        assert_eq!(ran.code, code, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    // A password is not shown.
    let secret = there.replace("nats://", "nats://me:secret@");
    let ran = es(&["--store", &secret, "stats"]);
    assert!(!(ran.out + &ran.err).contains("secret"));
    assert!(!export(&there).is_empty());
}
