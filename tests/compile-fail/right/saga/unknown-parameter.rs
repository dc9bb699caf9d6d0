use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

struct Services;

#[saga("fulfil", deps = Services)]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[step(no_undo)]
    async fn ship(&self, services: &Services, charge: &u32) -> Result<u32, Fail> {
        let _ = services;
        Ok(*charge)
    }
}

fn main() {}
