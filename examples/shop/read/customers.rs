//! One row a customer, out of the events of customers and of orders.

use crate::domain::{
    customer::CustomerEvent,
    order::{OrderCancelled, OrderPlaced},
};
use es_postgres::{PostgresReadDatabase, PostgresTransaction, tokio_postgres::Row};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::Envelope;
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection(
    "customers",
    version = 1,
    events(CustomerEvent, OrderPlaced, OrderCancelled)
)]
#[projection(schema(
    SqliteReadDatabase = include_str!("sqlite/customers.sql"),
    PostgresReadDatabase = include_str!("postgres/customers.sql"),
))]
pub struct Customers;

const REGISTER: &str = "INSERT INTO {customers} (customer_id, registered_on) VALUES ($1, $2)
                        ON CONFLICT (customer_id) DO UPDATE SET
                            registered_on = excluded.registered_on";
const PROMOTE: &str = "UPDATE {customers} SET regular = TRUE WHERE customer_id = $1";
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

impl Project<CustomerEvent, SqliteReadDatabase> for Customers {
    async fn project(
        &self,
        event: &Envelope<CustomerEvent>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let customer = event.stream.id();
        match &event.event {
            CustomerEvent::Registered { on } => {
                tx.execute(REGISTER, [customer, &on.to_string()])?
            }
            CustomerEvent::Promoted { .. } => tx.execute(PROMOTE, [customer])?,
            CustomerEvent::Credited { .. } => 0,
        };
        Ok(())
    }
}

impl Project<CustomerEvent, PostgresReadDatabase> for Customers {
    async fn project(
        &self,
        event: &Envelope<CustomerEvent>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let customer = event.stream.id();
        match &event.event {
            CustomerEvent::Registered { on } => {
                tx.execute(REGISTER, &[&customer, &on.to_string()]).await?
            }
            CustomerEvent::Promoted { .. } => tx.execute(PROMOTE, &[&customer]).await?,
            CustomerEvent::Credited { .. } => 0,
        };
        Ok(())
    }
}

impl Project<OrderPlaced, SqliteReadDatabase> for Customers {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let (order, customer) = (placed.stream.id(), &placed.event.customer.0);
        let (cds, cents) = (i64::from(placed.event.cds), placed.event.total_cents.0);
        tx.execute(PLACE, params![order, customer, cds, cents])?;
        tx.execute(ADD, params![customer, 1, cds, cents])?;
        Ok(())
    }
}

impl Project<OrderPlaced, PostgresReadDatabase> for Customers {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let (order, customer) = (placed.stream.id(), &placed.event.customer.0);
        let (cds, cents) = (i64::from(placed.event.cds), placed.event.total_cents.0);
        tx.execute(PLACE, &[&order, customer, &cds, &cents]).await?;
        tx.execute(ADD, &[customer, &1_i64, &cds, &cents]).await?;
        Ok(())
    }
}

impl Project<OrderCancelled, SqliteReadDatabase> for Customers {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let order = tx.select_one(CANCEL, [cancelled.stream.id()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let (customer, cds, cents): (String, i64, i64) = order.ok_or_else(never_placed)?;
        tx.execute(ADD, params![customer, -1, -cds, -cents])?;
        Ok(())
    }
}

impl Project<OrderCancelled, PostgresReadDatabase> for Customers {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let row = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        let order = tx
            .select_one(CANCEL, &[&cancelled.stream.id()], row)
            .await?;
        let (customer, cds, cents): (String, i64, i64) = order.ok_or_else(never_placed)?;
        tx.execute(ADD, &[&customer, &-1_i64, &-cds, &-cents])
            .await?;
        Ok(())
    }
}

fn never_placed() -> HandlerError {
    HandlerError::new("it was never placed")
}
