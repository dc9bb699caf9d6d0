use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&mut self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
