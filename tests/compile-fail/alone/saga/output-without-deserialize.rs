use es_sagas::{Effect, Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[derive(Serialize)]
struct Receipt(u32);

#[saga("fulfil")]
impl Fulfil {
    #[step(undo = refund)]
    async fn charge(&self) -> Result<Receipt, Fail> {
        Ok(Receipt(1))
    }

    #[undo]
    async fn refund(&self, did: Effect<&Receipt>) -> Result<(), Fail> {
        let _ = did;
        Ok(())
    }
}

fn main() {}
