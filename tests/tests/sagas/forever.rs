//! Times without an end: `Duration::MAX` is what people write for "never".

use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Apply, Envelope, Event, EventStore, ExpectedVersion,
    Metadata, NewEvent, StreamId, Timestamp, WorkStatus,
};
use es_sagas::{
    Cx, Definition, Effect, Fail, OnTimer, Phase, ProcessManager, ReactTo, Reactions, Saga,
    SagaError, Sagas, Start, StepRetry, Verb,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

on_each_store! {
    a_timer_that_never_fires_is_readable
    a_saga_whose_times_never_end_runs
    an_instance_that_cannot_be_read_can_be_abandoned
}

#[derive(Event, Serialize, Deserialize)]
#[event("door.opened")]
struct Opened {}

#[derive(Event, Serialize, Deserialize)]
#[event("door.closed")]
struct Closed {}

#[derive(Event, Serialize, Deserialize)]
#[event("guard.saw")]
struct Saw {}

/// It waits for a door without a time limit.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("guard", id = String, error = Infallible, events(Saw))]
#[process_manager(reacts(Opened, Closed), timers)]
struct Guard {
    saw: u32,
}

impl Apply<Saw> for Guard {
    fn apply(&mut self, _: &Saw) {
        self.saw += 1;
    }
}

impl ReactTo<Opened> for Guard {
    fn correlate(opened: &Envelope<Opened>) -> Option<String> {
        Some(opened.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Opened>) -> Reactions<Self> {
        Reactions::none()
            .event(Saw {})
            .timer("never", Duration::MAX)
    }
}

impl ReactTo<Closed> for Guard {
    fn correlate(closed: &Envelope<Closed>) -> Option<String> {
        Some(closed.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Closed>) -> Reactions<Self> {
        Reactions::none()
            .event(Saw {})
            .timer("soon", Duration::ZERO)
    }
}

impl OnTimer for Guard {
    fn timer(&self, name: &str) -> Reactions<Self> {
        assert_eq!(name, "soon");
        Reactions::none().end()
    }
}

async fn store_event(store: &AnyStore, stream: &str, event: &'static str) {
    let (aggregate, id) = stream.split_once('/').expect("two halves");
    let stream = StreamId::new(aggregate, id).expect("usable");
    let append =
        Append::new(stream, ExpectedVersion::Any).with_event(NewEvent::json(event, 1, "{}"));
    store.append(append).await.expect("stored");
}

fn guards(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone())
        .from_the_beginning(true)
        .lease(Duration::MAX)
        .with_process_manager::<Guard>()
}

async fn a_timer_that_never_fires_is_readable(store: AnyStore) {
    let sagas = guards(&store);
    store_event(&store, "door/1", "door.opened").await;
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (1, 0));
    let view = sagas.show_process("guard", "1").await.expect("readable");
    let at = view.state.timers.get("never").copied().expect("it is set");
    assert_eq!(idle.next_due, Some(at));
    assert_eq!(at.to_string().parse(), Ok(at));

    store_event(&store, "door/1", "door.closed").await;
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (0, 0));
    assert!(
        sagas
            .show_process("guard", "1")
            .await
            .expect("readable")
            .state
            .ended
    );
}

/// Every time that it can have is without an end.
#[derive(Serialize, Deserialize)]
struct Eternal {}

impl Saga for Eternal {
    const NAME: &'static str = "eternal";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let retry = StepRetry::times(2)
            .first(Duration::MAX)
            .factor(u32::MAX)
            .longest(Duration::MAX);
        let mut saga = Definition::new();
        saga.deadline(Duration::MAX)
            .timeout(Duration::MAX)
            .retry(retry)
            .undo_retry(retry);
        saga.step("wait", |cx: Cx<Self>| async move {
            tokio::task::yield_now().await;
            match cx.id() {
                "fails" => Err(Fail::transient("later").retry_after(Duration::MAX)),
                _ => Ok(1),
            }
        })
        .undo(|_, _: Effect<u32>| async { Ok(()) });
        saga
    }
}

async fn a_saga_whose_times_never_end_runs(store: AnyStore) {
    let sagas = Sagas::new(store.clone())
        .lease(Duration::MAX)
        .poll_every(Duration::MAX)
        .with::<Eternal>(());
    for id in ["works", "fails"] {
        let request = AppendId::new("start").expect("an id");
        let begun = sagas.begin(Start::new(id, Eternal {}), request, Metadata::new());
        begun.await.expect("begun");
    }
    sagas.run_until_idle().await.expect("runs");
    let view = sagas.show("eternal", "works").await.expect("readable");
    assert_eq!(view.state.phase, Phase::Completed);
    let view = sagas.show("eternal", "fails").await.expect("readable");
    assert_eq!(view.state.phase, Phase::Running);
    let deadline = view.state.started.and_then(|started| started.deadline);
    assert!(deadline.is_some_and(|at| at > Timestamp::now()));
    // A loop that waits without an end is woken all the same.
    let running = sagas.start().await.expect("starts");
    running.shutdown().await;
    assert_eq!(sagas.stalled().len(), 0, "{:?}", sagas.stalled());
}

async fn an_instance_that_cannot_be_read_can_be_abandoned(store: AnyStore) {
    let sagas = guards(&store).with::<Eternal>(());
    store_event(&store, "door/1", "door.opened").await;
    sagas.run_until_idle().await.expect("runs");
    for (saga, damage) in [
        ("guard", "process.stepped"),
        ("eternal", "saga.something_newer"),
    ] {
        if saga == "eternal" {
            let request = AppendId::new("start").expect("an id");
            let begun = sagas.begin(Start::new("1", Eternal {}), request, Metadata::new());
            begun.await.expect("begun");
        }
        store_event(&store, &format!("saga:{saga}/1"), damage).await;
        let retried = sagas
            .repair(saga, "1", Verb::Retry {}, "ada", "a try")
            .await;
        let retried = retried.expect_err("it cannot be read");
        assert!(matches!(retried, SagaError::Load(_)), "{retried}");
        let text = retried.to_string();
        assert!(text.contains(&format!("saga:{saga}/1")), "{text}");
        let abandoned = sagas.repair(saga, "1", Verb::Abandon {}, "ada", "it is damaged");
        abandoned.await.expect("abandoned");
        // Inputs that come later change nothing.
        store_event(&store, "door/1", "door.closed").await;
        sagas.run_until_idle().await.expect("runs");
        let rows = sagas.list(Some(saga), None, None).await.expect("listed");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].status, WorkStatus::Done, "{saga}");
        assert_eq!(rows[0].phase, "abandoned", "{saga}");
        let again = sagas
            .repair(saga, "1", Verb::Abandon {}, "ada", "again")
            .await;
        assert!(matches!(again, Err(SagaError::NotNow { .. })), "{again:?}");
    }
}
