use es_runtime::Event;
use serde::{Deserialize, Serialize};

mod v1 {
    use super::*;

    #[derive(Event, Serialize, Deserialize)]
    #[event("order.placed")]
    pub struct OrderPlaced {}
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 3, previous = v1::OrderPlaced)]
struct OrderPlaced {
    total: u64,
}

impl From<v1::OrderPlaced> for OrderPlaced {
    fn from(_: v1::OrderPlaced) -> Self {
        Self {
            total: 0,
        }
    }
}

fn main() {}
