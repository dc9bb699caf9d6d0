//! The stored names of the events that a projection or a subscription lists.

use super::names::same;
use crate::{EventFilter, EventSet, EventType};

/// The stored names of one entry of a list: the current ones and the retired ones.
type Listed = (&'static [EventType], &'static [&'static str]);

/// The names of a set.
pub const fn names_of<S: EventSet>() -> Listed {
    (S::TYPES, S::RETIRED_NAMES)
}

/// Whether the set has an event of this name.
pub fn knows<S: EventSet>(name: &str) -> bool {
    S::TYPES.iter().any(|kind| kind.name == name) || S::RETIRED_NAMES.contains(&name)
}

/// A filter that accepts the events of all entries.
pub fn filter(listed: &[Listed]) -> EventFilter {
    EventFilter::names(listed.iter().flat_map(|(types, retired)| {
        let live = types.iter().map(|kind| kind.name);
        live.chain(retired.iter().copied())
    }))
}

/// Whether no two entries share a name. An event with a shared name would reach only one of them.
pub const fn are_apart(listed: &[Listed]) -> bool {
    let mut rest = listed;
    while let [first, tail @ ..] = rest {
        let mut others = tail;
        while let [other, more @ ..] = others {
            if shares(*first, *other) {
                return false;
            }
            others = more;
        }
        rest = tail;
    }
    true
}

const fn shares(one: Listed, two: Listed) -> bool {
    let mut live = one.0;
    while let [kind, tail @ ..] = live {
        if has(two, kind.name) {
            return true;
        }
        live = tail;
    }
    let mut retired = one.1;
    while let [name, tail @ ..] = retired {
        if has(two, name) {
            return true;
        }
        retired = tail;
    }
    false
}

const fn has(listed: Listed, name: &str) -> bool {
    let mut live = listed.0;
    while let [kind, tail @ ..] = live {
        if same(kind.name, name) {
            return true;
        }
        live = tail;
    }
    let mut retired = listed.1;
    while let [known, tail @ ..] = retired {
        if same(known, name) {
            return true;
        }
        retired = tail;
    }
    false
}
