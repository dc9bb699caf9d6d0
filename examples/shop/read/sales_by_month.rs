//! One row a month: how many orders, and what they came to, without those that were cancelled.

use crate::domain::order::{OrderCancelled, OrderPlaced};
use es_postgres::{PostgresReadDatabase, PostgresTransaction, tokio_postgres::Row};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::Envelope;
use es_sqlite::{SqliteReadDatabase, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection("sales_by_month", version = 1, events(OrderPlaced, OrderCancelled))]
#[projection(schema(
    SqliteReadDatabase = include_str!("sqlite/sales_by_month.sql"),
    PostgresReadDatabase = include_str!("postgres/sales_by_month.sql"),
))]
pub struct SalesByMonth;

const PLACE: &str = "INSERT INTO {sold_orders} VALUES ($1, $2, $3)";
const CANCEL: &str = "DELETE FROM {sold_orders} WHERE order_id = $1 RETURNING month, cents";
const ADD: &str = "INSERT INTO {sales_by_month} VALUES ($1, $2, $3)
                   ON CONFLICT (month) DO UPDATE SET
                       orders = {sales_by_month}.orders + excluded.orders,
                       cents = {sales_by_month}.cents + excluded.cents";

impl Project<OrderPlaced, SqliteReadDatabase> for SalesByMonth {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let month = month_of(&placed.event);
        let cents = placed.event.total_cents.0;
        tx.execute(PLACE, params![placed.stream.id(), month, cents])?;
        tx.execute(ADD, params![month, 1, cents])?;
        Ok(())
    }
}

impl Project<OrderPlaced, PostgresReadDatabase> for SalesByMonth {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let month = month_of(&placed.event);
        let cents = placed.event.total_cents.0;
        tx.execute(PLACE, &[&placed.stream.id(), &month, &cents])
            .await?;
        tx.execute(ADD, &[&month, &1_i64, &cents]).await?;
        Ok(())
    }
}

impl Project<OrderCancelled, SqliteReadDatabase> for SalesByMonth {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let sold = tx.select_one(CANCEL, [cancelled.stream.id()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let (month, cents): (String, i64) = sold.ok_or_else(never_placed)?;
        tx.execute(ADD, params![month, -1, -cents])?;
        Ok(())
    }
}

impl Project<OrderCancelled, PostgresReadDatabase> for SalesByMonth {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        let row = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let sold = tx
            .select_one(CANCEL, &[&cancelled.stream.id()], row)
            .await?;
        let (month, cents): (String, i64) = sold.ok_or_else(never_placed)?;
        tx.execute(ADD, &[&month, &-1_i64, &-cents]).await?;
        Ok(())
    }
}

fn month_of(placed: &OrderPlaced) -> String {
    placed.placed_on.strftime("%Y-%m").to_string()
}

fn never_placed() -> HandlerError {
    HandlerError::new("it was never placed")
}
