use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[step(no_undo)]
    async fn ship(&self, charge: &String) -> Result<u32, Fail> {
        let _ = charge;
        Ok(7)
    }
}

fn main() {}
