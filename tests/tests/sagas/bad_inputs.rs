//! One input that cannot be taken costs no other one, and an operator can name it.

use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Envelope, Event, EventStore, ExpectedVersion, Metadata,
    NewEvent, Position, ReadLimit, StreamId, StreamRange,
};
use es_sagas::{
    Cx, Definition, Effect, Fail, Phase, ProcessManager, ReactTo, Reactions, Saga, Sagas, Start,
    StepRetry,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

on_each_store! {
    a_saga_takes_the_inputs_around_a_bad_one
    a_process_manager_takes_the_inputs_around_a_bad_one
    an_event_that_cannot_be_read_can_be_named_after_others_for_nobody
    an_output_that_does_not_read_back_is_undone
}

/// `how` says what is wrong with it.
#[derive(Event, Serialize, Deserialize, Clone)]
#[event("box.sent")]
struct Sent {
    how: String,
}

const BAD: [&str; 5] = ["no id", "control", "panics", "nan", "large"];

fn nobody(how: &str) -> String {
    match how {
        "no id" => String::new(),
        "control" => "a\u{7}b".to_owned(),
        "panics" => panic!("as asked"),
        id => id.to_owned(),
    }
}

#[derive(Serialize, Deserialize)]
struct Deliver {
    weight: f64,
    note: String,
}

impl Saga for Deliver {
    const NAME: &'static str = "deliver";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Sent>(|sent| {
            let how = sent.event.how.as_str();
            let weight = if how == "nan" { f64::NAN } else { 1.0 };
            let note = "x".repeat(if how == "large" { 2 << 20 } else { 0 });
            (how != "for nobody").then(|| Start::new(nobody(how), Self { weight, note }))
        });
        saga.step("drive", |_: Cx<Self>| async { Ok::<_, Fail>(()) })
            .no_undo();
        saga
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("porter.carried")]
struct Carried {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("porter", id = String, error = Infallible, events(ignore(Carried)))]
#[process_manager(reacts(Sent))]
struct Porter {}

impl ReactTo<Sent> for Porter {
    fn correlate(sent: &Envelope<Sent>) -> Option<String> {
        let how = sent.event.how.as_str();
        (how != "for nobody").then(|| nobody(how))
    }

    fn react(&self, _: &Envelope<Sent>) -> Reactions<Self> {
        Reactions::none().event(Carried {}).end()
    }
}

async fn send(store: &AnyStore, id: u32, how: &str) -> Position {
    let payload = serde_json::json!({ "how": how }).to_string();
    store_event(store, id, &payload).await
}

async fn store_event(store: &AnyStore, id: u32, payload: &str) -> Position {
    let stream = StreamId::new("box", &id.to_string()).expect("usable");
    let event = NewEvent::json("box.sent", 1, payload);
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored").position
}

/// Sends good inputs around bad ones; then the bad ones are listed, and nothing else is missing.
async fn a_saga_takes_the_inputs_around_a_bad_one(store: AnyStore) {
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<Deliver>(());
    let mut bad = Vec::new();
    for (number, how) in (0..).zip(BAD) {
        send(&store, number, &format!("before {number}")).await;
        bad.push(send(&store, number, how).await);
        send(&store, number, &format!("after {number}")).await;
    }
    sagas.run_until_idle().await.expect("runs");
    for number in 0..BAD.len() {
        for id in [format!("before {number}"), format!("after {number}")] {
            let view = sagas.show("deliver", &id).await.expect(&id);
            assert_eq!(view.state.phase, Phase::Completed, "{id}");
        }
    }
    check_parked(&sagas, "deliver", &bad).await;
}

async fn a_process_manager_takes_the_inputs_around_a_bad_one(store: AnyStore) {
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Porter>();
    let mut bad = Vec::new();
    for (number, how) in (0..).zip(&BAD[..3]) {
        send(&store, number, &format!("before {number}")).await;
        send(&store, number, "for nobody").await;
        bad.push(send(&store, number, how).await);
        send(&store, number, &format!("after {number}")).await;
    }
    sagas.run_until_idle().await.expect("runs");
    for number in 0..bad.len() {
        for id in [format!("before {number}"), format!("after {number}")] {
            let view = sagas.show_process("porter", &id).await.expect(&id);
            assert!(view.state.ended, "{id}");
        }
    }
    check_parked(&sagas, "porter", &bad).await;
}

/// The bad inputs, and nothing else, are parked, each with its reason. One is retried, one is skipped.
async fn check_parked(sagas: &Sagas, saga: &str, bad: &[Position]) {
    let parked = sagas.parked_inputs(saga).await.expect("listed");
    let found: Vec<_> = parked.iter().map(|input| input.position).collect();
    assert_eq!(found, bad);
    assert!(parked.iter().all(|input| !input.reason.is_empty()));
    assert_eq!(parked[0].name, "box.sent");
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!(idle.parked, bad.len() as u64);

    // It is still bad.
    sagas
        .retry_event(saga, bad[0], "ada", "a try")
        .await
        .expect_err("it is still bad");
    let good = Position::START;
    sagas
        .skip_event(saga, good, "ada", "no")
        .await
        .expect_err("it is not parked");
    for position in bad {
        sagas
            .skip_event(saga, *position, "ada", "nonsense")
            .await
            .expect("skipped");
    }
    let parked = sagas.parked_inputs(saga).await.expect("listed");
    assert!(parked.is_empty());
    let idle = sagas.run_until_idle().await.expect("runs");
    assert_eq!((idle.running, idle.parked), (0, 0));
}

async fn an_event_that_cannot_be_read_can_be_named_after_others_for_nobody(store: AnyStore) {
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<Deliver>(())
        .with_process_manager::<Porter>();
    send(&store, 1, "one").await;
    send(&store, 1, "for nobody").await;
    let position = store_event(&store, 1, r#"{"nonsense":1}"#).await;
    send(&store, 1, "two").await;
    for saga in ["deliver", "porter"] {
        let stalled = sagas
            .run_until_idle()
            .await
            .expect_err("it stalls")
            .to_string();
        assert!(stalled.contains(&position.to_string()), "{stalled}");
        sagas
            .skip_event(saga, position, "ada", "nonsense")
            .await
            .expect("skipped");
    }
    sagas.run_until_idle().await.expect("runs");
    for id in ["one", "two"] {
        sagas.show("deliver", id).await.expect(id);
        sagas.show_process("porter", id).await.expect(id);
    }
}

/// What a step returns, and how often the step was undone.
#[derive(Clone, Default)]
struct Lab {
    undone: Arc<AtomicU32>,
}

#[derive(Serialize, Deserialize)]
struct Measure {
    how: String,
}

#[derive(Serialize, Deserialize)]
struct Nested {
    inner: Option<Box<Nested>>,
}

/// An output that JSON changes.
#[derive(Serialize, Deserialize, Default)]
struct Reading {
    value: f64,
    #[serde(default, with = "as_pairs")]
    by_place: BTreeMap<u32, u32>,
    deep: Option<Nested>,
    text: String,
}

/// It writes a map that it cannot read.
mod as_pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer>(map: &BTreeMap<u32, u32>, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, u32>, D::Error> {
        let pairs = Vec::<(u32, u32)>::deserialize(from)?;
        Ok(pairs.into_iter().filter(|(key, _)| *key != 13).collect())
    }
}

impl Saga for Measure {
    const NAME: &'static str = "measure";
    type Deps = Lab;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.retry(StepRetry::times(1));
        saga.step("read", |cx: Cx<Self>| async move {
            let mut reading = Reading::default();
            match cx.saga().how.as_str() {
                "nan" => reading.value = f64::NAN,
                "changed" => reading.by_place = BTreeMap::from([(13, 1)]),
                "deep" => {
                    for _ in 0..200 {
                        let inner = reading.deep.map(Box::new);
                        reading.deep = Some(Nested { inner });
                    }
                }
                "large" => reading.text = "x".repeat(2 << 20),
                _ => {}
            }
            Ok::<_, Fail>(reading)
        })
        .undo(|cx: Cx<Self>, did: Effect<Reading>| async move {
            assert!(did.known().is_none(), "nobody can say what it returned");
            cx.deps().undone.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        saga
    }
}

async fn an_output_that_does_not_read_back_is_undone(store: AnyStore) {
    for how in ["nan", "changed", "deep", "large"] {
        let lab = Lab::default();
        let sagas = Sagas::new(store.clone()).with::<Measure>(lab.clone());
        let request = AppendId::new("start").expect("an id");
        let saga = Measure {
            how: how.to_owned(),
        };
        let begun = sagas.begin(Start::new(how, saga), request, Metadata::new());
        begun.await.expect("begun");
        sagas.run_until_idle().await.expect("runs");
        let view = sagas.show("measure", how).await.expect("readable");
        assert_eq!(view.state.phase, Phase::Compensated, "{how}");
        assert_eq!(lab.undone.load(Ordering::SeqCst), 1, "{how}");
        let why = view.state.failure.expect("a reason").message;
        assert!(why.contains("output"), "{how}: {why}");
    }
    // The data of a saga is proven when it starts.
    let sagas = Sagas::new(store.clone()).with::<Deliver>(());
    let request = AppendId::new("start").expect("an id");
    let saga = Deliver {
        weight: f64::NAN,
        note: String::new(),
    };
    let begun = sagas.begin(Start::new("nan", saga), request, Metadata::new());
    begun.await.expect_err("it could not be read back");
    let stream = StreamId::new("saga:deliver", "nan").expect("usable");
    let page = store.read_stream(&stream, StreamRange::forward(0), ReadLimit::default());
    assert!(page.await.expect("read").is_empty());
}
