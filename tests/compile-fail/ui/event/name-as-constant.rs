use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(names::ORDER_PLACED)]
struct OrderPlaced {}

fn main() {}
