use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event("account.opened")]
    #[serde(alias = "Created")]
    Opened { owner: String },
    #[event("account.closed")]
    #[serde(skip)]
    Closed,
}

fn main() {}
