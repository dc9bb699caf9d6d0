use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", table = "orders")]
struct OrderPlaced {}

fn main() {}
