use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum CustomerEvent {
    #[event("customer.registered")]
    Registered {
        #[unique("customer.email")]
        email: String,
    },
    #[event("customer.closed", releases("customer.email"))]
    Closed,
}

fn main() {}
