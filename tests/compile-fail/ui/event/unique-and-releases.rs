use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", releases("customer.email"))]
struct Registered {
    #[unique("customer.email")]
    email: String,
}

fn main() {}
