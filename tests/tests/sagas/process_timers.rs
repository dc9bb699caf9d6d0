//! Timers of process managers that are set for a point in time: they count from what happened, however late it is
//! handled.

use es_runtime::{
    Aggregate, AnyStore, Append, Apply, Envelope, Event, EventStore, Events, ExpectedVersion,
    ReadLimit, StreamId, StreamRange, Timestamp, WorkQueue, command::encode_events, events,
};
use es_sagas::{OnTimer, ProcessManager, ProcessState, ReactTo, Reactions, Sagas, stream_of};
use es_testkit::saga::ProcessTest;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("bill.sent")]
pub struct Sent {
    pub due: Timestamp,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("bill.moved")]
pub struct Moved {
    pub due: Timestamp,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("bill.paid")]
pub struct PaidIn {}

#[derive(Aggregate, Default)]
#[aggregate("bill", id = u64, error = Infallible, events(ignore(Sent), ignore(Moved), ignore(PaidIn)))]
pub struct Bill {}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("dunning.rang")]
pub struct Rang {
    pub timer: String,
}

/// Reminds at the due date, and asks an hour after the bill was sent.
#[derive(Aggregate, ProcessManager, Default, Debug)]
#[aggregate("dunning", id = u64, error = Infallible, events(Rang))]
#[process_manager(reacts(Sent, Moved, PaidIn), timers)]
pub struct Dunning {}

impl Apply<Rang> for Dunning {
    fn apply(&mut self, _: &Rang) {}
}

fn number<E>(event: &Envelope<E>) -> Option<u64> {
    event.stream.id().parse().ok()
}

impl ReactTo<Sent> for Dunning {
    fn correlate(sent: &Envelope<Sent>) -> Option<u64> {
        number(sent)
    }

    fn react(&self, sent: &Envelope<Sent>) -> Reactions<Self> {
        Reactions::none()
            .timer_at("remind", sent.event.due)
            .timer_at("ask", sent.recorded_at.after(HOUR))
    }
}

impl ReactTo<Moved> for Dunning {
    fn correlate(moved: &Envelope<Moved>) -> Option<u64> {
        number(moved)
    }

    fn react(&self, moved: &Envelope<Moved>) -> Reactions<Self> {
        Reactions::none().timer_at("remind", moved.event.due)
    }
}

impl ReactTo<PaidIn> for Dunning {
    fn correlate(paid: &Envelope<PaidIn>) -> Option<u64> {
        number(paid)
    }

    fn react(&self, _: &Envelope<PaidIn>) -> Reactions<Self> {
        Reactions::none().cancel_timer("remind")
    }
}

impl OnTimer for Dunning {
    fn timer(&self, name: &str) -> Reactions<Self> {
        let timer = name.to_owned();
        Reactions::none().event(Rang { timer })
    }
}

fn sagas(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Dunning>()
}

/// Something happens to a bill. Says when it was recorded.
pub async fn happen(store: &AnyStore, bill: u64, events: impl Into<Events<Bill>>) -> Timestamp {
    let stream = StreamId::of::<Bill>(&bill).expect("usable");
    let events = encode_events(&stream, &events.into()).expect("encoded");
    let append = Append::new(stream, ExpectedVersion::Any).with_events(events);
    store.append(append).await.expect("stored").recorded_at
}

/// Runs what is due, in a process of its own.
pub async fn run(store: &AnyStore) {
    sagas(store).run_until_idle().await.expect("runs");
}

pub async fn state(store: &AnyStore, bill: u64) -> ProcessState {
    let (sagas, id) = (sagas(store), bill.to_string());
    let view = sagas.show_process("dunning", &id).await;
    view.expect("shown").state
}

/// The timers that ran out.
pub async fn rang(store: &AnyStore, bill: u64) -> Vec<String> {
    let own = stream_of("dunning", &bill.to_string()).expect("usable");
    let page = store.read_stream(&own, StreamRange::forward(0), ReadLimit::default());
    let stored = page.await.expect("reads").into_iter();
    let rang = stored.filter(|event| *event.name == *Rang::NAME);
    let rang = rang.flat_map(|event| event.decode::<Rang>().expect("reads"));
    rang.map(|rang| rang.event.timer).collect()
}

on_each_store! {
    a_timer_is_set_for_the_time_that_the_reaction_says
}

async fn a_timer_is_set_for_the_time_that_the_reaction_says(store: AnyStore) {
    let now = store.now().await.expect("a time");
    let past = Timestamp::from_unix_micros(1).expect("a time");
    let due = now.after(HOUR * 2);
    let recorded = happen(&store, 1, Sent { due }).await;
    happen(&store, 2, Sent { due: past }).await;
    happen(&store, 3, events![Sent { due }, Moved { due: past }]).await;
    happen(&store, 4, events![Sent { due }, PaidIn {}]).await;
    run(&store).await;

    // Another process reads the same, to the microsecond.
    let timers = state(&store, 1).await.timers;
    assert_eq!(timers.get("remind"), Some(&due));
    assert_eq!(timers.get("ask"), Some(&recorded.after(HOUR)));
    let row = sagas(&store).show_process("dunning", "1").await;
    let row = row.expect("shown").row.expect("a row");
    assert_eq!(row.due_at, Some(recorded.after(HOUR)));

    assert_eq!(rang(&store, 1).await, [""; 0]);
    assert_eq!(rang(&store, 2).await, ["remind"], "it was over");
    assert_eq!(rang(&store, 3).await, ["remind"], "it was moved");
    assert_eq!(rang(&store, 4).await, [""; 0], "it was cancelled");
    assert!(!state(&store, 4).await.timers.contains_key("remind"));
    run(&store).await;
    assert_eq!(rang(&store, 2).await, ["remind"], "once");
}

const SENT_AT: &str = "2001-09-09T01:46:40Z";

#[tokio::test]
async fn a_test_asserts_points_in_time() {
    let began: Timestamp = SENT_AT.parse().expect("a time");
    let due = began.after(HOUR * 2);
    let past = Timestamp::from_unix_micros(1).expect("a time");
    let sent = ProcessTest::<Dunning>::new().when::<Bill>(&7, Sent { due });
    sent.run()
        .await
        .then_timer_at("remind", due)
        .then_timer_at("ask", began.after(HOUR))
        .then_nothing_else();
    // The clock stands still, so the same is so long after.
    let counted = sent.run().await.then_timer("remind", HOUR * 2);
    counted.then_timer("ask", HOUR).then_nothing_else();

    let given = ProcessTest::<Dunning>::new().given::<Bill>(&7, Sent { due });
    let rang = |timer: &str| Rang {
        timer: timer.to_owned(),
    };
    let early = given.clone().when_time(HOUR * 2 - Duration::from_micros(1));
    early.run().await.then(rang("ask")).then_nothing_else();
    let both = given.clone().when_time(HOUR * 2);
    both.run()
        .await
        .then(events![rang("ask"), rang("remind")])
        .then_nothing_else();
    let moved = given.clone().when::<Bill>(&7, Moved { due: past });
    moved
        .run()
        .await
        .then_timer_at("remind", past)
        .then(rang("remind"))
        .then_nothing_else();
    let paid = given.when::<Bill>(&7, PaidIn {}).when_time(HOUR * 2);
    paid.run()
        .await
        .then_timer_cancelled("remind")
        .then(rang("ask"))
        .then_nothing_else();

    for test in [sent, early, both, moved, paid] {
        let matrix = test.crash_matrix().await;
        assert_eq!(matrix.runs, matrix.points * 2);
    }
}
