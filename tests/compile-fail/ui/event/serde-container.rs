use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.tagged")]
#[serde(tag = "type")]
struct Tagged {
    customer: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order.converted")]
#[serde(from = "String", into = "String")]
struct Converted {
    customer: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.bare")]
#[serde(transparent)]
struct Bare {
    customer: String,
}

impl From<String> for Converted {
    fn from(customer: String) -> Self {
        Self { customer }
    }
}

impl From<Converted> for String {
    fn from(converted: Converted) -> Self {
        converted.customer
    }
}

fn main() {}
