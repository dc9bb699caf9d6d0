//! What the shop asks its read models.

use crate::domain::{Cents, CustomerId};
use es_projections::{AnyReadDatabase, ColumnError, SqlRow, values};
use es_runtime::StorageError;

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
#[derive(Default)]
pub struct Report {
    pub months: Vec<Month>,
    pub best: Vec<BestCustomer>,
    pub totals: Totals,
}

/// The orders of a customer, oldest first.
pub async fn orders_of(
    read: &AnyReadDatabase,
    customer: &CustomerId,
) -> Result<Vec<OrderSummary>, StorageError> {
    let rows = read.select(ORDERS_OF, values![&customer.0]).await?;
    let order = |row: &SqlRow| {
        Ok(OrderSummary {
            order: row.get(0)?,
            placed_on: row.get(1)?,
            cds: row.get(2)?,
            total: Cents(row.get(3)?),
            status: row.get(4)?,
        })
    };
    Ok(rows.iter().map(order).collect::<Result<_, ColumnError>>()?)
}

/// Sales by month, the customers who spent the most, and the totals: one snapshot, whatever is
/// written meanwhile.
pub async fn report(read: &AnyReadDatabase, best: u32) -> Result<Report, StorageError> {
    let found = read
        .snapshot(&[
            (MONTHS, values![]),
            (BEST, values![best]),
            (TOTALS, values![]),
        ])
        .await?;
    let [months, customers, totals] = found.as_slice() else {
        return Ok(Report::default());
    };
    let month = |row: &SqlRow| {
        Ok(Month {
            name: row.get(0)?,
            orders: row.get(1)?,
            total: Cents(row.get(2)?),
        })
    };
    let customer = |row: &SqlRow| {
        Ok(BestCustomer {
            customer: row.get(0)?,
            orders: row.get(1)?,
            cds: row.get(2)?,
            spent: Cents(row.get(3)?),
            regular: row.get(4)?,
        })
    };
    let total = |row: &SqlRow| {
        Ok::<_, ColumnError>(Totals {
            purchases: row.get(0)?,
            customers: row.get(1)?,
            cds: row.get(2)?,
            total: Cents(row.get(3)?),
        })
    };
    Ok(Report {
        months: months
            .iter()
            .map(month)
            .collect::<Result<_, ColumnError>>()?,
        best: customers
            .iter()
            .map(customer)
            .collect::<Result<_, ColumnError>>()?,
        totals: totals.first().map(total).transpose()?.unwrap_or_default(),
    })
}
