use es_sagas::{Fail, StepCx, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

struct Services;

#[saga("fulfil", deps = Services)]
impl Fulfil {
    #[step(no_undo, reconcile = charged)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    async fn charged(&self, _: &Services, _: &StepCx) -> Result<u32, Fail> {
        Ok(2)
    }
}

fn main() {}
