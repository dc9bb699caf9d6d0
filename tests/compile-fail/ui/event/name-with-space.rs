use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("Order Placed")]
struct OrderPlaced {}

fn main() {}
