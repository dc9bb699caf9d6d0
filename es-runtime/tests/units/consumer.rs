//! The stored names that a projection or a subscription lists.

use es_runtime::{
    __private::{are_apart, filter},
    EventType,
};

type Listed = (&'static [EventType], &'static [&'static str]);

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

#[test]
fn a_filter_has_the_names_of_all() {
    let filter = filter(&[A, B]);
    for name in ["a", "b", "old.a"] {
        assert!(filter.accepts(name));
    }
    assert!(!filter.accepts("c"));
}
