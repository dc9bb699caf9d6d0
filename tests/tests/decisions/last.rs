//! Folds of the newest event alone: what they are made of, what is read again, and what guards them.

use crate::races::{all, on};
use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted, Fold, turn_on_tags};
use es_runtime::{
    Aggregate, AnyStore, Append, AppendId, Apply, Event, EventStore, EventTag, Events,
    ExpectedVersion, LoadError, NewEvent, Position, ReadError, ReadLimit, SnapshotStore, StreamId,
    Tag, TagQuery, TaggedBackward, TaggedPage, WorkQueue,
};
use es_testkit::{Layered, StoreLayer, decision::DecisionTest};
use es_tests::faulty::{Fault, Faulty};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    ops::Bound,
    sync::{Arc, Mutex},
};

#[derive(Tag)]
#[tag("invoices")]
struct Invoices;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("invoice.issued", version = 2, tag(Invoices))]
struct InvoiceIssued {
    number: u64,
    #[event(since = 2, default = "unknown")]
    customer: String,
}

#[derive(Fold, Clone, Default, Debug)]
#[fold("last_invoice", by(Invoices), events(InvoiceIssued), last)]
struct LastInvoice {
    number: u64,
    /// Says how many events were applied.
    applied: u64,
}

impl Apply<InvoiceIssued> for LastInvoice {
    fn apply(&mut self, event: &InvoiceIssued) {
        self.number = event.number;
        self.applied += 1;
    }
}

/// Called in each attempt with what was read.
type Hook = Arc<dyn Fn(&LastInvoice) + Send + Sync>;

#[derive(Decision)]
#[decision("invoice.issue", error = Infallible, emits(InvoiceIssued), reads(last: LastInvoice()))]
struct IssueInvoice {
    customer: String,
    hook: Hook,
}

impl Decide for IssueInvoice {
    fn decide(&self, read: &IssueInvoiceReads) -> Result<Emitted<Self>, Infallible> {
        (self.hook)(&read.last);
        let number = read.last.number + 1;
        Ok(Emitted::new().event(issued(number, &self.customer)))
    }
}

fn issued(number: u64, customer: &str) -> InvoiceIssued {
    let customer = customer.into();
    InvoiceIssued { number, customer }
}

fn issue(customer: impl ToString) -> IssueInvoice {
    IssueInvoice {
        customer: customer.to_string(),
        hook: Arc::new(|_| {}),
    }
}

/// An event as a program stored it, with these tags.
async fn store_event(store: &AnyStore, event: NewEvent, tags: &[(&'static str, &str)]) {
    let tags = tags
        .iter()
        .map(|(kind, value)| EventTag::new(*kind).with(*value));
    let stream = StreamId::new("written", "before").expect("a name");
    let append = Append::new(stream, ExpectedVersion::Any);
    let append = append.with_event(event.with_tags(tags.collect()));
    store.append(append).await.expect("stored");
}

#[test]
fn numbers_follow_the_newest_one() {
    let _ = DecisionTest::new()
        .when(issue("ann"))
        .then_event(issued(1, "ann"))
        .then_nothing_else()
        .when(issue("bob"))
        .then_event(issued(2, "bob"))
        .then_nothing_else();
    let _ = DecisionTest::new()
        .given_event(issued(1, "ann"))
        .given_event(issued(2, "ann"))
        .when(issue("ann"))
        .then_event(issued(3, "ann"))
        .then_nothing_else();
}

/// The numbers of invoices that are issued at once.
async fn numbers(store: impl WorkQueue + SnapshotStore) -> Vec<u64> {
    let decisions = on(store);
    let mut numbers = Vec::new();
    for result in all(&decisions, (0..16).map(issue)).await {
        let decided = result.expect("issued");
        assert_eq!(decided.reads.last.applied, 1);
        numbers.push(decided.reads.last.number);
    }
    numbers.sort_unstable();
    numbers
}

async fn numbers_at_once_have_no_gap(store: AnyStore) {
    assert_eq!(numbers(store.clone()).await, (1..=16).collect::<Vec<_>>());
    assert_eq!(numbers(store).await, (17..=32).collect::<Vec<_>>());
}

/// The control: of some that raced, two have one number.
async fn without_guards_two_have_one_number(store: AnyStore) {
    let store = Faulty::store(store, [Fault::IgnoresGuards]);
    for _ in 0..200 {
        let numbers = numbers(store.clone()).await;
        let different: BTreeSet<_> = numbers.iter().collect();
        if different.len() < numbers.len() {
            return;
        }
    }
    panic!("the test finds no race");
}

async fn a_repeated_decision_has_the_state_of_the_first(store: AnyStore) {
    let decisions = Decisions::new(store);
    let id = |text: &str| AppendId::new(text).expect("an id");
    for (request, number) in [("one", 1), ("two", 2), ("three", 3), ("two", 2), ("one", 1)] {
        let decided = decisions.execute(issue("ann")).append_id(id(request)).await;
        let decided = decided.expect("issued");
        assert_eq!(decided.reads.last.number, number);
        assert_eq!(decided.reads.last.applied, 1);
    }
}

async fn tags_that_are_not_recorded_are_an_error(store: AnyStore) {
    let old = NewEvent::json("invoice.issued", 1, r#"{"number":41}"#);
    store_event(&store, old, &[]).await;
    let decisions = Decisions::new(store.clone());
    match decisions.execute(issue("ann")).await {
        Err(DecisionError::Load(LoadError::Read(ReadError::TagsNotReady {
            event, kind, ..
        }))) => {
            assert_eq!((&*event, &*kind), ("invoice.issued", "invoices"));
        }
        wrong => panic!("{wrong:?}"),
    }
    turn_on_tags::<InvoiceIssued>(&store)
        .await
        .expect("turned on");
    let decided = decisions.execute(issue("ann")).await.expect("issued");
    assert_eq!(decided.reads.last.number, 42);
}

#[derive(Tag, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[tag("meter")]
struct MeterId(String);

mod legacy {
    use super::MeterId;
    use es_runtime::Event;
    use serde::{Deserialize, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event("meter.swapped")]
    pub(super) struct Swapped {
        pub(super) old: MeterId,
        pub(super) new: MeterId,
        pub(super) value: u64,
        pub(super) parts: u8,
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(drop("meter.blinked"), split(legacy::Swapped, with = parts))]
enum MeterEvent {
    #[event("meter.read", version = 2)]
    Read {
        #[tag]
        meter: MeterId,
        value: u64,
        #[event(since = 2, default = "kWh")]
        unit: String,
    },
    #[event("meter.removed")]
    Removed {
        #[tag]
        meter: MeterId,
    },
}

/// What a swap is read as: from nothing up to the end of one meter and two values of the other.
fn parts(swapped: legacy::Swapped) -> Vec<MeterEvent> {
    let read = |value| MeterEvent::Read {
        meter: swapped.new.clone(),
        value,
        unit: "kWh".to_owned(),
    };
    let mut parts = vec![read(0), read(swapped.value)];
    parts.insert(
        1,
        MeterEvent::Removed {
            meter: swapped.old.clone(),
        },
    );
    parts.truncate(swapped.parts.into());
    parts
}

#[derive(Fold, Clone, Default)]
#[fold("newest", by(MeterId), last, events(MeterEvent))]
struct Newest(Vec<MeterEvent>);

#[derive(Fold, Clone, Default)]
#[fold("all", by(MeterId), events(MeterEvent))]
struct All(Vec<MeterEvent>);

impl Apply<MeterEvent> for Newest {
    fn apply(&mut self, event: &MeterEvent) {
        self.0.push(event.clone());
    }
}

impl Apply<MeterEvent> for All {
    fn apply(&mut self, event: &MeterEvent) {
        self.0.push(event.clone());
    }
}

#[derive(Decision)]
#[decision("look", error = Infallible, reads(newest: Newest(meter), all: All(meter)))]
struct Look {
    meter: MeterId,
}

impl Decide for Look {
    fn decide(&self, _: &LookReads) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

/// It is the last event that a fold of all events applies, whatever stored events are read as.
async fn it_is_the_last_one_that_a_fold_of_all_applies(store: AnyStore) {
    let decisions = Decisions::new(store.clone());
    let mut random = fastrand::Rng::with_seed(5);
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let [meter, other] = [random.u8(..3), random.u8(..3)].map(|number| format!("m{number}"));
        let value = random.u8(..);
        let (name, payload) = match random.u8(..6) {
            0 => (
                "meter.read",
                format!(r#"{{"meter":"{meter}","value":{value}}}"#),
            ),
            1 => ("meter.removed", format!(r#"{{"meter":"{meter}"}}"#)),
            2 | 3 => ("meter.blinked", "{}".to_owned()),
            _ => {
                let parts = value % 4;
                let new = format!(
                    r#"{{"old":"{meter}","new":"{other}","value":{value},"parts":{parts}}}"#
                );
                ("meter.swapped", new)
            }
        };
        let event = NewEvent::json(name, 1, payload);
        // A stored event has the tags of all that it is read as, and had others when it was no retired one.
        let tags = [("meter", &*meter), ("meter", &*other)];
        let of_one = name != "meter.swapped" && name != "meter.blinked";
        store_event(&store, event, if of_one { &tags[..1] } else { &tags }).await;
        for number in 0..4 {
            let meter = MeterId(format!("m{number}"));
            let looked = decisions.execute(Look { meter }).await.expect("read");
            let (newest, all) = (&looked.reads.newest.0, &looked.reads.all.0);
            assert_eq!(*newest, all.last().cloned().into_iter().collect::<Vec<_>>());
            seen.insert(format!("{:?}", newest.first().map(std::mem::discriminant)));
            assert_eq!(looked.reads.newest.position(), looked.reads.all.position());
        }
    }
    assert_eq!(
        seen.len(),
        3,
        "no event, a value, and the end of a meter: {seen:?}"
    );
}

/// However many there are that are read as nothing.
async fn events_that_are_dropped_are_passed_over(store: AnyStore) {
    let read = r#"{"meter":"m1","value":7,"unit":"m3"}"#;
    store_event(
        &store,
        NewEvent::json("meter.read", 2, read),
        &[("meter", "m1")],
    )
    .await;
    let stream = StreamId::new("written", "dropped").expect("a name");
    let dropped = (0..250).map(|_| {
        let event = NewEvent::json("meter.blinked", 1, "no payload");
        event.with_tags(
            ["m1", "m2"]
                .map(|meter| EventTag::new("meter").with(meter))
                .to_vec(),
        )
    });
    let dropped = Append::new(stream, ExpectedVersion::Any).with_events(dropped);
    let end = store.append(dropped).await.expect("stored").position;
    let decisions = Decisions::new(store);
    for (meter, wanted) in [("m1", Some("m3")), ("m2", None)] {
        let meter = MeterId(meter.into());
        let looked = decisions.execute(Look { meter }).await.expect("read").reads;
        let unit = looked.newest.0.first().map(|event| match event {
            MeterEvent::Read { unit, .. } => unit.as_str(),
            MeterEvent::Removed { .. } => "removed",
        });
        assert_eq!((unit, looked.newest.position()), (wanted, end));
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("shelf.filled")]
struct Filled {
    #[tag]
    shelf: ShelfTag,
    pieces: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("shelf.counted")]
struct Counted {
    #[tag]
    shelf: ShelfTag,
    pieces: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("shelf.painted")]
struct Painted {
    #[tag]
    shelf: ShelfTag,
}

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("shelf")]
struct ShelfTag(String);

#[derive(Aggregate, Clone, Default)]
#[aggregate("shelf", id = String, error = Infallible, events(Filled, Counted, ignore(Painted)))]
#[aggregate(split(retired::Repainted, with = repainted))]
struct Shelf {
    pieces: u32,
}

mod retired {
    use super::ShelfTag;
    use es_runtime::Event;
    use serde::{Deserialize, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event("shelf.repainted")]
    pub(super) struct Repainted {
        pub(super) shelf: ShelfTag,
        pub(super) pieces: Vec<u32>,
    }
}

/// Countings, and what no fold lists after them.
fn repainted(event: retired::Repainted) -> Vec<ShelfEvent> {
    let shelf = || event.shelf.clone();
    let pieces = event.pieces.iter();
    let counted = pieces.map(|pieces| {
        ShelfEvent::Counted(Counted {
            shelf: shelf(),
            pieces: *pieces,
        })
    });
    counted
        .chain([ShelfEvent::Painted(Painted { shelf: shelf() })])
        .collect()
}

impl Apply<Filled> for Shelf {
    fn apply(&mut self, event: &Filled) {
        self.pieces += event.pieces;
    }
}

impl Apply<Counted> for Shelf {
    fn apply(&mut self, event: &Counted) {
        self.pieces = event.pieces;
    }
}

/// Of two names, and not of the third one of the aggregate.
#[derive(Fold, Clone)]
#[fold("last_change", by(ShelfTag), events(Shelf::{Filled, Counted}), last, initial = LastChange::of)]
struct LastChange {
    of: String,
    text: String,
}

impl LastChange {
    fn of(shelf: &ShelfTag) -> Self {
        let (of, text) = (shelf.0.clone(), String::new());
        Self { of, text }
    }
}

impl Apply<Filled> for LastChange {
    fn apply(&mut self, event: &Filled) {
        self.text += &format!("{} filled by {}", self.of, event.pieces);
    }
}

impl Apply<Counted> for LastChange {
    fn apply(&mut self, event: &Counted) {
        self.text += &format!("{} counted as {}", self.of, event.pieces);
    }
}

/// Reads an aggregate, a fold of the newest event and one of all, and writes to the aggregate.
#[derive(Decision)]
#[decision("shelf.fill", error = Infallible, emits(InvoiceIssued),
    reads(shelf: Shelf(id), change: LastChange(tag), invoice: LastInvoice(), invoices: Count()))]
struct Fill {
    id: String,
    tag: ShelfTag,
    pieces: u32,
}

#[derive(Fold, Clone, Default)]
#[fold("invoices", by(Invoices), events(InvoiceIssued))]
struct Count(u64);

impl Apply<InvoiceIssued> for Count {
    fn apply(&mut self, _: &InvoiceIssued) {
        self.0 += 1;
    }
}

impl Decide for Fill {
    fn decide(&self, read: &FillReads) -> Result<Emitted<Self>, Infallible> {
        let (shelf, pieces) = (self.tag.clone(), self.pieces);
        let filled: Events<Shelf> = Filled { shelf, pieces }.into();
        let number = read.invoice.number + 1;
        Ok(Emitted::new()
            .on(&self.id, filled)
            .event(issued(number, "shelf")))
    }
}

fn fill(pieces: u32) -> Fill {
    let (id, tag) = ("a".to_owned(), ShelfTag("a".into()));
    Fill { id, tag, pieces }
}

async fn it_is_read_with_aggregates_and_other_folds(store: AnyStore) {
    let decisions = on(store.clone());
    let mut pieces = 0;
    for result in all(&decisions, (1..=8).map(fill)).await {
        let reads = result.expect("filled").reads;
        assert_eq!(reads.invoice.number, reads.invoices.0);
        pieces += 1;
    }
    let mut filled = decisions.execute(fill(9)).await.expect("filled").reads;
    assert_eq!(
        (pieces, filled.invoice.number, filled.invoices.0),
        (8, 9, 9)
    );
    assert_eq!(filled.shelf.pieces, 45);
    assert_eq!(filled.change.text, "a filled by 9");
    // Read as countings and what is not listed, and as the latter alone.
    for (pieces, wanted) in [
        ("4,5", "a counted as 5"),
        ("", "a counted as 5"),
        ("6", "a counted as 6"),
    ] {
        let payload = format!(r#"{{"shelf":"a","pieces":[{pieces}]}}"#);
        let repainted = NewEvent::json("shelf.repainted", 1, payload);
        store_event(&store, repainted, &[("shelf", "a")]).await;
        let look = Changed {
            tag: ShelfTag("a".into()),
        };
        let looked = decisions.execute(look).await.expect("read").reads;
        assert_eq!(looked.change.text, wanted);
        let end = store.head().await.expect("a head");
        assert_eq!(looked.change.position(), end);
    }
    filled = decisions.execute(fill(1)).await.expect("filled").reads;
    assert_eq!(filled.change.text, "a filled by 1");
}

#[derive(Decision)]
#[decision("shelf.changed", error = Infallible, reads(change: LastChange(tag)))]
struct Changed {
    tag: ShelfTag,
}

impl Decide for Changed {
    fn decide(&self, _: &ChangedReads) -> Result<Emitted<Self>, Infallible> {
        Ok(Emitted::new())
    }
}

on_each!(
    numbers_at_once_have_no_gap,
    without_guards_two_have_one_number,
    a_repeated_decision_has_the_state_of_the_first,
    tags_that_are_not_recorded_are_an_error,
    it_is_the_last_one_that_a_fold_of_all_applies,
    events_that_are_dropped_are_passed_over,
    it_is_read_with_aggregates_and_other_folds,
);

on_jetstream!(
    numbers_at_once_have_no_gap,
    without_guards_two_have_one_number,
    a_repeated_decision_has_the_state_of_the_first,
    it_is_the_last_one_that_a_fold_of_all_applies,
    events_that_are_dropped_are_passed_over,
    it_is_read_with_aggregates_and_other_folds,
);

/// Notes how many events each read returns.
#[derive(Clone, Debug)]
struct Watched {
    inner: AnyStore,
    read: Arc<Mutex<Vec<usize>>>,
}

impl StoreLayer for Watched {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.inner
    }

    async fn read_tagged(
        &self,
        _: &TagQuery,
        _: Position,
        _: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        panic!("all events are read");
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let page = self
            .inner
            .read_tagged_backward(query, after, until, limit)
            .await?;
        self.read.lock().expect("notes").push(page.events.len());
        Ok(page)
    }
}

#[tokio::test]
async fn one_event_is_read_in_each_attempt() {
    let store = crate::places::memory();
    let decisions = Decisions::new(store.clone());
    for _ in 0..5 {
        decisions.execute(issue("ann")).await.expect("issued");
    }
    let read = Arc::<Mutex<Vec<usize>>>::default();
    let watched = Watched {
        inner: store,
        read: Arc::clone(&read),
    };
    // Three others are first.
    let seen = Arc::<Mutex<Vec<(u64, u64)>>>::default();
    let noted = Arc::clone(&seen);
    let racing = IssueInvoice {
        customer: "eve".into(),
        hook: Arc::new(move |last| {
            let last = (last.number, last.applied);
            noted.lock().expect("notes").push(last);
            if last.0 == 5 {
                let decisions = decisions.clone();
                let others = async move {
                    for _ in 0..3 {
                        decisions.execute(issue("bob")).await.expect("issued");
                    }
                };
                futures_executor::block_on(others);
            }
        }),
    };
    let watching = Decisions::new(Layered(watched));
    let decided = watching.execute(racing).await.expect("issued");
    assert_eq!((decided.attempts, decided.reads.last.number), (2, 9));
    assert_eq!(*seen.lock().expect("notes"), [(5, 1), (8, 1)]);
    assert_eq!(*read.lock().expect("notes"), [1, 1]);
}
