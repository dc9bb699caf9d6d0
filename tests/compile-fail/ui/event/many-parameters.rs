use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced<'a, T> {
    customer: std::borrow::Cow<'a, str>,
    payload: T,
}

fn main() {}
