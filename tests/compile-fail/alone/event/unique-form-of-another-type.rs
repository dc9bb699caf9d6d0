use es_runtime::Event;
use serde::{Deserialize, Serialize};

fn normal(number: &u64) -> String {
    number.to_string()
}

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.email", form = normal)]
    email: String,
}

fn main() {}
