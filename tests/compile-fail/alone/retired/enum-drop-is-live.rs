use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(drop("order.placed"))]
enum OrderEvent {
    #[event("order.placed")]
    Placed,
}

fn main() {}
