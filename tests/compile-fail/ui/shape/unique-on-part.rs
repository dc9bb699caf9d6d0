use es_runtime::{Event, Shape};
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
struct Contact {
    #[unique("customer.email")]
    email: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    contact: Contact,
}

fn main() {}
