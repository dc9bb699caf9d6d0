use es_sagas::{AggregateCommand, Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[command(no_undo)]
    fn confirm(&self) -> Result<AggregateCommand, Fail> {
        Err(Fail::fatal("no"))
    }
}

fn main() {}
