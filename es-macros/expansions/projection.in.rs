#[projection("order_summaries", version = 2, events(OrderPlaced, shipping::OrderShipped))]
#[projection(schema(SqliteReadDatabase = include_str!("order_summaries.sql")))]
#[projection(on_unknown_version = skip, partitions = 4, key = customer_of)]
pub struct OrderSummaries;
