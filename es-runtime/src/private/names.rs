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

/// The first event of the set with the stored name of the event at `index`.
#[expect(
    clippy::indexing_slicing,
    reason = "the derive passes an index of the set; anything else stops the build"
)]
pub const fn first_of_name(types: &[EventType], hashes: &[u64], index: usize) -> usize {
    let mut earlier = 0;
    while earlier < index {
        if hashes[earlier] == hashes[index] && same(types[earlier].name, types[index].name) {
            break;
        }
        earlier += 1;
    }
    earlier
}

/// The texts in one, for a message of the compiler. What does not fit into `text` is left out.
#[expect(clippy::indexing_slicing, reason = "the index is below the length")]
pub const fn joined<'a>(text: &'a mut [u8], mut parts: &[&str]) -> &'a str {
    let mut end = 0;
    while let [first, rest @ ..] = parts {
        let mut bytes = first.as_bytes();
        while let ([byte, tail @ ..], true) = (bytes, end < text.len()) {
            text[end] = *byte;
            end += 1;
            bytes = tail;
        }
        parts = rest;
    }
    match std::str::from_utf8(text.split_at(end).0) {
        Ok(text) => text,
        Err(_) => "",
    }
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
