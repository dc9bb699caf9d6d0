use es_sagas::{AggregateCommand, Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }

    #[completed]
    fn done(&self) -> Result<AggregateCommand, Fail> {
        Err(Fail::fatal("no"))
    }

    #[completed]
    fn done_again(&self) -> Result<AggregateCommand, Fail> {
        Err(Fail::fatal("no"))
    }
}

fn main() {}
