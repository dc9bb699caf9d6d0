use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.opened")]
    Opened {
        #[event(version = 2)]
        owner: String,
    },
}

fn main() {}
