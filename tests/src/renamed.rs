//! An aggregate in two releases. The second reads what the first stored under names that it retired.

use es_runtime::{Aggregate, Apply, Event, EventStore, Events, Handle, Repository, SnapshotStore};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What the first release stored.
pub mod before {
    use super::{Aggregate, Deserialize, Event, Events, Handle, Infallible, Serialize};

    /// Has another name today.
    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("ParcelSent")]
    pub struct ParcelSent {
        pub tracking: u32,
    }

    /// Is two events today.
    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("parcel.sent-and-paid")]
    pub struct SentAndPaid {
        pub tracking: u32,
        pub cents: u64,
    }

    /// Has no meaning today.
    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("parcel.blinked")]
    pub struct Blinked {}

    #[derive(Aggregate, Clone, Default)]
    #[aggregate("parcel", id = u32, error = Infallible)]
    #[aggregate(events(ignore(ParcelSent), ignore(SentAndPaid), ignore(Blinked)))]
    pub struct Parcel {}

    #[derive(Clone)]
    pub struct Store(pub Vec<ParcelEvent>);

    impl Handle<Store> for Parcel {
        fn handle(&self, Store(events): Store) -> Result<Events<Self>, Infallible> {
            Ok(events.into_iter().collect())
        }
    }
}

/// It was sent.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("parcel.sent")]
pub struct Sent {
    pub tracking: u32,
}

/// It was paid.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("parcel.paid")]
pub struct Paid {
    pub cents: u64,
}

/// It came back.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("parcel.returned")]
pub struct Returned {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("parcel", id = u32, error = Infallible, events(Sent, Paid, ignore(Returned)))]
#[aggregate(drop("parcel.blinked"), alias("ParcelSent" => Sent))]
#[aggregate(split(before::SentAndPaid, with = sent_and_paid))]
pub struct Parcel {
    pub sent: u32,
    pub cents: u64,
}

fn sent_and_paid(old: before::SentAndPaid) -> [ParcelEvent; 2] {
    let before::SentAndPaid { tracking, cents } = old;
    [Sent { tracking }.into(), Paid { cents }.into()]
}

impl Apply<Sent> for Parcel {
    fn apply(&mut self, _: &Sent) {
        self.sent += 1;
    }
}

impl Apply<Paid> for Parcel {
    fn apply(&mut self, event: &Paid) {
        self.cents += event.cents;
    }
}

#[derive(Clone)]
pub struct Store(pub Vec<ParcelEvent>);

impl Handle<Store> for Parcel {
    fn handle(&self, Store(events): Store) -> Result<Events<Self>, Infallible> {
        Ok(events.into_iter().collect())
    }
}

/// What both releases left in one stream: sent 1, sent 2 and paid 20, sent 3, returned, paid 40.
///
/// # Errors
/// Those of the store.
pub async fn both_releases<S: EventStore + SnapshotStore + Clone>(
    store: &S,
    id: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let old = vec![
        before::ParcelSent { tracking: 1 }.into(),
        before::Blinked {}.into(),
        before::SentAndPaid {
            tracking: 2,
            cents: 20,
        }
        .into(),
    ];
    let first = Repository::<before::Parcel, _>::new(store.clone());
    first.execute(id, before::Store(old)).await?;
    let new = vec![
        Sent { tracking: 3 }.into(),
        Returned {}.into(),
        Paid { cents: 40 }.into(),
    ];
    let second = Repository::<Parcel, _>::new(store.clone());
    second.execute(id, Store(new)).await?;
    Ok(())
}
