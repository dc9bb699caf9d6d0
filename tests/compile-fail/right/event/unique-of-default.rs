use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", version = 2)]
struct Registered {
    name: String,
    #[event(since = 2)]
    #[unique("customer.email")]
    email: Option<String>,
}

fn main() {}
