use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum OrderEvent {
    #[event("order.placed")]
    Placed {
        currency: Option<String>,
        codes: Vec<String>,
    },
}

fn main() {}
