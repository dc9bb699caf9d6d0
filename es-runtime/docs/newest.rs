use es_runtime::{
    Append, EventStore, EventTag, ExpectedVersion, MemoryStore, NewEvent, Position,
    ReadLimit, StreamId, Tag, TagQuery,
};
use std::ops::Bound;

#[derive(Tag)]
#[tag("invoices")]
struct Invoices;

# futures_executor::block_on(async {
let store = MemoryStore::new();
let issued = |number: &str| {
    NewEvent::json("invoice.issued", 1, number).with_tags(vec![EventTag::of(&Invoices)])
};
let append = Append::new(StreamId::new("invoices", "all")?, ExpectedVersion::Any);
store.append(append.with_events(["1", "2", "3"].map(issued))).await?;

let (query, one) = (TagQuery::of(&Invoices, ["invoice.issued"])?, ReadLimit::events(1));
let (all, end) = (Position::START, Bound::Unbounded);
let newest = store.read_tagged_backward(&query, all, end, one).await?;
assert_eq!(newest.events[0].payload, b"3");
let before = Bound::Excluded(newest.events[0].position);
let older = store.read_tagged_backward(&query, all, before, one).await?;
assert_eq!((&*older.events[0].payload, older.at_start), (&b"2"[..], false));
# Ok::<(), Box<dyn std::error::Error>>(())
# }).unwrap();
