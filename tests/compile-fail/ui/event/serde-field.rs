use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    #[serde(flatten)]
    address: Address,
    #[serde(alias = "client")]
    customer: String,
    #[serde(default)]
    currency: String,
    #[serde(skip)]
    cache: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<String>,
    #[serde(rename(serialize = "a", deserialize = "b"))]
    amount: u64,
}

#[derive(Serialize, Deserialize)]
struct Address {
    street: String,
}

fn main() {}
