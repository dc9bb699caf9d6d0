//! The test kit notices what differs.

use es_decisions::{Decide, Decision, Emitted};
use es_runtime::{Aggregate, Event, Events};
use es_testkit::decision::DecisionTest;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("light.switched")]
struct Switched {
    on: bool,
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("light", id = u32, error = Refused, events(ignore(Switched)))]
struct Light {}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("refused")]
struct Refused;

#[derive(Decision)]
#[decision("switch", error = Refused, reads(one: Light(one), other: Light(other)))]
struct Switch {
    one: u32,
    other: u32,
    refused: bool,
}

impl Decide for Switch {
    fn decide(&self, _: &SwitchReads) -> Result<Emitted<Self>, Refused> {
        if self.refused {
            return Err(Refused);
        }
        let switched = |on| -> Events<Light> { Switched { on }.into() };
        Ok(Emitted::new()
            .on(self.one, switched(true))
            .on(self.other, switched(false)))
    }
}

const SWITCH: Switch = Switch {
    one: 1,
    other: 2,
    refused: false,
};

#[test]
#[should_panic(expected = "other events than expected on light/1")]
fn another_event_is_noticed() {
    let _ = DecisionTest::new()
        .when(SWITCH)
        .then::<Light>(1, Switched { on: false });
}

#[test]
#[should_panic(expected = "other events than expected on light/3")]
fn an_event_that_is_not_there_is_noticed() {
    let _ = DecisionTest::new()
        .when(SWITCH)
        .then::<Light>(3, Switched { on: true });
}

#[test]
#[should_panic(expected = "there are new events on [StreamId(light/2)] too")]
fn an_event_that_nobody_expects_is_noticed() {
    let then = DecisionTest::new().when(SWITCH);
    let _ = then
        .then::<Light>(1, Switched { on: true })
        .then_nothing_else();
}

#[test]
#[should_panic(expected = "the decision was accepted")]
fn a_decision_that_is_accepted_is_noticed() {
    let _ = DecisionTest::new().when(SWITCH).then_rejected(Refused);
}

#[test]
#[should_panic(expected = "the decision failed: refused")]
fn a_decision_that_is_rejected_is_noticed() {
    let refused = Switch {
        refused: true,
        ..SWITCH
    };
    let _ = DecisionTest::new().when(refused).then_nothing_else();
}
