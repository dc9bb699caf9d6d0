//! What shows only when the programs run: an aggregate whose events are defined in another crate, defaults,
//! and the steps of sagas.

#[path = "at_run_time/laws.rs"]
mod laws;

use es_compile_pass::{
    cfg::Fact,
    hygiene::functions::Defaults,
    lists::{OfAll, OfAllButOne},
    many::{Many, ManyEvent},
    paths::events,
    sagas::{conditions, deps, macros, names, signatures},
    unique::{Began, Changed, Either, Ended, Fact as UniqueFact, OddEvent, Only},
};
use renamed::{
    Aggregate, Apply, Codec, Decoded, Event, EventSet, StoredPayload, UniqueChange, UniqueValue,
};
use renamed_projections::Projection;
use renamed_sagas::Saga;
use std::{convert::Infallible, time::Duration};

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

#[test]
fn each_default_is_what_its_function_returns() {
    let stored = StoredPayload::new(1, Codec::Json.content_type(), br#"{"first":7}"#);
    let read = Defaults::from_payload(stored).expect("it is read");
    assert_eq!((read.old, read.json, read.other), (1, 2, 23));
}

/// The definition of a saga, with the names of its steps in their order.
fn steps<T: Saga>() -> String {
    let definition = T::definition();
    assert!(definition.check().is_ok());
    format!("{definition:?}")
}

#[test]
fn steps_are_those_whose_conditions_hold() {
    let steps = steps::<conditions::Conditions>();
    let expected = r#"steps: ["usual", "either", "pay"]"#;
    assert!(steps.contains(expected), "{steps}");
}

#[test]
fn every_form_is_a_definition() {
    for (steps, last) in [
        (steps::<signatures::Signatures>(), "last"),
        (steps::<names::Names>(), "definition"),
        (steps::<deps::Paths>(), "qualified"),
        (steps::<deps::Pointers>(), "named"),
        (steps::<macros::Made>(), "third"),
    ] {
        assert!(steps.contains(&format!("\"{last}\"]")), "{steps}");
    }
}

fn claim(rule: &'static str, value: &str) -> UniqueChange {
    UniqueChange::claim(rule, value)
}

#[test]
fn events_say_what_they_do_to_unique_values() {
    const DAY: Duration = Duration::from_secs(86_400);
    let began = Began {
        r#type: " Big".to_owned(),
        the_number: 7,
        either: Some(Either::That("x".to_owned())),
        name: "ada".into(),
        flag: true,
        first: "1".to_owned(),
        other: 0,
    };
    let mut expected = vec![
        claim("odd.type", " big").keeping(DAY),
        claim("odd.trimmed", "Big"),
        claim("odd.theNumber", "7"),
        claim("odd.either", "x").keeping(Duration::from_millis(200)),
        claim("odd.name", "ADA"),
        claim("odd.flag", "true"),
        claim("odd.first", "1"),
        UniqueChange::release("odd.gone"),
    ];
    assert_eq!(Event::unique(&began), expected);
    let rules: Vec<_> = expected.iter().map(|change| &*change.rule).collect();
    assert_eq!(<Began as Event>::UNIQUE_RULES, rules);
    expected[3].value = UniqueValue::Unchanged;
    let none = Began {
        either: None,
        ..began
    };
    assert_eq!(OddEvent::from(none).unique(), expected);
    assert_eq!(
        OddEvent::UNIQUE_RULES,
        [
            ("odd.began", <Began as Event>::UNIQUE_RULES),
            ("odd.ended", &["odd.type", "odd.name"]),
            ("odd.changed", &["odd.type"]),
        ]
    );
    assert_eq!(
        OddEvent::from(Ended {}).unique(),
        [
            UniqueChange::release("odd.type").keeping(3 * DAY),
            UniqueChange::release("odd.name"),
        ]
    );
    let value = "A".to_owned();
    let changed = Changed { value };
    assert_eq!(Event::unique(&changed), [claim("odd.type", "a")]);
}

#[test]
fn variants_say_what_they_do_to_unique_values() {
    let rules: [(_, &[_]); 2] = [("fact.began", &["fact.fn"]), ("fact.ended", &["fact.fn"])];
    assert_eq!(UniqueFact::UNIQUE_RULES, rules);
    let value = String::new;
    let began = UniqueFact::Began {
        r#fn: 3,
        value: value(),
    };
    assert_eq!(began.unique(), [claim("fact.fn", "3")]);
    assert_eq!(UniqueFact::Went { value: value() }.unique(), []);
    assert_eq!(
        UniqueFact::Ended.unique(),
        [UniqueChange::release("fact.fn")]
    );
    assert_eq!(Only::Ended.unique(), [UniqueChange::release("only.name")]);
}

#[test]
fn an_event_that_is_ignored_is_not_read() {
    assert!(OfAll::filter().accepts_name("lists.closed"));
    assert!(!OfAllButOne::filter().accepts_name("lists.closed"));
    assert!(OfAllButOne::filter().accepts_name("lists.opened"));
}
