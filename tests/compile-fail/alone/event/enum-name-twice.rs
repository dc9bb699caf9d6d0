use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.opened")]
    Opened { owner: String },
    #[event("account.opened")]
    Reopened,
}

fn main() {}
