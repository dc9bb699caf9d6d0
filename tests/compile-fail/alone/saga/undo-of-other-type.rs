use es_sagas::{Effect, Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(undo = refund)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[undo]
    async fn refund(&self, did: Effect<&String>) -> Result<(), Fail> {
        let _ = did;
        Ok(())
    }
}

fn main() {}
