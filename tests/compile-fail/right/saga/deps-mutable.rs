use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

struct Services;

#[saga("fulfil", deps = Services)]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self, services: &Services) -> Result<u32, Fail> {
        let Services = services;
        Ok(1)
    }
}

fn main() {}
