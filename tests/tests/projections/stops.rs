//! A projection that stopped: who waits for it, and who measures, hears of it.

use crate::places::Place;
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Measure, Project, Projection, Projections, React,
    Subscription, WaitError, WaitFor,
};
use es_runtime::{Envelope, EventStore};
use es_tests::accounts::{Deposited, Withdrawn, deposit};
use std::time::Duration;
use tokio::sync::mpsc;

on_both!(
    who_waits_hears_at_once_of_another_schema,
    who_waits_hears_at_once_of_other_events,
    who_waits_hears_at_once_of_other_partitions,
    who_waits_hears_at_once_of_tables_that_cannot_be_made,
    who_waits_gets_the_rows_that_another_program_writes,
    an_event_before_the_stop_is_there,
    a_new_start_is_no_longer_stopped,
    a_subscription_that_stops_is_measured,
);

/// As long as no test should take.
const LONG: Duration = Duration::from_secs(120);

macro_rules! handles {
    ($name:ident: $($event:ident),*) => {
        $(impl Project<$event> for $name {
            async fn project(
                &self,
                _: &Envelope<$event>,
                _: &mut AnyTransaction,
            ) -> Result<(), HandlerError> {
                Ok(())
            }
        })*
    };
}

#[derive(Projection)]
#[projection(
    "loans",
    version = 2,
    events(Deposited),
    schema = "CREATE TABLE {loans} (id TEXT)"
)]
struct Loans;
handles!(Loans: Deposited);

/// The same version with changes.
mod changed {
    use super::*;

    pub(crate) mod schema {
        use super::*;
        #[derive(Projection)]
        #[projection("loans", version = 2, events(Deposited))]
        #[projection(schema = "CREATE TABLE {loans} (id TEXT, cents BIGINT)")]
        pub(crate) struct Loans;
        handles!(Loans: Deposited);
    }

    pub(crate) mod events {
        use super::*;
        #[derive(Projection)]
        #[projection("loans", version = 2, events(Deposited, Withdrawn))]
        #[projection(schema = "CREATE TABLE {loans} (id TEXT)")]
        pub(crate) struct Loans;
        handles!(Loans: Deposited, Withdrawn);
    }

    pub(crate) mod partitions {
        use super::*;
        #[derive(Projection)]
        #[projection("loans", version = 2, events(Deposited), partitions = 2)]
        #[projection(schema = "CREATE TABLE {loans} (id TEXT)")]
        pub(crate) struct Loans;
        handles!(Loans: Deposited);
    }

    pub(crate) mod broken {
        use super::*;
        #[derive(Projection)]
        #[projection("loans", version = 2, events(Deposited))]
        #[projection(schema = "CREATE TABLE {loans} (id TEXT, id TEXT)")]
        pub(crate) struct Loans;
        handles!(Loans: Deposited);
    }
}

/// Starts the changed program and says what who waits for a new event hears, and what is measured.
macro_rules! hears {
    ($place:expr, $changed:expr, $type:ty, $why:expr) => {{
        let (place, why) = ($place, $why);
        let (say, mut said) = mpsc::unbounded_channel();
        let changed = place.runner().with($changed).meter(stops(say));
        let running = changed.start().expect("starts");
        let position = deposit(&place.store, "ann", 2).await.expect("stored");
        let waited = place.read.wait_for::<$type>(position, LONG).await;
        let stopped = waited.expect_err("stopped");
        assert!(
            matches!(&stopped, WaitError::Stopped { projection: "loans", position: at, reason }
                if *at == position && reason.contains(why)),
            "{stopped:?}"
        );
        let measured = said.recv().await.expect("measured");
        assert!(measured.0 == 0 && measured.1.contains(why), "{measured:?}");
        running.shutdown().await;
    }};
}

/// Sends on what stops, with its build.
fn stops(say: mpsc::UnboundedSender<(u32, String)>) -> impl Fn(&Measure<'_>) {
    move |measure| {
        if let Measure::Stopped { partition, why } = measure {
            let _ = say.send((partition.build, (*why).to_owned()));
        }
    }
}

/// The first program has built its tables and ended.
async fn built(place: &Place) -> Projections {
    deposit(&place.store, "ann", 1).await.expect("stored");
    let first = place.runner().with(Loans);
    first.catch_up().await.expect("caught up");
    first
}

async fn who_waits_hears_at_once_of_another_schema(place: &Place) {
    built(place).await;
    hears!(
        place,
        changed::schema::Loans,
        changed::schema::Loans,
        "raise the version"
    );
}

async fn who_waits_hears_at_once_of_other_events(place: &Place) {
    built(place).await;
    hears!(
        place,
        changed::events::Loans,
        changed::events::Loans,
        "raise the version"
    );
}

async fn who_waits_hears_at_once_of_other_partitions(place: &Place) {
    built(place).await;
    let why = "raise the version";
    hears!(
        place,
        changed::partitions::Loans,
        changed::partitions::Loans,
        why
    );
}

async fn who_waits_hears_at_once_of_tables_that_cannot_be_made(place: &Place) {
    let why = "could not be created";
    hears!(place, changed::broken::Loans, changed::broken::Loans, why);
}

/// Only this program has stopped; the one before it still runs.
async fn who_waits_gets_the_rows_that_another_program_writes(place: &Place) {
    let first = built(place).await;
    let (say, mut said) = mpsc::unbounded_channel();
    let changed = place
        .runner()
        .with(changed::schema::Loans)
        .meter(stops(say));
    let others = first.start().expect("starts");
    let position = deposit(&place.store, "ann", 2).await.expect("stored");
    let there = place.read.wait_for::<Loans>(position, LONG).await;
    there.expect("there");
    let running = changed.start().expect("starts");
    said.recv().await.expect("stopped");
    let position = deposit(&place.store, "ann", 3).await.expect("stored");
    let there = place
        .read
        .wait_for::<changed::schema::Loans>(position, LONG);
    there.await.expect("the other program writes it");
    running.shutdown().await;
    others.shutdown().await;
}

async fn an_event_before_the_stop_is_there(place: &Place) {
    built(place).await;
    let before = place.store.head().await.expect("read");
    hears!(
        place,
        changed::schema::Loans,
        changed::schema::Loans,
        "raise the version"
    );
    let there = place.read.wait_for::<changed::schema::Loans>(before, LONG);
    there.await.expect("there");
}

async fn a_new_start_is_no_longer_stopped(place: &Place) {
    built(place).await;
    hears!(
        place,
        changed::schema::Loans,
        changed::schema::Loans,
        "raise the version"
    );
    let position = deposit(&place.store, "ann", 3).await.expect("stored");
    let running = place.runner().with(Loans).start().expect("starts");
    let there = place.read.wait_for::<Loans>(position, LONG).await;
    there.expect("there");
    running.shutdown().await;
}

mod calls {
    use super::*;

    #[derive(Subscription)]
    #[subscription("calls", events(Deposited), partitions = 2)]
    pub(crate) struct Calls;

    impl React<Deposited> for Calls {
        async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
            Ok(())
        }
    }
}

#[derive(Subscription)]
#[subscription("calls", events(Deposited))]
struct Calls;

impl React<Deposited> for Calls {
    async fn react(&self, _: &Envelope<Deposited>, _: &Delivery) -> Result<(), HandlerError> {
        Ok(())
    }
}

async fn a_subscription_that_stops_is_measured(place: &Place) {
    let first = place.runner().with_subscription(calls::Calls);
    first.catch_up().await.expect("caught up");
    let (say, mut said) = mpsc::unbounded_channel();
    let changed = place.runner().with_subscription(Calls).meter(stops(say));
    let running = changed.start().expect("starts");
    let (build, why) = said.recv().await.expect("measured");
    assert!(
        build == 0 && why.contains("began with 2 partitions"),
        "{why}"
    );
    running.shutdown().await;
}
