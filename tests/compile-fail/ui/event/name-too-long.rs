use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(
    "order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.order.placed"
)]
struct OrderPlaced {}

fn main() {}
