use es_runtime::Event;
use serde::{Deserialize, Serialize};

mod v1 {
    use super::*;

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed")]
    pub struct OrderPlaced {}
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, previous = v1::OrderPlaced)]
struct OrderPlaced {
    total: u64,
}

fn main() {}
