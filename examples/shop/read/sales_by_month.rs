//! One row a month: how many orders, and what they came to, without those that were cancelled.

use crate::domain::order::{OrderCancelled, OrderPlaced};
use es_runtime::{Envelope, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction, rusqlite::params};

#[derive(Projection)]
#[projection("sales_by_month", version = 1, events(OrderPlaced, OrderCancelled))]
#[projection(schema(Sqlite = include_str!("sales_by_month.sql")))]
pub struct SalesByMonth;

impl Project<OrderPlaced, Sqlite> for SalesByMonth {
    async fn project(
        &self,
        placed: &Envelope<OrderPlaced>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let month = placed.event.placed_on.strftime("%Y-%m").to_string();
        let cents = placed.event.total_cents.0;
        tx.execute(
            "INSERT INTO {sold_orders} VALUES (?1, ?2, ?3)",
            params![placed.stream.id(), month, cents],
        )?;
        add(tx, &month, 1, cents)
    }
}

impl Project<OrderCancelled, Sqlite> for SalesByMonth {
    async fn project(
        &self,
        cancelled: &Envelope<OrderCancelled>,
        tx: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        let sold: Option<(String, i64)> = tx.select_one(
            "DELETE FROM {sold_orders} WHERE order_id = ?1 RETURNING month, cents",
            [cancelled.stream.id()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (month, cents) = sold.ok_or_else(|| HandlerError::new("it was never placed"))?;
        add(tx, &month, -1, -cents)
    }
}

fn add(
    tx: &mut SqliteTransaction,
    month: &str,
    orders: i64,
    cents: i64,
) -> Result<(), HandlerError> {
    tx.execute(
        "INSERT INTO {sales_by_month} VALUES (?1, ?2, ?3)
         ON CONFLICT (month) DO UPDATE SET
             orders = orders + excluded.orders, cents = cents + excluded.cents",
        params![month, orders, cents],
    )?;
    Ok(())
}
