//! The type of an event, and whether the stored names of a set are distinct: fast enough for a constant with hundreds.

/// The stored name of an event and the version in which this program writes it.
///
/// The struct is exhaustive on purpose: derived code builds it in constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType {
    /// The stored name.
    pub name: &'static str,
    /// The version that is written, 1 or more.
    pub version: u16,
}

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

/// Stops the build where an earlier event of the set has the stored name of the event at `index`. `texts` are the message
/// without that name and the two paths.
#[track_caller]
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it runs in the compiler, and the panic is its error; the derive passes an index of the set"
)]
pub const fn assert_first_of_name(
    types: &[EventType],
    hashes: &[u64],
    paths: &[&str],
    texts: [&str; 4],
    index: usize,
) {
    let [before, one, two, after] = texts;
    let mut earlier = 0;
    while earlier < index {
        let name = types[earlier].name;
        if hashes[earlier] == hashes[index] && same(name, types[index].name) {
            let parts = &[before, name, one, paths[earlier], two, paths[index], after];
            panic!("{}", joined(&mut [0; 1024], parts));
        }
        earlier += 1;
    }
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

/// Whether the texts are equal.
pub const fn same(one: &str, two: &str) -> bool {
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
