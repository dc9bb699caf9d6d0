//! An aggregate whose events are defined in another crate.

use es_compile_pass::{
    cfg::Fact,
    many::{Many, ManyEvent},
    paths::events,
};
use renamed::{Aggregate, Apply, Codec, Decoded, EventSet, StoredPayload};
use std::convert::Infallible;

#[derive(Aggregate, Default)]
#[aggregate("foreign", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(events::Opened, es_compile_pass::raw::Match as Raw, ignore(es_compile_pass::paths::Moved)))]
struct Foreign {
    opened: u64,
}

impl Apply<events::Opened> for Foreign {
    fn apply(&mut self, _: &events::Opened) {
        self.opened += 1;
    }
}

impl Apply<es_compile_pass::raw::Match> for Foreign {
    fn apply(&mut self, _: &es_compile_pass::raw::Match) {}
}

fn there_and_back<S: EventSet>(event: &S) -> Decoded<S> {
    let codec = Codec::Postcard;
    let bytes = event.encode(codec).expect("encodes");
    let stored = StoredPayload::new(event.event_type().version, codec.content_type(), &bytes);
    S::decode(event.event_type().name, stored).expect("decodes")
}

#[test]
fn events_of_another_crate_work_like_those_of_this_one() {
    let mut foreign = Foreign::default();
    let event = ForeignEvent::from(events::Opened {});
    foreign.apply_event(&event);
    foreign.apply_event(&ForeignEvent::from(es_compile_pass::paths::Moved {}));
    assert_eq!(foreign.opened, 1);
    assert_eq!(there_and_back(&event), Decoded::One(event.clone()));
    assert_eq!(events::Opened::try_from(event), Ok(events::Opened {}));
}

#[test]
fn each_of_three_hundred_events_comes_back_as_itself() {
    assert_eq!(<Many as Aggregate>::Event::TYPES.len(), 300);
    let event = ManyEvent::from(es_compile_pass::many::E299 {});
    assert_eq!(there_and_back(&event), Decoded::One(event));
}

#[test]
fn the_variants_that_are_there_are_counted() {
    let fact = Fact::Present { a: 7 };
    assert_eq!(there_and_back(&fact), Decoded::One(fact));
}

#[test]
fn the_private_parts_of_this_crate_work_too() {
    assert_eq!(es_compile_pass::private(), Some(0));
    assert_eq!(es_compile_pass::scoped::count(), 2);
    let closed =
        es_compile_pass::bare::DoorFact::from(es_compile_pass::bare::Closed { reason: [0; 32] });
    assert!(es_compile_pass::bare::shown(&closed).starts_with("Closed(Closed { reason: ["));
}
