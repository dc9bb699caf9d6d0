use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(alias("OrderPlaced" => Placed))]
enum OrderEvent {
    #[event("order.placed")]
    Placed,
}

fn main() {}
