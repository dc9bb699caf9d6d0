use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[command(no_undo)]
    fn pay(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
