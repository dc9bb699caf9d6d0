//! The read side: three read models, each kept up from the events that it lists, and the queries.

mod customers;
mod order_summaries;
mod queries;
mod sales_by_month;

pub use customers::Customers;
pub use order_summaries::OrderSummaries;
pub use queries::{Month, OrderQueryService, Report};
pub use sales_by_month::SalesByMonth;

use es_runtime::Projections;
use es_sqlite::{Sqlite, SqliteStore};

/// Every read model of the shop, in the file of its events.
pub fn read_models(store: &SqliteStore) -> Projections<SqliteStore, Sqlite> {
    Projections::new(store.clone(), store.read_database())
        // One shop, one file: whoever comes last works on.
        .take_over(true)
        .with(OrderSummaries)
        .with(SalesByMonth)
        .with(Customers)
}
