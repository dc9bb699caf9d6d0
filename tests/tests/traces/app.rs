//! A small application: orders, a read model, e-mails, a saga that confirms them, and a process manager with a timer.

use es_decisions::{Decide, Decision, Emitted};
use es_projections::{
    AnyTransaction, Delivery, HandlerError, Project, Projection, React, Subscription, values,
};
use es_runtime::{Aggregate, Apply, Envelope, Event, Events, Handle};
use es_sagas::{
    AggregateCommand, Cx, Definition, Fail, OnTimer, ProcessManager, ReactTo, Reactions, Saga,
    Start,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, time::Duration};

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order.placed")]
pub(crate) struct Placed {
    pub(crate) cents: i64,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order.confirmed")]
pub(crate) struct Confirmed {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("order", id = String, error = Infallible, events(ignore(Placed), ignore(Confirmed)))]
pub(crate) struct Order {}

#[derive(Clone)]
pub(crate) struct Place(pub(crate) i64);

impl Handle<Place> for Order {
    fn handle(&self, Place(cents): Place) -> Result<Events<Self>, Infallible> {
        Ok(Placed { cents }.into())
    }
}

#[derive(Clone)]
struct Confirm;

impl Handle<Confirm> for Order {
    fn handle(&self, _: Confirm) -> Result<Events<Self>, Infallible> {
        Ok(Confirmed {}.into())
    }
}

/// Confirms an order in a decision.
#[derive(Decision)]
#[decision("confirm-order", error = Infallible, reads(order: Order(order)))]
pub(crate) struct ConfirmOrder {
    pub(crate) order: String,
}

impl Decide for ConfirmOrder {
    fn decide(&self, read: &ConfirmOrderReads) -> Result<Emitted<Self>, Infallible> {
        let confirmed = read.order.handle(Confirm)?;
        Ok(Emitted::new().on(&self.order, confirmed))
    }
}

/// An order of 13 cents makes it panic.
#[derive(Projection)]
#[projection("order_totals", version = 1, events(Placed))]
#[projection(schema = "CREATE TABLE {order_totals} (id TEXT, cents BIGINT)")]
pub(crate) struct OrderTotals;

impl Project<Placed> for OrderTotals {
    async fn project(
        &self,
        placed: &Envelope<Placed>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        assert!(placed.event.cents != 13, "13 cents are no price");
        let row = values![placed.stream.id(), placed.event.cents];
        tx.run("INSERT INTO {order_totals} VALUES ($1, $2)", row)
            .await?;
        Ok(())
    }
}

#[derive(Subscription)]
#[subscription("mailer", events(Placed))]
pub(crate) struct Mailer;

impl React<Placed> for Mailer {
    async fn react(&self, _: &Envelope<Placed>, _: &Delivery) -> Result<(), HandlerError> {
        // What a client of a mail server would make.
        tracing::info_span!("SMTP").in_scope(|| {});
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct FulfilOrder {
    order: String,
}

impl Saga for FulfilOrder {
    const NAME: &'static str = "fulfil-order";
    type Deps = ();

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Placed>(|placed| {
            let order = placed.stream.id().to_owned();
            Some(Start::new(placed.stream.id(), Self { order }))
        });
        saga.step("charge", |_: Cx<Self>| async {
            tracing::info_span!("POST /charges").in_scope(|| {});
            Ok::<_, Fail>("receipt".to_owned())
        })
        .pivot();
        saga.on_completed(|cx| Ok(AggregateCommand::new::<Order, _>(&cx.saga().order, Confirm)));
        saga
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("reminder.sent")]
pub(crate) struct Sent {}

/// Reminds at once.
#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("reminder", id = String, error = Infallible, events(Sent))]
#[process_manager(reacts(Placed), timers)]
pub(crate) struct Reminder {}

impl Apply<Sent> for Reminder {
    fn apply(&mut self, _: &Sent) {}
}

impl ReactTo<Placed> for Reminder {
    fn correlate(placed: &Envelope<Placed>) -> Option<String> {
        Some(placed.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Placed>) -> Reactions<Self> {
        Reactions::none().timer("remind", Duration::ZERO)
    }
}

impl OnTimer for Reminder {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none().event(Sent {}).end()
    }
}
