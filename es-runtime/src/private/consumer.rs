//! The events that a projection, a subscription, a process manager or a saga lists.

use crate::{Aggregate, EventOf, EventType};
use es_record::event_type::{joined, same};
use std::marker::PhantomData;

/// The stored names of one entry of a list: the current ones and the retired ones.
pub type Listed = (&'static [EventType], &'static [&'static str]);

/// Stops the build where an earlier entry of the list has a name of the entry at `index`: an event with that name would reach
/// only one of them. `texts` are the message without the two entries and the name.
#[track_caller]
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it runs in the compiler, and the panic is its error; the derive passes an index of the list"
)]
pub const fn assert_apart(listed: &[Listed], entries: &[&str], texts: [&str; 4], index: usize) {
    if let Some((earlier, name)) = first_shared(listed, index) {
        let [before, and, stored, after] = texts;
        let parts = &[
            before,
            entries[earlier],
            and,
            entries[index],
            stored,
            name,
            after,
        ];
        panic!("{}", joined(&mut [0; 1024], parts));
    }
}

/// The first entry before `index` that has a name of the entry there, and the name.
pub const fn first_shared(listed: &[Listed], index: usize) -> Option<(usize, &'static str)> {
    let Some((before, [own, ..])) = listed.split_at_checked(index) else {
        return None;
    };
    let mut earlier = 0;
    let mut rest = before;
    while let [first, tail @ ..] = rest {
        let mut at = 0;
        while let Some(name) = nth(*own, at) {
            if has(*first, name) {
                return Some((earlier, name));
            }
            at += 1;
        }
        earlier += 1;
        rest = tail;
    }
    None
}

const fn has(listed: Listed, name: &str) -> bool {
    let mut at = 0;
    while let Some(known) = nth(listed, at) {
        if same(known, name) {
            return true;
        }
        at += 1;
    }
    false
}

const fn nth((live, retired): Listed, at: usize) -> Option<&'static str> {
    if let Some((_, [kind, ..])) = live.split_at_checked(at) {
        return Some(kind.name);
    }
    match retired.split_at_checked(at.saturating_sub(live.len())) {
        Some((_, [name, ..])) => Some(*name),
        _ => None,
    }
}

/// The name of the first event that is not listed.
pub const fn first_without(mut all: &[EventType], listed: &[EventType]) -> Option<&'static str> {
    while let [first, rest @ ..] = all {
        let mut others = listed;
        loop {
            let [other, tail @ ..] = others else {
                return Some(first.name);
            };
            if same(first.name, other.name) {
                break;
            }
            others = tail;
        }
        all = rest;
    }
    None
}

/// Compiles for an event of the aggregate.
pub fn is_event_of<A: Aggregate, E: EventOf<A, Event = A::Event>>() {}

/// The aggregate `A` reads this event out of events of other names, too. Its derive implements it.
pub trait OtherNames<A> {}

/// `(&PhantomData::<E>).listed_alone()` finds this trait, whose bound is the message, or else [`HasNone`].
pub trait HasOtherNames<E, A> {
    /// Fails to compile.
    fn listed_alone(&self)
    where
        E: AllNamesWithout<A>,
    {
    }
}

impl<E: OtherNames<A>, A> HasOtherNames<E, A> for PhantomData<E> {}

/// See [`HasOtherNames`].
pub trait HasNone {
    /// Does nothing.
    fn listed_alone(&self) {}
}

impl<E> HasNone for &PhantomData<E> {}

/// Never implemented.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is also stored under other names, which only `{A}` knows",
    label = "what is stored under them would be missing",
    note = "in a list write `{A}::{{{Self}}}`, in a `#[start]` or `#[cancel]` of a saga `aggregate = {A}`"
)]
pub trait AllNamesWithout<A> {}
