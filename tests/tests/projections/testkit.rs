//! Given/when/then of read models: what passes, and how what fails is shown.

use crate::places::Place;
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Project, Projection, React, Subscription, values,
};
use es_runtime::{Aggregate, Envelope, Event, events};
use es_testkit::{projection::ProjectionTest, subscription::SubscriptionTest};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
}

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, error = Infallible, events(ignore(Deposited)))]
struct Account {}

/// Balances, each wrong by as much as `drift` has grown since the program began.
#[derive(Projection, Default)]
#[projection("balances", events(all of Account::{Deposited}))]
#[projection(schema = "CREATE TABLE {balances} (id TEXT PRIMARY KEY, cents BIGINT, open BOOLEAN)")]
struct Balances {
    drift: i64,
    drifted: AtomicI64,
}

impl Project<Deposited> for Balances {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let cents = deposited.event.cents;
        if cents < 0 {
            return Err(HandlerError::new("nobody deposits less than nothing"));
        }
        let drift = self.drifted.fetch_add(self.drift, Ordering::Relaxed);
        let sql = "INSERT INTO {balances} VALUES ($1, $2, true)
                   ON CONFLICT (id) DO UPDATE SET cents = {balances}.cents + excluded.cents";
        tx.run(sql, values![deposited.stream.id(), cents + drift])
            .await?;
        Ok(())
    }
}

const BALANCES: &str = "SELECT id, cents, open FROM balances ORDER BY id";

fn test(place: &Place, drift: i64) -> ProjectionTest<Balances> {
    let balances = Balances {
        drift,
        ..Balances::default()
    };
    ProjectionTest::on(balances, place.store.clone(), place.read.clone())
        .given::<Account>(
            "ann",
            events![Deposited { cents: 20 }, Deposited { cents: 3 }],
        )
        .given::<Account>("bob", Deposited { cents: 1 })
}

/// What the test says when it fails.
async fn failure(
    test: impl IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>,
) -> String {
    let ended = tokio::spawn(test.into_future()).await;
    let panic = ended.err().expect("the test fails").into_panic();
    *panic.downcast::<String>().expect("a message")
}

on_both!(
    rows_are_those_of_the_events,
    other_rows_are_shown_line_by_line,
    a_handler_that_is_not_the_same_again_fails_after_the_rebuild,
    a_handler_that_fails_is_named_with_its_event,
    an_event_that_is_not_listed_is_named,
    a_projection_that_stops_says_where_it_was_made,
    a_plain_name_is_not_written_to,
    a_query_that_fails_is_shown,
);

async fn rows_are_those_of_the_events(place: &Place) {
    test(place, 0)
        .rows(
            BALANCES,
            &[values!["ann", 23, true], values!["bob", 1, true]],
        )
        .rows("SELECT id FROM balances WHERE cents > 100", &[])
        .await;
}

async fn other_rows_are_shown_line_by_line(place: &Place) {
    let expected = &[values!["ann", 24, true], values!["bob", 1, true]];
    let message = failure(test(place, 0).rows(BALANCES, expected)).await;
    let lines = "- expected, + actual\n- \"ann\" | 24 | 1\n+ \"ann\" | 23 | 1\n  \"bob\" | 1 | 1\n";
    assert!(message.ends_with(lines), "{message}");
    assert!(message.contains("testkit.rs"), "{message}");
    assert!(message.contains(BALANCES), "{message}");
}

async fn a_handler_that_is_not_the_same_again_fails_after_the_rebuild(place: &Place) {
    let expected = &[values!["ann", 24, true], values!["bob", 3, true]];
    let message = failure(test(place, 1).rows(BALANCES, expected)).await;
    assert!(message.contains("other rows after a rebuild"), "{message}");
}

async fn a_handler_that_fails_is_named_with_its_event(place: &Place) {
    let test = test(place, 0);
    let line = line!() + 1;
    let test = test.given::<Account>("eve", Deposited { cents: -1 });
    let message = failure(test.rows(BALANCES, &[])).await;
    let at = format!("{}:{line}:", file!());
    assert!(message.starts_with(&at), "{message}");
    let what = "projection `balances` failed on `account.deposited`, version 1 of account/eve: \
                nobody deposits less than nothing";
    assert!(message.ends_with(what), "{message}");
}

#[derive(Event, Serialize, Deserialize)]
#[event("account.closed")]
struct Closed {}

#[derive(Aggregate, Default)]
#[aggregate("account", id = String, error = Infallible, events(ignore(Closed)))]
struct Closing {}

async fn an_event_that_is_not_listed_is_named(place: &Place) {
    let given = || {
        let test = test(place, 0);
        test.given::<Closing>("ann", events![Closed {}, Closed {}])
    };
    let message = failure(given().rows(BALANCES, &[])).await;
    let note = "`account.closed` is not in the events of `balances`, so it was passed over";
    assert_eq!(message.matches(note).count(), 1, "{message}");
    assert!(!message.contains("`account.deposited` is not"), "{message}");
}

async fn a_projection_that_stops_says_where_it_was_made(place: &Place) {
    let line = line!() + 1;
    let test = ProjectionTest::on(Torn, place.store.clone(), place.read.clone());
    let message = failure(test).await;
    let at = format!("{}:{line}:", file!());
    assert!(message.starts_with(&at), "{message}");
    assert!(message.contains("could not be created"), "{message}");
}

#[derive(Projection)]
#[projection(
    "torn",
    events(Deposited),
    schema = "CREATE TABLE {torn} (id TEXT, id TEXT)"
)]
struct Torn;

impl Project<Deposited> for Torn {
    async fn project(
        &self,
        _: &Envelope<Deposited>,
        _: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Writes to the view that queries use.
#[derive(Projection)]
#[projection(
    "plain",
    events(Deposited),
    schema = "CREATE TABLE {plain} (id TEXT PRIMARY KEY)"
)]
struct Plain(&'static str);

impl Project<Deposited> for Plain {
    async fn project(
        &self,
        deposited: &Envelope<Deposited>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        tx.run(self.0, values![deposited.stream.id()]).await?;
        Ok(())
    }
}

async fn a_plain_name_is_not_written_to(place: &Place) {
    let handler = Plain("INSERT INTO plain VALUES ($1)");
    let test = ProjectionTest::on(handler, place.store.clone(), place.read.clone());
    let test = test.given::<Account>("ann", Deposited { cents: 1 });
    let message = failure(test.rows("SELECT id FROM plain", &[values!["ann"]])).await;
    let what = "writes to `plain`, the view that queries use; write `{plain}`";
    assert!(message.contains(what), "{message}");
}

async fn a_query_that_fails_is_shown(place: &Place) {
    let message = failure(test(place, 0).rows("SELECT nothing FROM nowhere", &[])).await;
    assert!(message.contains("SELECT nothing FROM nowhere"), "{message}");
}

#[tokio::test]
async fn a_file_of_its_own_is_enough() {
    ProjectionTest::new(Balances::default())
        .given::<Account>("ann", Deposited { cents: 20 })
        .rows(BALANCES, &[values!["ann", 20, 1]])
        .await;
}

/// Notes each delivery, or fails.
#[derive(Subscription, Default)]
#[subscription("notes", events(Deposited))]
struct Notes {
    noted: Mutex<Vec<(String, i64, u32)>>,
}

impl React<Deposited> for Notes {
    async fn react(
        &self,
        deposited: &Envelope<Deposited>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let cents = deposited.event.cents;
        if cents < 0 {
            return Err(HandlerError::new("refused"));
        }
        let mut noted = self
            .noted
            .lock()
            .map_err(|_| HandlerError::new("poisoned"))?;
        noted.push((delivery.id().to_owned(), cents, delivery.attempt()));
        Ok(())
    }
}

#[tokio::test]
async fn deliveries_come_in_order_and_again_with_the_same_id() {
    let given = || {
        SubscriptionTest::new(Notes::default())
            .given::<Account>("ann", Deposited { cents: 1 })
            .given::<Account>("bob", Deposited { cents: 2 })
    };
    let once = given().deliver().await.noted.into_inner().expect("notes");
    let once: Vec<_> = once
        .iter()
        .map(|(_, cents, attempt)| (*cents, *attempt))
        .collect();
    assert_eq!(once, [(1, 1), (2, 1)]);
    let twice = given().deliver_twice().await;
    let twice = twice.noted.into_inner().expect("notes");
    let [first, again, second, _] = &*twice else {
        panic!("{twice:?}");
    };
    assert_eq!((&first.0, again.2), (&again.0, 2));
    assert_ne!(first.0, second.0);
}

#[tokio::test]
async fn a_delivery_that_fails_is_named_with_its_event() {
    let test = SubscriptionTest::new(Notes::default());
    let line = line!() + 1;
    let test = test.given::<Account>("eve", Deposited { cents: -1 });
    let message = failure(test.deliver()).await;
    let at = format!("{}:{line}:", file!());
    assert!(message.starts_with(&at), "{message}");
    let what = "subscription `notes` failed on `account.deposited`, version 1 of account/eve, at attempt 1: refused";
    assert!(message.ends_with(what), "{message}");
}
