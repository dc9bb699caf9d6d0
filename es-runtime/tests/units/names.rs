//! Which of several events with one name is the first, and texts for the compiler.

use es_runtime::{
    __private::{first_of_name, hashes, joined},
    EventType,
};

const fn event(name: &'static str) -> EventType {
    EventType { name, version: 1 }
}

#[test]
fn only_a_repeated_name_is_found() {
    const TYPES: [EventType; 4] = [event("a"), event("b"), event("ab"), event("b")];
    const HASHES: [u64; 4] = hashes(&TYPES);
    let first: Vec<_> = (0..4).map(|i| first_of_name(&TYPES, &HASHES, i)).collect();
    assert_eq!(first, [0, 1, 2, 1]);
}

#[test]
fn texts_are_joined_as_far_as_they_fit() {
    assert_eq!(joined(&mut [0; 9], &["a ", "", "list"]), "a list");
    assert_eq!(joined(&mut [0; 3], &["a ", "list"]), "a l");
}

#[test]
fn names_with_one_hash_are_still_compared() {
    for (two, first) in [("b", 1), ("ab", 1), ("", 1), ("a", 0)] {
        let types = [event("a"), event(two)];
        assert_eq!(first_of_name(&types, &[7, 7], 1), first, "{two}");
    }
}
