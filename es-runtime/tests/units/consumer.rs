//! The stored names that a consumer lists.

use es_runtime::{
    __private::{Listed, first_shared},
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
    assert_eq!(first_shared(&[A, B], 1), None);
    assert_eq!(first_shared(&[A, B, A], 1), None);
    assert_eq!(first_shared(&[B, A, A], 2), Some((1, "a")));
    assert_eq!(first_shared(&[A, OLD], 1), Some((0, "old.a")));
    assert_eq!(first_shared(&[OLD, A], 1), Some((0, "old.a")));
    assert_eq!(first_shared(&[A, A], 0), None);
    assert_eq!(first_shared(&[A], 7), None);
}
