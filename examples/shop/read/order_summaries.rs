//! One row an order: who bought what, and how far it is.

use crate::domain::order::{OrderCancelled, OrderPaid, OrderPlaced, OrderShipped};
use es_postgres::{PostgresReadDatabase, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::Envelope;
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection("order_summaries", version = 1)]
#[projection(events(OrderPlaced, OrderPaid, OrderShipped, OrderCancelled))]
#[projection(schema(
    SqliteReadDatabase = include_str!("sqlite/order_summaries.sql"),
    PostgresReadDatabase = include_str!("postgres/order_summaries.sql"),
))]
pub struct OrderSummaries;

const PLACE: &str = "INSERT INTO {order_summaries} VALUES ($1, $2, $3, $4, $5, 'placed')";
const SET_STATUS: &str = "UPDATE {order_summaries} SET status = $1 WHERE order_id = $2";

impl Project<OrderPlaced, SqliteReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let OrderPlaced {
            customer,
            placed_on,
            cds,
            total_cents,
            ..
        } = &placed.event;
        let (order, day) = (placed.stream.id(), placed_on.to_string());
        tx.execute(PLACE, params![order, customer.0, day, cds, total_cents.0])?;
        Ok(())
    }
}

impl Project<OrderPlaced, PostgresReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let OrderPlaced {
            customer,
            placed_on,
            cds,
            total_cents,
            ..
        } = &placed.event;
        let (order, day, cds) = (placed.stream.id(), placed_on.to_string(), i64::from(*cds));
        tx.execute(PLACE, &[&order, &customer.0, &day, &cds, &total_cents.0])
            .await?;
        Ok(())
    }
}

impl Project<OrderPaid, SqliteReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        paid: &Envelope<OrderPaid>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, ["paid", paid.stream.id()])?;
        Ok(())
    }
}

impl Project<OrderPaid, PostgresReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        paid: &Envelope<OrderPaid>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, &[&"paid", &paid.stream.id()])
            .await?;
        Ok(())
    }
}

impl Project<OrderShipped, SqliteReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        shipped: &Envelope<OrderShipped>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, ["shipped", shipped.stream.id()])?;
        Ok(())
    }
}

impl Project<OrderShipped, PostgresReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        shipped: &Envelope<OrderShipped>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, &[&"shipped", &shipped.stream.id()])
            .await?;
        Ok(())
    }
}

impl Project<OrderCancelled, SqliteReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, ["cancelled", cancelled.stream.id()])?;
        Ok(())
    }
}

impl Project<OrderCancelled, PostgresReadDatabase> for OrderSummaries {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        tx.execute(SET_STATUS, &[&"cancelled", &cancelled.stream.id()])
            .await?;
        Ok(())
    }
}
