use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", crate = "es")]
struct OrderPlaced {}

fn main() {}
