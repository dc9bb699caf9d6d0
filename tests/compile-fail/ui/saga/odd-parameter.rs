use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

struct Services;

#[saga("fulfil", deps = Services)]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self, (a, b): (u32, u32)) -> Result<u32, Fail> {
        Ok(a + b)
    }
}

fn main() {}
