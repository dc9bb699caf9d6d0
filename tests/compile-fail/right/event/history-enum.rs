use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.opened", version = 2)]
    Opened {
        #[event(since = 2, default = 0)]
        limit: u32,
    },
}

fn main() {}
