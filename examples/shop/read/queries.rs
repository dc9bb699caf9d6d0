//! What the shop asks its read models.

use crate::domain::{Cents, CustomerId};
use es_postgres::{PostgresReadDatabase, tokio_postgres};
use es_runtime::StorageError;
use es_sqlite::{SqliteReadDatabase, rusqlite};

/// Questions that both databases answer in SQL, on connections that only read.
pub trait Queries {
    /// The orders of a customer, oldest first.
    async fn orders_of(&self, customer: &CustomerId) -> Result<Vec<OrderSummary>, StorageError>;

    /// Sales by month, the customers who spent the most, and the totals: all of one moment, whatever
    /// is written meanwhile.
    async fn report(&self, best: u32) -> Result<Report, StorageError>;
}

const ORDERS_OF: &str = "SELECT order_id, placed_on, cds, total_cents, status FROM order_summaries
                         WHERE customer_id = $1 ORDER BY placed_on, order_id";
const MONTHS: &str = "SELECT month, orders, cents FROM sales_by_month WHERE orders > 0
                      ORDER BY month";
const BEST: &str = "SELECT customer_id, orders, cds, spent_cents, regular FROM customers
                    WHERE orders > 0 ORDER BY spent_cents DESC, customer_id LIMIT $1";
// PostgreSQL adds BIGINTs up to a NUMERIC.
const TOTALS: &str = "SELECT count(*), count(DISTINCT customer_id),
                             CAST(coalesce(sum(cds), 0) AS BIGINT),
                             CAST(coalesce(sum(total_cents), 0) AS BIGINT)
                      FROM order_summaries WHERE status <> 'cancelled'";

#[derive(Default)]
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

impl Queries for SqliteReadDatabase {
    async fn orders_of(&self, customer: &CustomerId) -> Result<Vec<OrderSummary>, StorageError> {
        self.select(ORDERS_OF, [customer.0.clone()], |row| {
            Ok(OrderSummary {
                order: row.get(0)?,
                placed_on: row.get(1)?,
                cds: row.get(2)?,
                total: Cents(row.get(3)?),
                status: row.get(4)?,
            })
        })
        .await
    }

    async fn report(&self, best: u32) -> Result<Report, StorageError> {
        let month = |row: &rusqlite::Row<'_>| {
            Ok(Month {
                name: row.get(0)?,
                orders: row.get(1)?,
                total: Cents(row.get(2)?),
            })
        };
        let customer = |row: &rusqlite::Row<'_>| {
            Ok(BestCustomer {
                customer: row.get(0)?,
                orders: row.get(1)?,
                cds: row.get(2)?,
                spent: Cents(row.get(3)?),
                regular: row.get(4)?,
            })
        };
        let totals = |row: &rusqlite::Row<'_>| {
            Ok(Totals {
                purchases: row.get(0)?,
                customers: row.get(1)?,
                cds: row.get(2)?,
                total: Cents(row.get(3)?),
            })
        };
        self.snapshot(move |rows| {
            Ok(Report {
                months: rows
                    .prepare(MONTHS)?
                    .query_map([], month)?
                    .collect::<Result<_, _>>()?,
                best: rows
                    .prepare(BEST)?
                    .query_map([best], customer)?
                    .collect::<Result<_, _>>()?,
                totals: rows.query_row(TOTALS, [], totals)?,
            })
        })
        .await
    }
}

impl Queries for PostgresReadDatabase {
    async fn orders_of(&self, customer: &CustomerId) -> Result<Vec<OrderSummary>, StorageError> {
        self.select(ORDERS_OF, &[&customer.0], |row| {
            Ok(OrderSummary {
                order: row.try_get(0)?,
                placed_on: row.try_get(1)?,
                cds: row.try_get(2)?,
                total: Cents(row.try_get(3)?),
                status: row.try_get(4)?,
            })
        })
        .await
    }

    async fn report(&self, best: u32) -> Result<Report, StorageError> {
        let month = |row: &tokio_postgres::Row| {
            Ok(Month {
                name: row.try_get(0)?,
                orders: row.try_get(1)?,
                total: Cents(row.try_get(2)?),
            })
        };
        let customer = |row: &tokio_postgres::Row| {
            Ok(BestCustomer {
                customer: row.try_get(0)?,
                orders: row.try_get(1)?,
                cds: row.try_get(2)?,
                spent: Cents(row.try_get(3)?),
                regular: row.try_get(4)?,
            })
        };
        let totals = |row: &tokio_postgres::Row| {
            Ok(Totals {
                purchases: row.try_get(0)?,
                customers: row.try_get(1)?,
                cds: row.try_get(2)?,
                total: Cents(row.try_get(3)?),
            })
        };
        let rows = self.snapshot().await?;
        let report = Report {
            months: rows.select(MONTHS, &[], month).await?,
            best: rows.select(BEST, &[&i64::from(best)], customer).await?,
            // An aggregate without groups has one row.
            totals: rows
                .select(TOTALS, &[], totals)
                .await?
                .pop()
                .unwrap_or_default(),
        };
        rows.end().await;
        Ok(report)
    }
}
