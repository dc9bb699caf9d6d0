use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn reserve(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[step(undo = refund)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[undo]
    async fn refund(&self, reserve: &String) -> Result<(), Fail> {
        let _ = reserve;
        Ok(())
    }
}

fn main() {}
