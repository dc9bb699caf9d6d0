use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(pivot)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[step(pivot)]
    async fn ship(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
