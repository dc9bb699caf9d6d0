use es_sagas::saga;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) {}
}

fn main() {}
