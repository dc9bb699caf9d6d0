use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.opened", version = 0)]
    Opened {
        owner: String,
    },
    Closed,
    #[event("account.frozen")]
    Frozen(String),
}

fn main() {}
