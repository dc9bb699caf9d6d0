//! The read side: three read models, each built from the events that it lists, and the queries. Written
//! once, for SQLite and PostgreSQL.

mod customers;
mod order_summaries;
mod queries;
mod sales_by_month;

pub use customers::Customers;
pub use order_summaries::OrderSummaries;
pub use queries::{Month, Report, orders_of, report};
pub use sales_by_month::SalesByMonth;

use es_projections::{AnyReadDatabase, Projections};
use es_runtime::AnyStore;

/// All of them.
pub fn read_models(store: AnyStore, read: AnyReadDatabase) -> Projections {
    Projections::new(store, read)
        .with(OrderSummaries)
        .with(SalesByMonth)
        .with(Customers)
}
