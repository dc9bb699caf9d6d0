use es_runtime::{
    Append, EventStore, ExpectedVersion, MemoryStore, NewEvent, StreamId, UniqueChange,
};

# futures_executor::block_on(async {
let (store, alice) = (MemoryStore::new(), StreamId::new("customer", "1")?);
let registered = NewEvent::json("customer.registered", 1, "{}")
    .with_unique(vec![UniqueChange::claim("customer.email", "alice@example.com")]);
store
    .append(Append::new(alice.clone(), ExpectedVersion::NoStream).with_event(registered))
    .await?;
let holder = store.unique_holder("customer.email", "alice@example.com").await?;
assert_eq!(holder, Some(alice));
# Ok::<(), Box<dyn std::error::Error>>(())
# }).unwrap();
