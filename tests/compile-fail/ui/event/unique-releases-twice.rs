use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.closed", releases("customer.email"), releases("customer.email", keep = "3d"))]
struct Closed {}

fn main() {}
