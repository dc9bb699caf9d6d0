use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.closed", releases(customer.email))]
struct Closed {}

fn main() {}
