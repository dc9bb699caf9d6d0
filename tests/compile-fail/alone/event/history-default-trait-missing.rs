use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Currency(String);

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(since = 2, default = Default::default())]
    currency: Currency,
}

fn main() {}
