//! Each kind of failure happens, and none where it is turned off.

use crate::{bank, read_models};
use es_testkit::sim::{Faults, Sim};

/// A kind of failure: what the log says of it, and how it is turned off.
type Kind = (&'static str, fn(Faults) -> Faults);

const KINDS: [Kind; 18] = [
    ("the store does not answer", |faults| {
        faults.unavailable(0.0)
    }),
    ("unknown to the caller: it was written", |faults| {
        faults.unknown(0.0)
    }),
    ("unknown to the caller: it was not written", |faults| {
        faults.unknown(0.0)
    }),
    (": takes ", |faults| faults.delay(0.0).step(0.0)),
    ("the process dies before", |faults| faults.crash(0.0)),
    ("the process dies after", |faults| faults.crash(0.0)),
    ("starts again", |faults| faults.crash(0.0)),
    ("the clock jumps forward", |faults| faults.jump(0.0)),
    ("the clock jumps back", |faults| faults.jump(0.0)),
    (": delivered again", |faults| {
        faults.crash(0.0).unknown(0.0).unavailable(0.0).handler(0.0)
    }),
    (": panics", |faults| faults.step(0.0).handler(0.0)),
    (": is done late", |faults| faults.step(0.0)),
    (": is done, and its answer is lost", |faults| {
        faults.step(0.0)
    }),
    (": is done, and fails", |faults| faults.handler(0.0)),
    (": fails after its statements", |faults| faults.handler(0.0)),
    (": panics after its statements", |faults| {
        faults.handler(0.0)
    }),
    (": parked", |faults| faults.handler(0.0)),
    (": taken over", |_| Faults::none()),
];

/// What is no failure, and happens too.
const USUAL: [&str; 2] = [": conflict", ": rebuilt"];

/// What went wrong in these histories.
fn logs(seeds: u64, faults: Faults) -> Vec<String> {
    let mut all = Vec::new();
    for seed in 0..seeds {
        for story in [bank::right, read_models::right] {
            let sim = Sim::new(seed, faults);
            story(&sim);
            all.extend(sim.log());
        }
    }
    all
}

#[test]
fn each_failure_happens_in_forty_histories() {
    let log = logs(40, Faults::default());
    for (kind, _) in KINDS {
        let count = log.iter().filter(|line| line.contains(kind)).count();
        assert!(count > 0, "never happened: {kind}");
    }
    for usual in USUAL {
        assert!(log.iter().any(|line| line.ends_with(usual)), "{usual}");
    }
}

#[test]
fn a_failure_that_is_turned_off_does_not_happen_in_a_history() {
    for (kind, turned_off) in KINDS {
        let log = logs(es_tests::tries(40, 1), turned_off(Faults::default()));
        let found = log.iter().find(|line| line.contains(kind));
        assert_eq!(found, None, "{kind}");
    }
    let mut calm = logs(4, Faults::none());
    calm.retain(|line| !USUAL.iter().any(|usual| line.ends_with(usual)));
    assert_eq!(calm, [""; 0]);
}
