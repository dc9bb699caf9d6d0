use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.email", claims_default)]
    email: String,
}

fn main() {}
