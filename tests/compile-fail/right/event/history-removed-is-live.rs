use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2, removed(voucher: Option<String>, in = 2))]
struct OrderPlaced {
    coupon: String,
}

fn main() {}
