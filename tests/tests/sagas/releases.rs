//! Releases of one process manager that read different events and share a cursor.

use es_runtime::{
    AnyStore, Append, CommitStore, Event, EventStore, ExpectedVersion, MemoryStore, NewEvent,
    Position, ReadError, StreamId,
};
use es_sagas::{SagaError, Sagas};
use es_testkit::{Layered, StoreLayer};
use serde::{Deserialize, Serialize};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

on_each_store! {
    a_release_gets_the_events_that_only_it_reads
    a_release_that_comes_late_is_asked_about_old_events
    a_release_that_is_idle_has_read_all_events
    a_release_that_begins_with_another_one_has_read_all_events
    a_release_is_not_asked_about_what_it_has_taken
}

#[derive(Event, Serialize, Deserialize)]
#[event("gate.opened")]
pub struct Opened {}

#[derive(Event, Serialize, Deserialize)]
#[event("gate.closed")]
pub struct Closed {}

#[derive(Event, Serialize, Deserialize)]
#[event("keeper.saw")]
pub struct Saw {}

mod one {
    use super::{Opened, Saw};
    use es_runtime::{Aggregate, Envelope};
    use es_sagas::{ProcessManager, ReactTo, Reactions};
    use std::convert::Infallible;

    /// It only records its inputs.
    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("keeper", id = String, error = Infallible, events(ignore(Saw)))]
    #[process_manager(reacts(Opened))]
    pub struct Keeper {}

    impl ReactTo<Opened> for Keeper {
        fn correlate(event: &Envelope<Opened>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Opened>) -> Reactions<Self> {
            Reactions::none()
        }
    }
}

mod two {
    use super::{Closed, Opened, Saw};
    use es_runtime::{Aggregate, Envelope};
    use es_sagas::{ProcessManager, ReactTo, Reactions};
    use std::convert::Infallible;

    /// It only records its inputs.
    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("keeper", id = String, error = Infallible, events(ignore(Saw)))]
    #[process_manager(reacts(Closed, Opened))]
    pub struct Keeper {}

    impl ReactTo<Closed> for Keeper {
        fn correlate(event: &Envelope<Closed>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Closed>) -> Reactions<Self> {
            Reactions::none()
        }
    }

    impl ReactTo<Opened> for Keeper {
        fn correlate(event: &Envelope<Opened>) -> Option<String> {
            Some(event.stream.id().to_owned())
        }

        fn react(&self, _: &Envelope<Opened>) -> Reactions<Self> {
            Reactions::none()
        }
    }
}

async fn happens(store: &AnyStore, event: &'static str) {
    let stream = StreamId::new("gate", "1").expect("usable");
    let event = NewEvent::json(event, 1, "{}");
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("stored");
}

async fn run(sagas: &Sagas) {
    sagas.run_until_idle().await.expect("runs");
}

/// The inputs of the one instance.
async fn seen(sagas: &Sagas) -> String {
    let Ok(view) = sagas.show_process("keeper", "1").await else {
        return String::new();
    };
    let seen = view.history.iter().map(|(_, step)| step.cause.name());
    seen.map(|name| name.trim_start_matches("gate."))
        .collect::<Vec<_>>()
        .join(" ")
}

fn old(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone()).with_process_manager::<one::Keeper>()
}

fn new(store: &AnyStore) -> Sagas {
    Sagas::new(store.clone()).with_process_manager::<two::Keeper>()
}

async fn a_release_gets_the_events_that_only_it_reads(store: AnyStore) {
    let (old, new) = (old(&store), new(&store));
    run(&old).await;
    run(&new).await;
    happens(&store, "gate.opened").await;
    happens(&store, "gate.closed").await;
    happens(&store, "gate.opened").await;
    // The old one is ahead of the new one, and passes the event that it does not read.
    run(&old).await;
    assert_eq!(seen(&new).await, "opened opened");
    run(&new).await;
    assert_eq!(seen(&new).await, "opened opened closed");

    // The new one is ahead. What it took is not taken again.
    happens(&store, "gate.closed").await;
    happens(&store, "gate.opened").await;
    run(&new).await;
    let all = "opened opened closed closed opened";
    assert_eq!(seen(&new).await, all);
    for sagas in [&old, &new, &old, &new] {
        run(sagas).await;
        assert_eq!(seen(&new).await, all);
    }
    // A release that goes back, and comes again, finds what happened in between.
    happens(&store, "gate.closed").await;
    run(&old).await;
    run(&self::old(&store)).await;
    assert_eq!(seen(&new).await, all);
    run(&self::new(&store)).await;
    assert_eq!(seen(&new).await, format!("{all} closed"));
}

async fn a_release_that_comes_late_is_asked_about_old_events(store: AnyStore) {
    happens(&store, "gate.closed").await; // before it began
    let old = old(&store);
    run(&old).await;
    happens(&store, "gate.opened").await;
    happens(&store, "gate.closed").await;
    run(&old).await;
    // Nobody says whether the new one reacts to the old event.
    let asked = new(&store).run_until_idle().await.expect_err("it asks");
    assert!(
        matches!(&asked, SagaError::NewInput { event, .. } if event == "gate.closed"),
        "{asked}"
    );
    let asked = new(&store).start().await.map(|_| ()).expect_err("it asks");
    assert!(asked.to_string().contains("new_inputs_from_now"), "{asked}");
    happens(&store, "gate.opened").await;
    run(&old).await;
    assert_eq!(seen(&old).await, "opened opened");
    let new = new(&store).from_the_beginning(true);
    run(&new).await;
    assert_eq!(seen(&new).await, "opened opened closed");
}

#[tokio::test]
async fn a_release_may_leave_old_events_out() {
    let store = AnyStore::new(MemoryStore::new());
    let old = old(&store);
    run(&old).await;
    happens(&store, "gate.closed").await;
    run(&old).await;
    let new = new(&store).new_inputs_from_now(true);
    run(&new).await;
    assert_eq!(seen(&new).await, "");
    happens(&store, "gate.closed").await;
    run(&old).await;
    run(&new).await;
    assert_eq!(seen(&new).await, "closed");
}

/// What happens between the two reads of a cursor, once.
type Between = Arc<Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>>;

/// A store on which something happens between the two reads that a runner makes of its cursor.
#[derive(Clone)]
struct Torn {
    inner: AnyStore,
    between: Between,
}

impl Torn {
    fn store(
        inner: &AnyStore,
        between: impl Future<Output = ()> + Send + 'static,
    ) -> Layered<Self> {
        let between: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(between);
        Layered(Self {
            inner: inner.clone(),
            between: Arc::new(Mutex::new(Some(between))),
        })
    }

    /// After one of the two.
    async fn after<T>(&self, read: impl Future<Output = T>) -> T {
        let read = read.await;
        let between = self.between.lock().expect("not poisoned").take();
        if let Some(between) = between {
            between.await;
        }
        read
    }
}

impl StoreLayer for Torn {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.inner
    }

    async fn cursor(&self, consumer: &str) -> Result<Option<Position>, ReadError> {
        self.after(self.inner.cursor(consumer)).await
    }

    async fn cursor_inputs(&self, consumer: &str) -> Result<Option<String>, ReadError> {
        self.after(self.inner.cursor_inputs(consumer)).await
    }
}

/// The older release passes an event that only the newer one reads, while that one reads the cursor.
async fn a_release_that_is_idle_has_read_all_events(store: AnyStore) {
    run(&new(&store)).await;
    let other = store.clone();
    let torn = Torn::store(&store, async move {
        happens(&other, "gate.closed").await;
        run(&old(&other)).await;
    });
    let torn = AnyStore::new(torn);
    run(&new(&torn)).await;
    assert_eq!(seen(&new(&store)).await, "closed");
}

/// A worker of the same release makes the cursor, while this one reads it.
async fn a_release_that_begins_with_another_one_has_read_all_events(store: AnyStore) {
    happens(&store, "gate.closed").await;
    let other = store.clone();
    let torn = Torn::store(&store, async move {
        run(&old(&other).from_the_beginning(true)).await;
    });
    let new = new(&AnyStore::new(torn)).from_the_beginning(true);
    run(&new).await;
    assert_eq!(seen(&self::new(&store)).await, "closed");
}

/// Two workers of a new release start at the same time, and one has taken a new event when the other one reads the cursor.
async fn a_release_is_not_asked_about_what_it_has_taken(store: AnyStore) {
    run(&old(&store)).await;
    let other = store.clone();
    let torn = Torn::store(&store, async move {
        let new = new(&other);
        run(&new).await;
        happens(&other, "gate.closed").await;
        run(&new).await;
    });
    let new = new(&AnyStore::new(torn));
    new.run_until_idle().await.expect("nothing is in question");
    assert_eq!(seen(&self::new(&store)).await, "closed");
}
