//! A list of events that changed is noticed, by the program that brings it and by the one that still runs.

use crate::places::Place;
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Project, Projection, ProjectionError, React,
    Subscription, WorkerState, values,
};
use es_runtime::Envelope;
use es_tests::accounts::{Deposited, Withdrawn, deposit, withdraw};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

on_both!(
    a_projection_with_another_list_needs_another_version,
    an_inline_projection_with_another_list_needs_another_version,
    a_subscription_with_another_list_needs_another_version,
    a_subscription_of_an_older_version_stops,
);

const SOON: Duration = Duration::from_secs(20);

type Seen = Arc<Mutex<Vec<(&'static str, u64)>>>;

/// Two programs of one name: `$version` with these events.
macro_rules! program {
    ($module:ident, $version:literal, $($event:ident),+) => {
        mod $module {
            use super::*;

            #[derive(Projection)]
            #[projection("movements", version = $version, events($($event),+))]
            #[projection(schema = "CREATE TABLE {movements} (cents BIGINT NOT NULL)")]
            pub(super) struct Movements;

            #[derive(Subscription)]
            #[subscription("calls", version = $version, events($($event),+))]
            pub(super) struct Calls(pub(super) Seen);

            $(
                impl Project<$event> for Movements {
                    async fn project(
                        &self,
                        event: &Envelope<$event>,
                        tx: &mut AnyTransaction,
                    ) -> Result<(), HandlerError> {
                        let cents = values![event.event.cents];
                        tx.run("INSERT INTO {movements} VALUES ($1)", cents).await?;
                        Ok(())
                    }
                }

                impl React<$event> for Calls {
                    async fn react(
                        &self,
                        event: &Envelope<$event>,
                        _: &Delivery,
                    ) -> Result<(), HandlerError> {
                        let mut seen = self.0.lock().expect("what was seen");
                        seen.push((stringify!($event), event.version));
                        Ok(())
                    }
                }
            )+
        }
    };
}

program!(first, 1, Deposited);
program!(changed, 1, Deposited, Withdrawn);
program!(raised, 2, Deposited, Withdrawn);

fn is_changed(refused: Result<(), ProjectionError>) -> bool {
    matches!(
        refused,
        Err(ProjectionError::EventsChanged { version: 1, stored, mine, .. })
            if stored == "account.deposited" && mine == "account.deposited, account.withdrawn"
    )
}

async fn a_projection_with_another_list_needs_another_version(place: &Place) {
    deposit(&place.store, "alice", 5).await.expect("stored");
    withdraw(&place.store, "alice", 2).await.expect("stored");
    let first = place.runner().with(first::Movements);
    first.catch_up().await.expect("caught up");

    let changed = place.runner().with(changed::Movements);
    assert!(is_changed(changed.catch_up().await));
    assert!(changed.rebuild("movements").await.is_err());
    first.catch_up().await.expect("it goes on");

    let raised = place.runner().with(raised::Movements);
    raised.catch_up().await.expect("built anew");
    let all = place.one("SELECT count(*) FROM movements", &[]).await;
    assert_eq!(all.get::<i64>(0).expect("a count"), 2);
}

async fn an_inline_projection_with_another_list_needs_another_version(place: &Place) {
    drop(opened_with!(place, first::Movements).expect("opens"));
    let refused = opened_with!(place, changed::Movements);
    let text = refused.map(drop).expect_err("refused").to_string();
    assert!(
        text.contains("account.withdrawn; raise the version"),
        "{text}"
    );
    drop(opened_with!(place, raised::Movements).expect("opens"));
}

async fn a_subscription_with_another_list_needs_another_version(place: &Place) {
    let seen = Seen::default();
    deposit(&place.store, "alice", 5).await.expect("stored");
    let first = place.runner().with_subscription(first::Calls(seen.clone()));
    first.catch_up().await.expect("caught up");

    let changed = place
        .runner()
        .with_subscription(changed::Calls(seen.clone()));
    assert!(is_changed(changed.catch_up().await));

    withdraw(&place.store, "alice", 2).await.expect("stored");
    let raised = place
        .runner()
        .with_subscription(raised::Calls(seen.clone()));
    raised.catch_up().await.expect("caught up");
    assert_eq!(
        *seen.lock().expect("seen"),
        [("Deposited", 1), ("Withdrawn", 2)]
    );
    assert!(matches!(
        first.catch_up().await,
        Err(ProjectionError::OlderProgram {
            live: 2,
            mine: 1,
            ..
        })
    ));
}

/// The old program still runs, or stands by, when the new one starts. It passes no event that only the
/// new one lists.
async fn a_subscription_of_an_older_version_stops(place: &Place) {
    let (before, after) = (Seen::default(), Seen::default());
    let old = place
        .runner()
        .with_subscription(first::Calls(before.clone()));
    let stands_by = old.clone();
    let (running, standing) = (old.start().expect("runs"), stands_by.start().expect("runs"));
    deposit(&place.store, "alice", 5).await.expect("stored");
    let began = Instant::now();
    while before.lock().expect("seen").is_empty() {
        assert!(began.elapsed() < SOON, "nothing is delivered");
        tokio::task::yield_now().await;
    }

    let new = place
        .runner()
        .with_subscription(raised::Calls(after.clone()));
    let newer = new.start().expect("runs");
    let began = Instant::now();
    loop {
        let status = old.status().await.expect("status");
        if let [only] = status.as_slice()
            && matches!(&only.state, WorkerState::Stopped(why) if why.contains("live in version 2"))
        {
            break;
        }
        assert!(began.elapsed() < SOON, "{status:#?}");
        tokio::task::yield_now().await;
    }
    withdraw(&place.store, "alice", 2).await.expect("stored");
    let began = Instant::now();
    while !after.lock().expect("seen").contains(&("Withdrawn", 2)) {
        assert!(began.elapsed() < SOON, "the new event is not delivered");
        tokio::task::yield_now().await;
    }
    for running in [running, standing, newer] {
        running.shutdown().await;
    }
    assert!(
        !before
            .lock()
            .expect("seen")
            .iter()
            .any(|(event, _)| *event == "Withdrawn")
    );
}
