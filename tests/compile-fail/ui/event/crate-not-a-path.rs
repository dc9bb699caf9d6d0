use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", crate = 5)]
struct OrderPlaced {}

fn main() {}
