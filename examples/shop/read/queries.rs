//! What the shop asks its read models.

use crate::domain::{Cents, CustomerId};
use es_runtime::StorageError;
use es_sqlite::Sqlite;

/// Answers questions in SQL, on connections that only read.
pub struct OrderQueryService {
    read: Sqlite,
}

pub struct Totals {
    pub purchases: i64,
    pub customers: i64,
    pub cds: i64,
    pub total: Cents,
}

pub struct Month {
    /// `1997-01`.
    pub name: String,
    pub orders: i64,
    pub total: Cents,
}

pub struct BestCustomer {
    pub customer: String,
    pub orders: i64,
    pub cds: i64,
    pub spent: Cents,
    pub regular: bool,
}

pub struct OrderSummary {
    pub order: String,
    pub placed_on: String,
    pub cds: i64,
    pub total: Cents,
    pub status: String,
}

/// Everything that the report shows, of one moment.
pub struct Report {
    pub months: Vec<Month>,
    pub best: Vec<BestCustomer>,
    pub totals: Totals,
}

impl OrderQueryService {
    pub fn new(read: Sqlite) -> Self {
        Self { read }
    }

    /// The orders of a customer, oldest first.
    pub async fn orders_of(
        &self,
        customer: &CustomerId,
    ) -> Result<Vec<OrderSummary>, StorageError> {
        let sql = "SELECT order_id, placed_on, cds, total_cents, status FROM order_summaries
                   WHERE customer_id = ?1 ORDER BY placed_on, order_id";
        self.read
            .select(sql, [customer.0.clone()], |row| {
                Ok(OrderSummary {
                    order: row.get("order_id")?,
                    placed_on: row.get("placed_on")?,
                    cds: row.get("cds")?,
                    total: Cents(row.get("total_cents")?),
                    status: row.get("status")?,
                })
            })
            .await
    }

    /// Sales by month, the customers who spent the most, and the totals: all of one moment, whatever
    /// is written meanwhile.
    pub async fn report(&self, best: u32) -> Result<Report, StorageError> {
        self.read
            .snapshot(move |rows| {
                let months = rows
                    .prepare(
                        "SELECT month, orders, cents FROM sales_by_month WHERE orders > 0
                         ORDER BY month",
                    )?
                    .query_map([], |row| {
                        Ok(Month {
                            name: row.get(0)?,
                            orders: row.get(1)?,
                            total: Cents(row.get(2)?),
                        })
                    })?
                    .collect::<Result<_, _>>()?;
                let best = rows
                    .prepare(
                        "SELECT customer_id, orders, cds, spent_cents, regular FROM customers
                         WHERE orders > 0 ORDER BY spent_cents DESC, customer_id LIMIT ?1",
                    )?
                    .query_map([best], |row| {
                        Ok(BestCustomer {
                            customer: row.get(0)?,
                            orders: row.get(1)?,
                            cds: row.get(2)?,
                            spent: Cents(row.get(3)?),
                            regular: row.get(4)?,
                        })
                    })?
                    .collect::<Result<_, _>>()?;
                let totals = rows.query_row(
                    "SELECT count(*), count(DISTINCT customer_id), coalesce(sum(cds), 0),
                            coalesce(sum(total_cents), 0)
                     FROM order_summaries WHERE status <> 'cancelled'",
                    [],
                    |row| {
                        Ok(Totals {
                            purchases: row.get(0)?,
                            customers: row.get(1)?,
                            cds: row.get(2)?,
                            total: Cents(row.get(3)?),
                        })
                    },
                )?;
                Ok(Report {
                    months,
                    best,
                    totals,
                })
            })
            .await
    }
}
