# struct CourseId(&'static str);
# impl es_runtime::Tag for CourseId {
#     const KIND: &'static str = "course";
#     fn value(&self) -> std::borrow::Cow<'_, str> { self.0.into() }
# }
# use es_runtime::*;
# futures_executor::block_on(async {
let (store, course) = (MemoryStore::new(), CourseId("c1"));
let query = TagQuery::of(&course, ["student.subscribed"])?;
let page = store.read_tagged(&query, Position::START, ReadLimit::default()).await?;
// Meanwhile somebody subscribes to the same course.
let event = NewEvent::json("student.subscribed", 1, "{}").with_tags(vec![EventTag::of(&course)]);
let append = Append::new(StreamId::new("course", "c1")?, ExpectedVersion::Any).with_event(event);
store.append(append.clone()).await?;
let refused = store.commit(Commit::new().append(append).guard(query, page.next)).await;
assert!(matches!(refused, Err(CommitError::Guarded { guard: 0, .. })));
# Ok::<(), Box<dyn std::error::Error>>(())
# }).unwrap();
