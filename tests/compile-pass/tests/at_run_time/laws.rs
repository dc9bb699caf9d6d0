//! The odd events under the laws of the test kit: raw names, paths, conditions, serde's functions, unique values.

use es_compile_pass::{cfg, paths::events, paths::legacy, raw, serde_forms, unique};
use es_testkit::laws::{Law, LawfulEvents, LawfulState, Laws};
use renamed::{Aggregate, Apply, Codec};
use std::convert::Infallible;

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("odd", id = u32, error = Infallible, crate = "::renamed")]
#[aggregate(events(
    ignore(raw::Match),
    ignore(raw::r#mod::InMod),
    ignore(events::Opened as PathsOpened),
    ignore(events::Renamed),
    ignore(events::Quoted),
    ignore(legacy::Opened as LegacyOpened),
    ignore(cfg::Opened as CfgOpened),
    ignore(serde_forms::Opened as SerdeOpened),
    ignore(unique::Began),
    ignore(unique::Ended),
    ignore(unique::Changed),
))]
struct Odd {}

macro_rules! of_enum {
    ($name:ident, $events:ty) => {
        #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
        #[aggregate("odd", id = u32, error = Infallible, events = $events, crate = "::renamed")]
        struct $name {
            last: Option<$events>,
        }

        impl Apply<$events> for $name {
            fn apply(&mut self, event: &$events) {
                self.last = Some(event.clone());
            }
        }
    };
}

of_enum!(OfConditions, cfg::Fact);
of_enum!(OfSerde, serde_forms::Fact);
of_enum!(OfUnique, unique::Fact);

fn hold<A: LawfulState<Event: LawfulEvents>>(laws: Laws<A>) {
    let laws = laws.codec(Codec::Postcard).seed(1);
    for law in [
        Law::ReplayEqualsLive,
        Law::EventsAreReadBack,
        Law::OldVersionsAreUpcast,
        Law::Deterministic,
    ] {
        laws.assert(law);
    }
}

#[test]
fn odd_events_keep_them() {
    let numbers = ["0", "18446744073709551615"];
    // Numbers that are stored as text, which no shape says.
    hold(
        Laws::<Odd>::new()
            .values("with(text)", numbers)
            .values("with(text::deserialize)", numbers),
    );
}

#[test]
fn odd_enums_keep_them() {
    hold(Laws::<OfConditions>::new());
    hold(Laws::<OfSerde>::new().values("creditLimit", ["0", "7"]));
    hold(Laws::<OfUnique>::new());
}
