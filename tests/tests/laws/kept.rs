//! How a failure is shown, and that it is kept next to the source and tried first.

use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
use es_testkit::laws::{Law, Laws};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("lamp.lit")]
struct Lit {
    watts: u16,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("lamp.put_out")]
struct PutOut {}

#[derive(Clone, Debug, Deserialize, Shape)]
struct Light {
    watts: u16,
}

#[derive(Clone, Debug, Deserialize, Shape)]
struct PutItOut {}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("it is not lit")]
struct Dark;

/// Whether the lamp that breaks is mended.
static MENDED: AtomicBool = AtomicBool::new(false);

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("lamp", id = u32, error = Dark, events(Lit, PutOut))]
struct Lamp {
    watts: Option<u16>,
}

impl Apply<Lit> for Lamp {
    fn apply(&mut self, lit: &Lit) {
        self.watts = Some(lit.watts);
    }
}

impl Apply<PutOut> for Lamp {
    fn apply(&mut self, _: &PutOut) {
        let cold = self.watts.is_some_and(|watts| watts < 40);
        assert!(cold || MENDED.load(Ordering::SeqCst), "it is too hot");
        self.watts = None;
    }
}

impl Handle<Light> for Lamp {
    fn handle(&self, Light { watts }: Light) -> Result<Events<Self>, Dark> {
        Ok(Lit { watts }.into())
    }
}

impl Handle<PutItOut> for Lamp {
    fn handle(&self, _: PutItOut) -> Result<Events<Self>, Dark> {
        self.watts.ok_or(Dark).map(|_| PutOut {}.into())
    }
}

fn laws() -> Laws<Lamp> {
    Laws::new()
        .command::<Light>("Light")
        .command::<PutItOut>("PutItOut")
}

#[test]
fn a_failure_is_shown_once_kept_and_tried_first_until_it_is_mended() {
    let broken = laws().seed(1).check(Law::NothingPanics);
    let shown = broken.expect_err("it is found").to_string();
    // The place in this file moves.
    let place = |line: &str| line.split(" (tests").next().unwrap_or_default().to_owned();
    let lines: Vec<_> = shown.lines().map(place).collect();
    assert_eq!(
        lines,
        [
            "lamp: this law does not hold: no command and no event panics",
            "",
            "  1. Light { watts: 40 }",
            "     -> Lit(Lit { watts: 40 })",
            "  2. PutItOut",
            "     -> `apply` panicked: it is too hot",
            "",
            "`apply` panicked: it is too hot",
        ],
        "{shown}"
    );

    let folder = es_tests::tiers::folder();
    let source = folder.path().join("lamps.rs");
    fs::write(&source, "").expect("a source file");
    let source: &'static str = source.to_str().expect("a plain path").to_owned().leak();
    let kept = folder.path().join("lamps.regressions");

    // Nothing is kept, and none is tried.
    let none = laws().regressions(source).cases(0);
    assert_eq!(none.check(Law::NothingPanics), Ok(()));
    assert!(!kept.exists());

    let found = laws().regressions(source).check(Law::NothingPanics);
    assert_eq!(found.expect_err("it is found").steps, 2);
    let text = fs::read_to_string(&kept).expect("it is kept");
    assert!(
        text.contains("# shrinks to [Light { watts: 40 }, PutItOut"),
        "{text}"
    );

    // What is kept is tried before any new case.
    let again = none.check(Law::NothingPanics).expect_err("it is tried");
    assert_eq!(again.steps, 2);
    MENDED.store(true, Ordering::SeqCst);
    assert_eq!(none.check(Law::NothingPanics), Ok(()));
}
