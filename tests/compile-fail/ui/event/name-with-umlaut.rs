use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("größe.geändert")]
struct OrderPlaced {}

fn main() {}
