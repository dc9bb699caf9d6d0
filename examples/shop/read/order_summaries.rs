//! One row an order: who bought what, and how far it is.

use crate::domain::order::{OrderCancelled, OrderPaid, OrderPlaced, OrderShipped};
use es_runtime::{Envelope, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection("order_summaries", version = 1)]
#[projection(events(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled))]
#[projection(schema(Sqlite = include_str!("order_summaries.sql")))]
pub struct OrderSummaries;

impl Project<OrderPlaced, Sqlite> for OrderSummaries {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(
            "INSERT INTO {order_summaries} VALUES (?1, ?2, ?3, ?4, ?5, 'placed')",
            params![
                placed.stream.id(),
                placed.event.customer.0,
                placed.event.placed_on.to_string(),
                placed.event.cds,
                placed.event.total_cents.0
            ],
        )?;
        Ok(())
    }
}

impl Project<OrderPaid, Sqlite> for OrderSummaries {
    async fn project(
        &self,
        paid: &Envelope<OrderPaid>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        set_status(tx, paid.stream.id(), "paid")
    }
}

impl Project<OrderShipped, Sqlite> for OrderSummaries {
    async fn project(
        &self,
        shipped: &Envelope<OrderShipped>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        set_status(tx, shipped.stream.id(), "shipped")
    }
}

impl Project<OrderCancelled, Sqlite> for OrderSummaries {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        set_status(tx, cancelled.stream.id(), "cancelled")
    }
}

fn set_status(tx: &mut SqliteTransaction, order: &str, status: &str) -> Result<(), HandlerError> {
    tx.execute(
        "UPDATE {order_summaries} SET status = ?2 WHERE order_id = ?1",
        [order, status],
    )?;
    Ok(())
}
