use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.cancelled")]
struct OrderPlaced {}

fn main() {}
