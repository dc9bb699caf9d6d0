//! Tags of events that aggregates write, of variants of an enum, and of stored events that are read as others.

use es_decisions::{Decide, Decision, Decisions, Emitted, Fold, turn_on_tags};
use es_runtime::{
    Aggregate, AnyStore, Append, Apply, Event, EventSet, EventStore, EventTag, Events,
    ExpectedVersion, Handle, NewEvent, Repository, StreamId, Tag,
};
use es_testkit::decision::DecisionTest;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Tag, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[tag("box")]
struct BoxId(u32);

#[derive(Tag)]
#[tag("boxes")]
struct Boxes;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("shelf.put", version = 2)]
struct Put {
    #[tag]
    into: BoxId,
    #[tag]
    #[event(since = 2)]
    out_of: Option<BoxId>,
}

/// What a `Put` of both was once.
#[derive(Event, Serialize, Deserialize)]
#[event("shelf.put_twice")]
struct PutTwice {
    one: BoxId,
    other: BoxId,
}

fn split(old: PutTwice) -> [Put; 2] {
    [old.one, old.other].map(|into| Put { into, out_of: None })
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("shelf", id = u32, error = Infallible, events(ignore(Put)))]
#[aggregate(alias("shelf.laid" => Put), split(PutTwice, with = split), drop("shelf.dusted"))]
struct Shelf {}

#[derive(Clone)]
struct PutInto(u32, Option<u32>);

impl Handle<PutInto> for Shelf {
    fn handle(&self, put: PutInto) -> Result<Events<Self>, Infallible> {
        Ok(Put {
            into: BoxId(put.0),
            out_of: put.1.map(BoxId),
        }
        .into())
    }
}

/// An enum of events.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
enum BoxEvent {
    #[event("box.made", tag(Boxes))]
    Made {
        #[tag(as = BoxId)]
        number: u32,
    },
    #[event("box.labelled")]
    Labelled {
        #[tag]
        boxes: Vec<BoxId>,
    },
}

impl From<u32> for BoxId {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("box", id = u32, error = Infallible, events = BoxEvent)]
struct Case {}

impl Apply<BoxEvent> for Case {
    fn apply(&mut self, _: &BoxEvent) {}
}

#[derive(Clone)]
struct Say(fn() -> BoxEvent);

impl Handle<Say> for Case {
    fn handle(&self, say: Say) -> Result<Events<Self>, Infallible> {
        Ok(say.0().into())
    }
}

#[derive(Fold, Clone, Default)]
#[fold("contents", by(BoxId), events(Shelf::{Put}, BoxEvent))]
struct Contents {
    puts: u32,
    labels: u32,
}

impl Apply<Put> for Contents {
    fn apply(&mut self, _: &Put) {
        self.puts += 1;
    }
}

impl Apply<BoxEvent> for Contents {
    fn apply(&mut self, event: &BoxEvent) {
        self.labels += u32::from(matches!(event, BoxEvent::Labelled { .. }));
    }
}

#[derive(Decision)]
#[decision("look", error = Infallible, reads(contents: Contents(number)))]
struct Look {
    number: BoxId,
}

impl Decide for Look {
    fn decide(&self, _: &LookReads) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

async fn look(store: &AnyStore, number: u32) -> (u32, u32) {
    let number = BoxId(number);
    let looked = Decisions::new(store.clone()).execute(Look { number }).await;
    let contents = looked.expect("read").reads.contents;
    (contents.puts, contents.labels)
}

async fn events_of_aggregates_have_tags(store: AnyStore) {
    let shelves: Repository<Shelf> = Repository::new(store.clone());
    let cases: Repository<Case> = Repository::new(store.clone());
    shelves.execute(1, PutInto(7, None)).await.expect("put");
    shelves.execute(2, PutInto(8, Some(7))).await.expect("put");
    let said = cases.execute(7, Say(|| BoxEvent::Made { number: 7 })).await;
    said.expect("made");
    let labelled = Say(|| BoxEvent::Labelled {
        boxes: vec![BoxId(8), BoxId(9), BoxId(8)],
    });
    cases.execute(8, labelled).await.expect("labelled");
    assert_eq!(look(&store, 7).await, (2, 0));
    assert_eq!(look(&store, 8).await, (1, 1));
    assert_eq!(look(&store, 9).await, (0, 1));
    assert_eq!(look(&store, 10).await, (0, 0));
}

/// Rows of names that are read as `Put`, older than its tags.
async fn a_fold_reads_what_its_aggregate_reads(store: AnyStore) {
    let rows = [
        ("shelf.put", r#"{"into":7}"#),
        ("shelf.laid", r#"{"into":8}"#),
        ("shelf.put_twice", r#"{"one":7,"other":8}"#),
        ("shelf.dusted", "{}"),
    ];
    for (name, payload) in rows {
        let event = NewEvent::json(name, 1, payload);
        let shelf = StreamId::new("shelf", "1").expect("a stream");
        let append = Append::new(shelf, ExpectedVersion::Any).with_event(event);
        store.append(append).await.expect("stored");
    }
    let number = BoxId(7);
    let not_ready = Decisions::new(store.clone()).execute(Look { number }).await;
    not_ready.expect_err("nobody has looked at the rows");
    turn_on_tags::<ShelfEvent>(&store).await.expect("walked");
    // The split row has both tags, and each box gets its own half.
    assert_eq!(look(&store, 7).await, (2, 0));
    assert_eq!(look(&store, 8).await, (2, 0));
    assert_eq!(look(&store, 9).await, (0, 0));
}

on_each!(
    events_of_aggregates_have_tags,
    a_fold_reads_what_its_aggregate_reads,
);

// Tags of stored events are not recorded there.
on_jetstream!(events_of_aggregates_have_tags);

/// The test kit finds events as a store does, so one that lacks a tag is missing there too.
#[test]
fn an_event_without_a_tag_is_missing_in_a_test() {
    let put = |into, out_of: Option<u32>| Put {
        into: BoxId(into),
        out_of: out_of.map(BoxId),
    };
    let look = DecisionTest::new()
        .given_event(put(7, None))
        .given_event(put(8, Some(7)))
        .given_event(put(8, None))
        .when(Look { number: BoxId(7) });
    let looked = look.into_result().expect("read");
    assert_eq!(looked.reads.contents.puts, 2);
}

#[test]
fn each_kind_is_named_once_and_also_without_a_value() {
    assert_eq!(<Put as Event>::TAG_KINDS, ["box"]);
    let put = Put {
        into: BoxId(1),
        out_of: None,
    };
    assert_eq!(Event::tags(&put), [EventTag::new("box").with("1")]);
    assert_eq!((Put::HOME, PutTwice::HOME), (Some("box"), None));
    let kinds: &[(&str, &[&str])] = &[("box.made", &["box", "boxes"]), ("box.labelled", &["box"])];
    assert_eq!(BoxEvent::TAG_KINDS, kinds);
    let labelled = BoxEvent::Labelled { boxes: Vec::new() };
    assert_eq!(labelled.tags(), [EventTag::new("box")]);
    let made = BoxEvent::Made { number: 3 };
    let tags = [
        EventTag::new("box").with("3"),
        EventTag::new("boxes").with("all"),
    ];
    assert_eq!(made.tags(), tags);
    let shelf: &[(&str, &[&str])] = &[("shelf.put", &["box"])];
    assert_eq!(ShelfEvent::TAG_KINDS, shelf);
}
