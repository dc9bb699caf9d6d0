use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("Order Placed", versoin = 2, crate = "es")]
#[event(table = "orders")]
struct OrderPlaced {
    #[event(since = 2)]
    #[serde(flatten)]
    address: std::collections::BTreeMap<String, String>,
}

fn main() {}
