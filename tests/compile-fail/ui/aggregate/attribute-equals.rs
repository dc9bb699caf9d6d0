use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate = "order"]
struct Order {}

fn main() {}
