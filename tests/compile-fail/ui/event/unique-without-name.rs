use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("shop.customer.registered")]
struct Registered {
    #[unique]
    email: String,
}

fn main() {}
