//! The events with a history under the laws: each version is read, nothing is lost on the way, and the newest is
//! read back as it was written. What is faulty here on purpose is found.

use super::{
    AccountEvent, Apply, BoxPacked, DoorOpened, Measured, Named, OrderPlaced, PersonEvent,
    SeatSold, StockMoved,
};
use es_runtime::{Aggregate, Codec};
use es_testkit::laws::{Law, LawfulEvents, LawfulState, Laws};
use es_tests::tries;
use std::convert::Infallible;

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("everything", id = u32, error = Infallible)]
#[aggregate(events(ignore(OrderPlaced, BoxPacked, StockMoved, SeatSold, DoorOpened)))]
struct Everything {}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("account", id = u32, error = Infallible, events = AccountEvent)]
struct Account {
    events: u32,
}

impl Apply<AccountEvent> for Account {
    fn apply(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("person", id = u32, error = Infallible, events = PersonEvent)]
struct Person {
    last: Option<PersonEvent>,
}

impl Apply<PersonEvent> for Person {
    fn apply(&mut self, event: &PersonEvent) {
        self.last = Some(event.clone());
    }
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("name", id = u32, error = Infallible, events(ignore(Named)))]
struct Names {}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("measured", id = u32, error = Infallible, events(ignore(Measured)))]
struct Meter {}

fn hold<A: LawfulState<Event: LawfulEvents>>(laws: Laws<A>) {
    let laws = laws.seed(3).cases(tries(64, 16));
    for law in [
        Law::ReplayEqualsLive,
        Law::EventsAreReadBack,
        Law::OldVersionsAreUpcast,
        Law::NothingPanics,
        Law::Deterministic,
    ] {
        laws.assert(law);
    }
}

#[test]
fn every_event_with_a_history_keeps_them() {
    hold(
        Laws::<Everything>::new()
            .codec(Codec::Postcard)
            // Written as hexadecimal text, which no shape says.
            .values("with(hex)", ["1", "ff", "10"])
            // Written as text too, and absent as nothing.
            .values("type", [Some("12"), None])
            .values("reference", [Some("12"), None])
            // A price in cents: not every `f64` is a number of them.
            .values("total", [0.0, 12.5, 1_999.99]),
    );
}

#[test]
fn every_enum_of_events_with_a_history_keeps_them() {
    hold(Laws::<Account>::new().codec(Codec::Postcard));
    hold(Laws::<Person>::new().codec(Codec::Postcard));
}

#[test]
fn a_name_that_an_upcaster_cannot_split_is_found() {
    let broken = Laws::<Names>::new()
        .seed(3)
        .check(Law::OldVersionsAreUpcast)
        .expect_err("most names have no space");
    assert!(broken.reason.contains("has no space"), "{broken}");
    let names = ["Ada Lovelace", "Grace Hopper"];
    hold(
        Laws::<Names>::new()
            .values("n", names)
            .values("name", names),
    );
}

#[test]
fn a_version_that_is_described_otherwise_than_its_upcaster_reads_it_is_found() {
    let broken = Laws::<Meter>::new()
        .seed(3)
        .check(Law::OldVersionsAreUpcast)
        .expect_err("the first version has `a` and `b`, and its upcaster reads a `pair`");
    assert_eq!(broken.steps, 1);
    assert!(broken.reason.contains("`pair` has no space"), "{broken}");
}
