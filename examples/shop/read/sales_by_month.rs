//! One row for each month: how many orders and their total, without cancelled ones.

use crate::domain::order::{OrderCancelled, OrderPlaced};
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::Envelope;

#[derive(Projection)]
#[projection("sales_by_month", version = 1, events(OrderPlaced, OrderCancelled))]
#[projection(schema = include_str!("sales_by_month.sql"))]
pub struct SalesByMonth;

const PLACE: &str = "INSERT INTO {sold_orders} VALUES ($1, $2, $3)";
const CANCEL: &str = "DELETE FROM {sold_orders} WHERE order_id = $1 RETURNING month, cents";
const ADD: &str = "INSERT INTO {sales_by_month} VALUES ($1, $2, $3)
                   ON CONFLICT (month) DO UPDATE SET
                       orders = {sales_by_month}.orders + excluded.orders,
                       cents = {sales_by_month}.cents + excluded.cents";

impl Project<OrderPlaced> for SalesByMonth {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let month = placed.event.placed_on.strftime("%Y-%m").to_string();
        let cents = placed.event.total_cents.0;
        tx.run(PLACE, values![placed.stream.id(), &month, cents])
            .await?;
        tx.run(ADD, values![month, 1, cents]).await?;
        Ok(())
    }
}

impl Project<OrderCancelled> for SalesByMonth {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let id = values![cancelled.stream.id()];
        let sold = tx.select_one(CANCEL, id).await?;
        let sold = sold.ok_or_else(never_placed)?;
        let (month, cents): (String, i64) = (sold.get(0)?, sold.get(1)?);
        tx.run(ADD, values![month, -1, -cents]).await?;
        Ok(())
    }
}

fn never_placed() -> HandlerError {
    HandlerError::new("it was never placed")
}
