use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("size.changed")]
struct OrderPlaced {}

fn main() {}
