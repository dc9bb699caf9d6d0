//! An application that goes on for ever is found, and the failure says what went on.

use es_runtime::{Aggregate, AppendId, Envelope, Event, EventStore, Events, Handle};
use es_sagas::{Effect, Fail, ProcessManager, ReactTo, Reactions, Start, StepCx, saga};
use es_testkit::sim::{Faults, Sim, history};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
};

#[derive(Event, Serialize, Deserialize)]
#[event("ball.thrown")]
struct Thrown {}

#[derive(Clone)]
struct Throw;

#[derive(Aggregate, Clone, Default)]
#[aggregate("ball", id = String, error = Infallible, events(ignore(Thrown)))]
struct Ball {}

impl Handle<Throw> for Ball {
    fn handle(&self, _: Throw) -> Result<Events<Self>, Infallible> {
        Ok(Thrown {}.into())
    }
}

fn throw(sim: &Sim) {
    sim.process(|process| {
        let balls = process.repository::<Ball>();
        process.spawn(async move {
            let id = AppendId::new("once").expect("an id");
            while balls
                .execute("1", Throw)
                .append_id(id.clone())
                .await
                .is_err()
            {}
        });
    });
}

#[derive(Event, Serialize, Deserialize)]
#[event("wall.hit")]
struct Hit {}

/// It reacts to what it asks for.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("wall", id = String, error = Infallible, events(ignore(Hit)))]
#[process_manager(reacts(Thrown))]
struct Wall {}

impl ReactTo<Thrown> for Wall {
    fn correlate(event: &Envelope<Thrown>) -> Option<String> {
        Some(event.stream.id().to_owned())
    }

    fn react(&self, event: &Envelope<Thrown>) -> Reactions<Self> {
        Reactions::none().command::<Ball, _>(event.stream.id(), Throw)
    }
}

#[derive(Serialize, Deserialize)]
struct Stuck;

/// Its undo never succeeds, and it never gives up.
#[saga(
    "stuck",
    version = 1,
    retry(attempts = 1),
    undo_retry(attempts = 1_000_000)
)]
#[allow(clippy::unused_async, reason = "steps of a test")]
impl Stuck {
    #[start]
    fn thrown(thrown: &Envelope<Thrown>) -> Option<Start<Self>> {
        Some(Start::new(thrown.stream.id(), Self))
    }

    #[step(undo = undo)]
    async fn first(&self, _: &StepCx) -> Result<(), Fail> {
        Err(Fail::transient("never"))
    }

    #[undo]
    async fn undo(&self, _: &StepCx, _: Effect<&()>) -> Result<(), Fail> {
        Err(Fail::transient("never"))
    }
}

/// What the failure of this history says.
fn failure(faults: Faults, story: fn(&Sim)) -> String {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        history(7, faults, |sim| {
            sim.at_most(2_000);
            story(sim);
            sim.run();
        });
    }));
    let panic = ended.expect_err("it has no end");
    let said = panic.downcast_ref::<String>();
    said.expect("a text").clone()
}

/// Also where no task ever waits for another one.
fn each_says(story: fn(&Sim), what: &str) {
    for faults in [Faults::default(), Faults::none()] {
        let said = failure(faults, story);
        for part in [
            "the history of seed 7 does not come to an end: after 2000 steps",
            what,
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
fn a_task_that_never_ends_is_named() {
    let story = |sim: &Sim| {
        sim.process(|process| {
            let store = process.store();
            process.spawn(async move {
                loop {
                    let _ = store.head().await;
                }
            });
        });
    };
    each_says(story, "\n  process 0, head: ");
}

#[test]
fn a_process_manager_that_reacts_to_itself_is_named() {
    let story = |sim: &Sim| {
        throw(sim);
        sim.process(|process| {
            let sagas = process.sagas().from_the_beginning(true);
            process.run_sagas(sagas.with_process_manager::<Wall>());
        });
    };
    each_says(story, "\n  process 1, commit of [");
}

#[test]
fn a_saga_that_never_gives_up_is_named() {
    let story = |sim: &Sim| {
        throw(sim);
        sim.process(|process| {
            let sagas = process.sagas().from_the_beginning(true);
            process.run_sagas(sagas.with::<Stuck>(()));
        });
    };
    each_says(story, "\n  process 1, undo first of 1: ");
}

#[test]
fn a_task_that_waits_for_nothing_is_no_call() {
    let story = |sim: &Sim| {
        sim.process(|process| {
            process.spawn(std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            }));
        });
    };
    each_says(story, "call nothing");
}

#[test]
fn each_run_of_a_history_has_all_its_steps() {
    history(7, Faults::none(), |sim| {
        sim.at_most(1_000);
        for run in 1..=20 {
            sim.process(|process| {
                let balls = process.repository::<Ball>();
                process.spawn(async move {
                    for _ in 0..50 {
                        balls.execute("1", Throw).await.expect("stored");
                    }
                });
            });
            sim.run();
            assert_eq!(sim.load::<Ball>("1").version, 50 * run);
        }
    });
}
