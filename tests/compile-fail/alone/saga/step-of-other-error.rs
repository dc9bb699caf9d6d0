use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        Ok("1".parse()?)
    }

    #[step(no_undo)]
    async fn ship(&self, charge: &u32) -> Result<u32, Fail> {
        Ok(*charge)
    }
}

fn main() {}
