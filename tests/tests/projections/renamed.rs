//! A reader of a few events of an aggregate gets what the aggregate reads as them, whatever they are stored as.

use crate::places::Place;
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Project, Projection, React, Subscription, values,
};
use es_runtime::Envelope;
use es_tests::renamed::{Paid, Parcel, Sent, both_releases};
use std::sync::{Arc, Mutex};

on_both!(
    a_projection_reads_what_the_aggregate_reads,
    a_subscription_reads_what_the_aggregate_reads,
);

#[derive(Projection)]
#[projection("parcels", events(Parcel::{Sent, Paid}), schema = TABLES)]
struct Parcels;

const TABLES: &str = "
    CREATE TABLE {parcels} (version BIGINT NOT NULL, what TEXT NOT NULL, number BIGINT NOT NULL)";
const INSERT: &str = "INSERT INTO {parcels} (version, what, number) VALUES ($1, $2, $3)";

impl Project<Sent> for Parcels {
    async fn project(
        &self,
        sent: &Envelope<Sent>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let values = values![sent.version as i64, "sent", i64::from(sent.event.tracking)];
        tx.run(INSERT, values).await?;
        Ok(())
    }
}

impl Project<Paid> for Parcels {
    async fn project(
        &self,
        paid: &Envelope<Paid>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let values = values![paid.version as i64, "paid", paid.event.cents as i64];
        tx.run(INSERT, values).await?;
        Ok(())
    }
}

async fn a_projection_reads_what_the_aggregate_reads(place: &Place) {
    both_releases(&place.store, 7).await.expect("stored");
    let runner = place.runner().with(Parcels);
    runner.catch_up().await.expect("caught up");
    for (version, what, number) in [
        (1, "sent", 1),
        (3, "sent", 2),
        (3, "paid", 20),
        (4, "sent", 3),
        (6, "paid", 40),
    ] {
        let row = place
            .one(
                "SELECT count(*) FROM parcels WHERE version = $1 AND what = $2 AND number = $3",
                values![version, what, number],
            )
            .await;
        assert_eq!(row.get::<i64>(0).expect("a count"), 1, "{version} {what}");
    }
    let all = place.one("SELECT count(*) FROM parcels", &[]).await;
    assert_eq!(all.get::<i64>(0).expect("a count"), 5);
}

#[derive(Subscription)]
#[subscription("parcel-calls", events(Parcel::{Paid, Sent}))]
struct Calls(Arc<Mutex<Vec<(u64, String)>>>);

impl Calls {
    fn keep(&self, version: u64, what: String) {
        self.0.lock().expect("the calls").push((version, what));
    }
}

impl React<Sent> for Calls {
    async fn react(&self, sent: &Envelope<Sent>, _: &Delivery) -> Result<(), HandlerError> {
        self.keep(sent.version, format!("sent {}", sent.event.tracking));
        Ok(())
    }
}

impl React<Paid> for Calls {
    async fn react(&self, paid: &Envelope<Paid>, _: &Delivery) -> Result<(), HandlerError> {
        self.keep(paid.version, format!("paid {}", paid.event.cents));
        Ok(())
    }
}

async fn a_subscription_reads_what_the_aggregate_reads(place: &Place) {
    both_releases(&place.store, 7).await.expect("stored");
    let calls = Arc::new(Mutex::new(Vec::new()));
    let runner = place.runner().with_subscription(Calls(Arc::clone(&calls)));
    runner.catch_up().await.expect("caught up");
    let calls = calls.lock().expect("the calls").clone();
    let text: Vec<_> = calls
        .iter()
        .map(|(version, what)| format!("{version}: {what}"))
        .collect();
    // The parts of a split event come in the order that the function gave them.
    assert_eq!(
        text,
        [
            "1: sent 1",
            "3: sent 2",
            "3: paid 20",
            "4: sent 3",
            "6: paid 40"
        ]
    );
}
