use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.closed", version = 2)]
    Closed,
}

fn main() {}
