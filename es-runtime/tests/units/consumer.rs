//! The stored names that a consumer lists.

use es_runtime::{
    __private::{Listed, are_apart},
    EventType,
};

const A: Listed = (
    &[EventType {
        name: "a",
        version: 1,
    }],
    &["old.a"],
);
const B: Listed = (
    &[EventType {
        name: "b",
        version: 1,
    }],
    &[],
);
const OLD: Listed = (
    &[EventType {
        name: "old.a",
        version: 1,
    }],
    &[],
);

#[test]
fn a_name_that_two_entries_know_is_found() {
    assert!(are_apart(&[A, B]));
    assert!(!are_apart(&[A, B, A]));
    assert!(!are_apart(&[A, OLD]));
    assert!(!are_apart(&[OLD, A]));
}
