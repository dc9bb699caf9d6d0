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

impl TryFrom<v1::OrderPlaced> for OrderPlaced {
    type Error = String;

    fn try_from(_: v1::OrderPlaced) -> Result<Self, String> {
        Ok(Self { total: 0 })
    }
}

fn main() {}
