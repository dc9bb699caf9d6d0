//! One row for each customer, from the events of customers and of orders.

use crate::domain::{
    customer::CustomerEvent,
    order::{Order, OrderCancelled, OrderPlaced},
};
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::Envelope;

#[derive(Projection)]
#[projection(
    "customers",
    version = 2,
    events(CustomerEvent, OrderPlaced, OrderCancelled)
)]
#[projection(schema = include_str!("customers.sql"))]
pub struct Customers;

const REGISTER: &str = "INSERT INTO {customers} (customer_id, registered_on) VALUES ($1, $2)
                        ON CONFLICT (customer_id) DO UPDATE SET
                            registered_on = excluded.registered_on";
const PROMOTE: &str = "UPDATE {customers} SET regular = TRUE WHERE customer_id = $1";
const CREDIT: &str = "UPDATE {customers} SET store_credit_cents = store_credit_cents + $2
                      WHERE customer_id = $1";
const PLACE: &str = "INSERT INTO {customer_orders} VALUES ($1, $2, $3, $4)";
const CANCEL: &str = "DELETE FROM {customer_orders} WHERE order_id = $1
                      RETURNING customer_id, cds, cents";
/// An order may come before its customer: the two are in different streams.
const ADD: &str = "INSERT INTO {customers} (customer_id, orders, cds, spent_cents)
                   VALUES ($1, $2, $3, $4)
                   ON CONFLICT (customer_id) DO UPDATE SET
                       orders = {customers}.orders + excluded.orders,
                       cds = {customers}.cds + excluded.cds,
                       spent_cents = {customers}.spent_cents + excluded.spent_cents";

impl Project<CustomerEvent> for Customers {
    async fn project(
        &self,
        event: &Envelope<CustomerEvent>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let customer = event.stream.id();
        match &event.event {
            CustomerEvent::Registered { on } => {
                tx.run(REGISTER, values![customer, on.to_string()]).await?
            }
            CustomerEvent::Promoted { .. } => tx.run(PROMOTE, values![customer]).await?,
            CustomerEvent::Credited { .. } | CustomerEvent::EmailSet { .. } => 0,
            CustomerEvent::CreditGiven { cents } | CustomerEvent::CreditReceived { cents, .. } => {
                tx.run(CREDIT, values![customer, cents.0]).await?
            }
            CustomerEvent::CreditSent { cents, .. } => {
                tx.run(CREDIT, values![customer, -cents.0]).await?
            }
        };
        Ok(())
    }
}

impl Project<OrderPlaced> for Customers {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let (order, customer) = (placed.id::<Order>()?, &placed.event.customer.0);
        let (cds, cents) = (placed.event.cds, placed.event.total_cents.0);
        tx.run(PLACE, values![order.to_string(), customer, cds, cents])
            .await?;
        tx.run(ADD, values![customer, 1, cds, cents]).await?;
        Ok(())
    }
}

impl Project<OrderCancelled> for Customers {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let id = values![cancelled.stream.id()];
        let order = tx.select_one(CANCEL, id).await?;
        let order = order.ok_or_else(never_placed)?;
        let (customer, cds): (String, i64) = (order.get(0)?, order.get(1)?);
        let cents: i64 = order.get(2)?;
        tx.run(ADD, values![customer, -1, -cds, -cents]).await?;
        Ok(())
    }
}

fn never_placed() -> HandlerError {
    HandlerError::new("it was never placed")
}
