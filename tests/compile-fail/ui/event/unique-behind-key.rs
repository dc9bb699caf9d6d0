use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique(rule = "customer.email")]
    email: String,
}

fn main() {}
