use es_runtime::Event;
use serde::{Deserialize, Serialize};

mod old {
    #[derive(super::Event, super::Serialize, super::Deserialize)]
    #[event("order.placed")]
    pub struct OrderPlaced {
        pub customer: u32,
    }
}

impl From<old::OrderPlaced> for OrderPlaced {
    fn from(old: old::OrderPlaced) -> Self {
        Self {
            customer: old.customer.to_string(),
        }
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, previous = old::OrderPlaced)]
struct OrderPlaced {
    customer: String,
}

fn main() {}
