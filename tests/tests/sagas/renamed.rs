//! Process managers and sagas get what an aggregate reads as an event, whatever it is stored as.

use es_runtime::{Aggregate, Apply, Envelope, Event, EventStore, MemoryStore, Repository};
use es_sagas::{Fail, ProcessManager, ReactTo, Reactions, Sagas, Start, saga};
use es_tests::renamed::{Paid, Parcel, Sent, before, both_releases};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What the process manager saw.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("ledger.seen")]
struct Seen {
    what: String,
}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("ledger", id = String, error = Infallible, events(Seen))]
#[process_manager(reacts(Parcel::{Paid, Sent}))]
struct Ledger {
    seen: Vec<String>,
}

impl Apply<Seen> for Ledger {
    fn apply(&mut self, event: &Seen) {
        self.seen.push(event.what.clone());
    }
}

impl ReactTo<Sent> for Ledger {
    fn correlate(_: &Envelope<Sent>) -> Option<String> {
        Some("all".to_owned())
    }

    fn react(&self, sent: &Envelope<Sent>) -> Reactions<Self> {
        let what = format!("sent {}", sent.event.tracking);
        Reactions::none().event(Seen { what })
    }
}

impl ReactTo<Paid> for Ledger {
    fn correlate(paid: &Envelope<Paid>) -> Option<String> {
        // Some of the events of an aggregate may be for another instance.
        Some(
            if paid.event.cents < 40 {
                "all"
            } else {
                "large"
            }
            .to_owned(),
        )
    }

    fn react(&self, paid: &Envelope<Paid>) -> Reactions<Self> {
        let what = format!("paid {}", paid.event.cents);
        Reactions::none().event(Seen { what })
    }
}

async fn seen(store: &MemoryStore, id: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let stream = es_runtime::StreamId::new("saga:ledger", id).expect("a stream");
    let range = es_runtime::StreamRange::forward(0);
    let limit = es_runtime::ReadLimit::default();
    let page = store.read_stream(&stream, range, limit).await;
    let mut page = page.expect("read");
    page.retain(|event| &*event.name == "ledger.seen");
    for event in page {
        for event in event.decode::<Seen>().expect("decoded") {
            seen.push(event.event.what);
        }
    }
    seen
}

#[tokio::test]
async fn a_process_manager_reads_what_the_aggregate_reads() {
    let store = MemoryStore::new();
    both_releases(&store, 7).await.expect("stored");
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with_process_manager::<Ledger>();
    sagas.run_until_idle().await.expect("runs");
    assert_eq!(
        seen(&store, "all").await,
        ["sent 1", "sent 2", "paid 20", "sent 3"]
    );
    assert_eq!(seen(&store, "large").await, ["paid 40"]);
}

#[derive(Serialize, Deserialize)]
struct Deliver {
    tracking: u32,
}

#[saga("deliver")]
impl Deliver {
    #[start(aggregate = Parcel)]
    fn sent(sent: &Envelope<Sent>) -> Option<Start<Self>> {
        let tracking = sent.event.tracking;
        Some(Start::new(tracking, Self { tracking }))
    }

    #[cancel(aggregate = Parcel)]
    fn paid(paid: &Envelope<Paid>) -> Option<String> {
        Some((paid.event.cents / 10).to_string())
    }

    #[step(no_undo)]
    async fn call(&self) -> Result<u32, Fail> {
        // Is tried again until the saga is cancelled, where it is.
        if self.tracking == 2 {
            return Err(Fail::transient("nobody is at home"));
        }
        Ok(self.tracking)
    }
}

#[tokio::test]
async fn a_saga_begins_and_is_cancelled_by_what_the_aggregate_reads() {
    let store = MemoryStore::new();
    both_releases(&store, 7).await.expect("stored");
    let sagas = Sagas::new(store.clone())
        .from_the_beginning(true)
        .with::<Deliver>(());
    sagas.run_until_idle().await.expect("runs");
    for (id, phase) in [("1", "completed"), ("2", "compensated"), ("3", "completed")] {
        let view = sagas.show("deliver", id).await.expect("shown");
        assert_eq!(view.state.phase_text(), phase, "{id}");
    }
}

/// The first release may go on to list its own events alone: it reads them under no other name.
#[tokio::test]
async fn an_event_without_other_names_may_be_listed_alone() {
    #[derive(Serialize, Deserialize)]
    struct Old {}

    #[saga("old")]
    impl Old {
        #[start]
        fn sent(sent: &Envelope<before::ParcelSent>) -> Option<Start<Self>> {
            Some(Start::new(sent.event.tracking, Self {}))
        }

        #[step(no_undo)]
        async fn call(&self) -> Result<(), Fail> {
            Ok(())
        }
    }

    let store = MemoryStore::new();
    let parcels = Repository::<before::Parcel, _>::new(store.clone()).cached(10);
    let sent = before::ParcelSent { tracking: 1 }.into();
    parcels
        .execute(7, before::Store(vec![sent]))
        .await
        .expect("stored");
    let sagas = Sagas::new(store).from_the_beginning(true).with::<Old>(());
    sagas.run_until_idle().await.expect("runs");
    let view = sagas.show("old", "1").await.expect("shown");
    assert_eq!(view.state.phase_text(), "completed");
}
