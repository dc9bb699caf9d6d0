//! The check of sealed lines that the compiler runs: one pass over the lock and the sorted events.
//!
//! Only `assert_schema_lock!` calls it, during `cargo check`. [`check_lock`](super::check_lock) checks
//! and reports more.

#![allow(
    clippy::indexing_slicing,
    reason = "a const function has no other way, and each index is below a length"
)]

use super::lock::is_conflict_marker;
use es_runtime::__private::less;
use es_runtime::schema::{EventShape, Layout, Node, Retired, Retirement};

/// The first sealed line that the code breaks, or a line that cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct Breach<'a> {
    /// The number of the line, from 1.
    pub number: usize,
    /// The line.
    pub line: &'a [u8],
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is a conflict marker of a merge.
    Conflict,
    /// It is not a line of a lock.
    Form,
    /// The previous line belongs after it.
    Unsorted,
    /// The previous line has the same name and version.
    Duplicate,
    /// The code derives this shape for that version.
    Changed(&'static Node, Layout),
    /// The code no longer has that version.
    Lowered,
    /// The code has no event of that name.
    Gone,
    /// The code declares that retired name differently.
    Retirement,
}

/// The indexes of the events in the order of their names, by a merge sort, which stays cheap.
pub const fn order<const N: usize>(events: &[EventShape]) -> [usize; N] {
    let mut from = [0; N];
    let mut to = [0; N];
    let mut index = 0;
    while index < N {
        from[index] = index;
        index += 1;
    }
    let mut width = 1;
    while width < N {
        let mut start = 0;
        while start < N {
            let middle = if start + width < N { start + width } else { N };
            let end = if middle + width < N {
                middle + width
            } else {
                N
            };
            let (mut left, mut right, mut at) = (start, middle, start);
            while at < end {
                let takes_left = left < middle
                    && (right >= end || !less(events[from[right]].name, events[from[left]].name));
                if takes_left {
                    to[at] = from[left];
                    left += 1;
                } else {
                    to[at] = from[right];
                    right += 1;
                }
                at += 1;
            }
            start = end;
        }
        from = to;
        width *= 2;
    }
    from
}

/// The first breach in the text of a lock, with `order` from [`order`].
pub const fn first_breach<'a>(
    lock: &'a str,
    events: &'static [EventShape],
    order: &[usize],
    retired: &[Retired],
) -> Option<Breach<'a>> {
    let mut left = lock.as_bytes();
    let mut number = 0;
    let mut next = 0;
    // No name is empty, so the first line sorts after this one.
    let mut last: (&[u8], u32) = (b"", 0);
    while !left.is_empty() {
        let (line, rest) = until(left, b'\n');
        let line = trimmed(line);
        left = rest;
        number += 1;
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        if is_conflict_marker(line) {
            return Some(Breach {
                number,
                line,
                fault: Fault::Conflict,
            });
        }
        let Some(parts) = parts(line) else {
            return Some(Breach {
                number,
                line,
                fault: Fault::Form,
            });
        };
        // The test compares tags and rules of unique values. They decide about writing, and not about reading.
        if parts.version == 0 && is_indexed(parts.rest) {
            continue;
        }
        match compare(last.0, parts.name) {
            0 if parts.version == last.1 => {
                return Some(Breach {
                    number,
                    line,
                    fault: Fault::Duplicate,
                });
            }
            0 if parts.version > last.1 => {}
            -1 => {}
            _ => {
                return Some(Breach {
                    number,
                    line,
                    fault: Fault::Unsorted,
                });
            }
        }
        last = (parts.name, parts.version);
        if !parts.sealed {
            continue;
        }
        while next < order.len() && compare(events[order[next]].name.as_bytes(), parts.name) < 0 {
            next += 1;
        }
        let event = if next < order.len()
            && compare(events[order[next]].name.as_bytes(), parts.name) == 0
        {
            Some(&events[order[next]])
        } else {
            None
        };
        if let Some(fault) = fault(&parts, event, events, retired) {
            return Some(Breach {
                number,
                line,
                fault,
            });
        }
    }
    None
}

const fn is_indexed(rest: &[u8]) -> bool {
    let (word, _) = until(rest, b' ');
    compare(word, b"tag") == 0 || compare(word, b"unique") == 0
}

const fn fault(
    parts: &Parts<'_>,
    event: Option<&'static EventShape>,
    events: &'static [EventShape],
    retired: &[Retired],
) -> Option<Fault> {
    let mut index = 0;
    let mut retirement = None;
    while index < retired.len() && retirement.is_none() && event.is_none() {
        if compare(retired[index].name.as_bytes(), parts.name) == 0 {
            retirement = Some(retired[index].into);
        }
        index += 1;
    }
    if parts.version == 0 {
        let same = match retirement {
            Some(Retirement::Dropped) => compare(parts.rest, b"drop") == 0,
            Some(Retirement::Split) => compare(parts.rest, b"split") == 0,
            Some(Retirement::Alias(of)) => {
                let (word, name) = until(parts.rest, b' ');
                compare(word, b"alias") == 0 && compare(name, of.as_bytes()) == 0
            }
            None => false,
        };
        return if same { None } else { Some(Fault::Retirement) };
    }
    let event = match (event, retirement) {
        (Some(event), _) => event,
        (None, None) => return Some(Fault::Gone),
        (None, Some(Retirement::Alias(of))) => {
            let mut index = 0;
            while index < events.len() && compare(events[index].name.as_bytes(), of.as_bytes()) != 0
            {
                index += 1;
            }
            if index == events.len() {
                return Some(Fault::Gone);
            }
            &events[index]
        }
        (None, Some(_)) => return None,
    };
    if parts.version as usize > event.shapes.len() {
        return Some(Fault::Lowered);
    }
    let node = &event.shapes[parts.version as usize - 1];
    let (layout, shape) = match until(parts.rest, b' ') {
        (b"ordered", shape) => (Layout::ByOrder, shape),
        _ => (Layout::ByName, parts.rest),
    };
    if node.has_text(layout, shape) {
        None
    } else {
        Some(Fault::Changed(node, layout))
    }
}

/// The parts of a line. Version 0 is a retired name.
struct Parts<'a> {
    name: &'a [u8],
    version: u32,
    sealed: bool,
    rest: &'a [u8],
}

const fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let (name, rest) = until(line, b' ');
    if name.is_empty() {
        return None;
    }
    let (mut word, mut rest) = until(rest, b' ');
    let mut version = 0;
    if let [b'v', digits @ ..] = word {
        let mut left = digits;
        while let [digit, tail @ ..] = left {
            if !digit.is_ascii_digit() || version > 6_553 {
                return None;
            }
            version = version * 10 + (*digit - b'0') as u32;
            left = tail;
        }
        if version == 0 || version > 65_535 {
            return None;
        }
        (word, rest) = until(rest, b' ');
    }
    let sealed = match word {
        b"sealed" => true,
        b"open" => false,
        _ => return None,
    };
    Some(Parts {
        name,
        version,
        sealed,
        rest,
    })
}

/// The text before the first `byte`, and the text after it.
///
/// It compares eight bytes at a time, because the compiler interprets it and branches are slow there.
#[expect(clippy::needless_bitwise_bool, reason = "`|` is no branch")]
const fn until(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let mut left = text;
    while let [a, b, c, d, e, f, g, h, tail @ ..] = left {
        let found = (*a == byte)
            | (*b == byte)
            | (*c == byte)
            | (*d == byte)
            | (*e == byte)
            | (*f == byte)
            | (*g == byte)
            | (*h == byte);
        if found {
            break;
        }
        left = tail;
    }
    while let [first, tail @ ..] = left {
        if *first == byte {
            return (text.split_at(text.len() - left.len()).0, tail);
        }
        left = tail;
    }
    (text, &[])
}

const fn trimmed(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [before @ .., b' ' | b'\r' | b'\t'] = line {
        line = before;
    }
    line
}

/// -1, 0 or 1: whether the first is less, equal or greater.
const fn compare(one: &[u8], two: &[u8]) -> i8 {
    let mut one = one;
    let mut two = two;
    loop {
        (one, two) = match (one, two) {
            ([a, ..], [b, ..]) if *a < *b => return -1,
            ([a, ..], [b, ..]) if *a > *b => return 1,
            ([_, one @ ..], [_, two @ ..]) => (one, two),
            ([], [_, ..]) => return -1,
            ([_, ..], []) => return 1,
            ([], []) => return 0,
        };
    }
}

impl Breach<'_> {
    /// Writes the message as far as `to` has room, and returns its length.
    pub const fn message(&self, to: &mut [u8]) -> usize {
        let mut text = Text { to, at: 0 };
        text.put(b"the schema lock does not hold");
        if let Some(parts) = parts(self.line) {
            text.put(b" for event `");
            text.put(parts.name);
            text.put(b"`");
            if parts.version > 0 {
                text.put(b" version ");
                text.number(parts.version as usize);
            }
        }
        text.put(b"\n  lock: ");
        text.put(self.line);
        text.put(b" (line ");
        text.number(self.number);
        text.put(b")");
        if let Fault::Changed(node, layout) = self.fault {
            text.put(b"\n  code: ");
            text.at = node.write(layout, text.to, text.at);
        }
        text.put(b"\n  help: ");
        text.put(match self.fault {
            Fault::Conflict => {
                b"unresolved merge conflict; keep the lines of both sides, delete the markers"
            }
            Fault::Form => b"this is not a line of a lock; run the test of the lock",
            Fault::Unsorted => b"the lines are not sorted; run the test of the lock, it sorts them",
            Fault::Duplicate => {
                b"two branches used the same version; one of the two changes takes the next version"
            }
            Fault::Changed(..) => {
                b"take the change back, or raise `version` and describe the change on the field"
            }
            Fault::Lowered => b"the code no longer has this version; put it back",
            Fault::Gone => {
                b"put the event back, or declare `drop(..)` or `alias(..)` for its stored name"
            }
            Fault::Retirement => b"declare the retired name as the lock says",
        });
        text.at
    }
}

struct Text<'a> {
    to: &'a mut [u8],
    at: usize,
}

impl Text<'_> {
    const fn put(&mut self, text: &[u8]) {
        let mut left = text;
        while let [byte, tail @ ..] = left {
            if self.at < self.to.len() {
                self.to[self.at] = *byte;
            }
            self.at += 1;
            left = tail;
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.put(b"0123456789".split_at(number % 10).1.split_at(1).0);
    }
}

/// The text of a message, for the panic.
pub const fn text(message: &[u8]) -> &str {
    match std::str::from_utf8(message) {
        Ok(text) => text,
        Err(_) => "the schema lock does not hold; run the test of the lock",
    }
}
