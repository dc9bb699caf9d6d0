use es_sagas::{AggregateCommand, Fail, Failure, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil", version = 0, deadline = "soon")]
impl Fulfil {
    #[step]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[step(undo = unship, timeout = "1 s")]
    async fn ship(&self, reserve: &u32) -> Result<u32, Fail> {
        Ok(*reserve)
    }

    #[compensated]
    async fn back(&self, why: &Failure) -> Result<AggregateCommand, Fail> {
        Err(Fail::fatal(&why.message))
    }
}

fn main() {}
