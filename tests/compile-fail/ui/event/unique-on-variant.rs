use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum CustomerEvent {
    #[event("customer.registered")]
    #[unique("customer.email")]
    Registered {
        email: String,
    },
    #[event("customer.closed", releases("customer.email"))]
    Closed,
}

fn main() {}
