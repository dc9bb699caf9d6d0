//! Checks that the stored names of a set are distinct, fast enough for a constant with hundreds of them.

use crate::EventType;

/// A number for each stored name. Equal names have equal numbers.
#[expect(clippy::indexing_slicing, reason = "the index is below the length")]
pub const fn hashes<const N: usize>(types: &[EventType]) -> [u64; N] {
    let mut hashes = [0; N];
    let mut rest = types;
    let mut index = 0;
    while let ([first, tail @ ..], true) = (rest, index < N) {
        let mut name = first.name.as_bytes();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        while let [byte, tail @ ..] = name {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
            name = tail;
        }
        hashes[index] = hash;
        index += 1;
        rest = tail;
    }
    hashes
}

/// Whether no earlier event of the set has the stored name of the event at `index`.
#[expect(
    clippy::indexing_slicing,
    reason = "the derive passes an index of the set; anything else stops the build"
)]
pub const fn is_first(types: &[EventType], hashes: &[u64], index: usize) -> bool {
    let mut earlier = 0;
    while earlier < index {
        if hashes[earlier] == hashes[index] && same(types[earlier].name, types[index].name) {
            return false;
        }
        earlier += 1;
    }
    true
}

pub(crate) const fn same(one: &str, two: &str) -> bool {
    let mut one = one.as_bytes();
    let mut two = two.as_bytes();
    while let ([a, rest_one @ ..], [b, rest_two @ ..]) = (one, two) {
        if *a != *b {
            return false;
        }
        one = rest_one;
        two = rest_two;
    }
    one.is_empty() && two.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn event(name: &'static str) -> EventType {
        EventType { name, version: 1 }
    }

    #[test]
    fn only_a_repeated_name_is_found() {
        const TYPES: [EventType; 4] = [event("a"), event("b"), event("ab"), event("b")];
        const HASHES: [u64; 4] = hashes(&TYPES);
        let first: Vec<_> = (0..4).map(|i| is_first(&TYPES, &HASHES, i)).collect();
        assert_eq!(first, [true, true, true, false]);
    }

    #[test]
    fn names_with_one_hash_are_still_compared() {
        let types = [event("a"), event("b")];
        assert!(is_first(&types, &[7, 7], 1));
        assert!(!same("a", "ab"));
        assert!(same("order.placed", "order.placed"));
    }
}
