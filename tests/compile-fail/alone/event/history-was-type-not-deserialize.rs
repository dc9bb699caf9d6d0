use es_runtime::Event;
use serde::{Deserialize, Serialize};

struct Dollars(i64);

impl From<Dollars> for i64 {
    fn from(old: Dollars) -> i64 {
        old.0
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed", version = 2)]
struct OrderPlaced {
    #[event(was(type = Dollars, before = 2))]
    total_cents: i64,
}

fn main() {}
