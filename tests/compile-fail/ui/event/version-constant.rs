use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = limits::CURRENT)]
struct OrderPlaced {}

fn main() {}
