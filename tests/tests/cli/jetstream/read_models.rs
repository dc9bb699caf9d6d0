//! The read models of a store on JetStream are in a database of either kind. What `es` says of them is what it says where they are
//! next to the events, but for positions.

use super::{es, location, stream};
use crate::place::Place;

/// The rows of a verb, which are the same as those of the shop on a file.
fn same(place: &Place, verb: &[&str], fields: &[&str]) -> Vec<String> {
    let rows = place.rows(verb, fields);
    assert!(!rows.is_empty(), "{verb:?}");
    assert_eq!(rows, Place::sqlite().rows(verb, fields), "{verb:?}");
    rows
}

fn they_are_shown(read: Place) {
    let place = Place::new_nats(location(&stream()), read);
    let readers = [
        "reader",
        "kind",
        "version",
        "stage",
        "state",
        "lag_events",
        "parked",
        "reason",
    ];
    same(&place, &["readers"], &readers);
    let parked = [
        "reader", "key", "stream", "version", "event", "attempts", "reason",
    ];
    same(&place, &["parked", "list"], &parked);
    // Positions are those of the store.
    let position = place.rows(&["parked", "list"], &["position"]).remove(0);
    assert!(position.contains('.'), "{position}");
    let shown = place.json(&["parked", "show", "order_totals", &position]);
    assert_eq!(shown["payload"]["cents"], 13, "{shown}");
    assert_eq!(shown["position"], position.as_str(), "{shown}");
    let (commit, _) = position.split_once('.').expect("two numbers");
    let of_commit = place.json(&["parked", "show", "order_totals", commit]);
    assert_eq!(of_commit, shown);
    let none = place.es(&["parked", "show", "order_totals", "1"]);
    assert_eq!(none.code, 3, "{}", none.err);
    assert!(none.err.contains("at position 1;"), "{}", none.err);

    let verified = place.es(&["verify"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    assert!(
        verified.err.contains("readers: 4 looked at"),
        "{}",
        verified.err
    );
    // Where nobody says where they are, there are those of the store alone.
    let address = place.address();
    let alone = es(&["--store", &address, "verify"]);
    assert!(alone.err.contains("readers: 2 looked at"), "{}", alone.err);
    // A dump is of the events.
    let dump = place.es(&["export"]);
    assert_eq!(dump.code, 0, "{}", dump.err);
    assert!(dump.err.contains("in another database"), "{}", dump.err);

    // The read models of another store are found to be that.
    let other = Place::new_nats(
        location(&stream()),
        Place::Sqlite(es_tests::tiers::folder()),
    );
    let read = place.read_address().expect("one");
    let mixed = es(&["--store", &other.address(), "--read-store", &read, "verify"]);
    assert_eq!(mixed.code, 1, "{}{}", mixed.out, mixed.err);
    assert!(
        mixed.out.contains("belongs to another store"),
        "{}",
        mixed.out
    );
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn they_are_shown_of_sqlite() {
    they_are_shown(Place::Sqlite(es_tests::tiers::folder()));
}

#[test]
#[cfg_attr(
    not(all(postgres, nats)),
    ignore = "needs PostgreSQL and nats-server: run .ci/nats-server"
)]
fn they_are_shown_of_postgresql() {
    they_are_shown(Place::Postgres(es_tests::server::database()));
}

#[test]
fn a_stream_has_none() {
    let store = Place::sqlite().address();
    let ran = es(&[
        "--store",
        &store,
        "--read-store",
        "nats://localhost/SHOP",
        "readers",
    ]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("has no read models"), "{}", ran.err);
}
