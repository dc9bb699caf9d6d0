use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent<T> {
    #[event("account.opened")]
    Opened { owner: T },
}

fn main() {}
