use es_projections::Projection;
use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = std::convert::Infallible)]
#[aggregate(events(ignore(OrderPlaced), ignore(OrderShipped)))]
#[aggregate(alias("OrderPlaced" => OrderPlaced))]
struct Order {}

#[derive(Projection)]
#[projection("orders", events(Order::{OrderShipped}), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders;

fn main() {}
