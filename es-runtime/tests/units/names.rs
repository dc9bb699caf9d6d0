//! Which of several events repeats the name of an earlier one, and texts for the compiler.

use es_runtime::{
    __private::{assert_first_of_name, hashes, joined},
    EventType,
};
use std::panic::catch_unwind;

const fn event(name: &'static str) -> EventType {
    EventType { name, version: 1 }
}

/// What the compiler would say of the event at `index`.
fn said(types: &[EventType], hashes: &[u64], index: usize) -> Option<String> {
    let paths = ["A", "B", "C", "D"];
    let texts = ["two are `", "`: `", "` and `", "`!"];
    catch_unwind(|| assert_first_of_name(types, hashes, &paths, texts, index))
        .err()
        .and_then(|panic| panic.downcast_ref::<String>().cloned())
}

#[test]
fn only_a_repeated_name_is_found() {
    const TYPES: [EventType; 4] = [event("a"), event("b"), event("ab"), event("b")];
    const HASHES: [u64; 4] = hashes(&TYPES);
    let found: Vec<_> = (0..4).map(|i| said(&TYPES, &HASHES, i)).collect();
    let repeated = "two are `b`: `B` and `D`!".to_owned();
    assert_eq!(found, [None, None, None, Some(repeated)]);
}

#[test]
fn texts_are_joined_as_far_as_they_fit() {
    assert_eq!(joined(&mut [0; 9], &["a ", "", "list"]), "a list");
    assert_eq!(joined(&mut [0; 3], &["a ", "list"]), "a l");
}

#[test]
fn names_with_one_hash_are_still_compared() {
    for (two, repeats) in [("b", false), ("ab", false), ("", false), ("a", true)] {
        let types = [event("a"), event(two)];
        assert_eq!(said(&types, &[7, 7], 1).is_some(), repeats, "{two}");
    }
}
