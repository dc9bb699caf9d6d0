//! One row for each order: who bought what, and its status.

use crate::domain::order::{
    Order, OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped,
};
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::Envelope;

#[derive(Projection)]
#[projection("order_summaries", version = 1)]
#[projection(events(all of Order::{
    OrderPlaced, OrderPaid, OrderShipped, OrderCancelled,
    ignore(OrderRefunded),
}))]
#[projection(schema = include_str!("order_summaries.sql"))]
pub struct OrderSummaries;

const PLACE: &str = "INSERT INTO {order_summaries} VALUES ($1, $2, $3, $4, $5, 'placed')";
const SET_STATUS: &str = "UPDATE {order_summaries} SET status = $1 WHERE order_id = $2";

impl Project<OrderPlaced> for OrderSummaries {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let OrderPlaced {
            customer,
            placed_on,
            cds,
            total_cents,
            ..
        } = &placed.event;
        let (order, day) = (placed.id::<Order>()?, placed_on.to_string());
        let row = values![order.to_string(), &customer.0, day, *cds, total_cents.0];
        tx.run(PLACE, row).await?;
        Ok(())
    }
}

impl Project<OrderPaid> for OrderSummaries {
    async fn project(
        &self,
        paid: &Envelope<OrderPaid>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        set_status("paid", paid.stream.id(), tx).await
    }
}

impl Project<OrderShipped> for OrderSummaries {
    async fn project(
        &self,
        shipped: &Envelope<OrderShipped>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        set_status("shipped", shipped.stream.id(), tx).await
    }
}

impl Project<OrderCancelled> for OrderSummaries {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        set_status("cancelled", cancelled.stream.id(), tx).await
    }
}

async fn set_status(
    status: &str,
    order: &str,
    tx: &mut AnyTransaction,
) -> Result<(), HandlerError> {
    tx.run(SET_STATUS, values![status, order]).await?;
    Ok(())
}
