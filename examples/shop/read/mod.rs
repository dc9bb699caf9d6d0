//! The read side: three read models, each kept up from the events that it lists, and the queries. All
//! of it in SQLite and in PostgreSQL, with the same SQL wherever both take it.

mod customers;
mod order_summaries;
mod queries;
mod sales_by_month;

pub use customers::Customers;
pub use order_summaries::OrderSummaries;
pub use queries::{Month, Queries, Report};
pub use sales_by_month::SalesByMonth;

use es_projections::{Dispatch, Projections, ReadDatabase};
use es_runtime::EventStore;

/// Every read model of the shop, from the events of `store` into `read`.
pub fn models<S, Db>(store: S, read: Db) -> Projections<S, Db>
where
    S: EventStore,
    Db: ReadDatabase,
    OrderSummaries: Dispatch<Db>,
    SalesByMonth: Dispatch<Db>,
    Customers: Dispatch<Db>,
{
    Projections::new(store, read)
        // One shop, one database: whoever comes last works on.
        .take_over(true)
        .with(OrderSummaries)
        .with(SalesByMonth)
        .with(Customers)
}
