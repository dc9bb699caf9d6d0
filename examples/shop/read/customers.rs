//! One row a customer, out of the events of customers and of orders.

use crate::domain::{
    customer::CustomerEvent,
    order::{OrderCancelled, OrderPlaced},
};
use es_runtime::{Envelope, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection(
    "customers",
    version = 1,
    events(CustomerEvent, OrderPlaced, OrderCancelled)
)]
#[projection(schema(Sqlite = include_str!("customers.sql")))]
pub struct Customers;

impl Project<CustomerEvent, Sqlite> for Customers {
    async fn project(
        &self,
        event: &Envelope<CustomerEvent>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let customer = event.stream.id();
        match &event.event {
            CustomerEvent::Registered { on } => tx.execute(
                "INSERT INTO {customers} (customer_id, registered_on) VALUES (?1, ?2)
                 ON CONFLICT (customer_id) DO UPDATE SET registered_on = excluded.registered_on",
                [customer, &on.to_string()],
            )?,
            CustomerEvent::Promoted { .. } => tx.execute(
                "UPDATE {customers} SET regular = 1 WHERE customer_id = ?1",
                [customer],
            )?,
            CustomerEvent::Credited { .. } => 0,
        };
        Ok(())
    }
}

impl Project<OrderPlaced, Sqlite> for Customers {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let (customer, cds) = (&placed.event.customer.0, i64::from(placed.event.cds));
        let cents = placed.event.total_cents.0;
        tx.execute(
            "INSERT INTO {customer_orders} VALUES (?1, ?2, ?3, ?4)",
            params![placed.stream.id(), customer, cds, cents],
        )?;
        add(tx, customer, 1, cds, cents)
    }
}

impl Project<OrderCancelled, Sqlite> for Customers {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let order: Option<(String, i64, i64)> = tx.select_one(
            "DELETE FROM {customer_orders} WHERE order_id = ?1 RETURNING customer_id, cds, cents",
            [cancelled.stream.id()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let (customer, cds, cents) =
            order.ok_or_else(|| HandlerError::new("it was never placed"))?;
        add(tx, &customer, -1, -cds, -cents)
    }
}

/// An order may come before its customer: the two are in different streams.
fn add(
    tx: &mut SqliteTransaction,
    customer: &str,
    orders: i64,
    cds: i64,
    cents: i64,
) -> Result<(), HandlerError> {
    tx.execute(
        "INSERT INTO {customers} (customer_id, orders, cds, spent_cents) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (customer_id) DO UPDATE SET orders = orders + excluded.orders,
             cds = cds + excluded.cds, spent_cents = spent_cents + excluded.spent_cents",
        params![customer, orders, cds, cents],
    )?;
    Ok(())
}
