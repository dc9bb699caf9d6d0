use es_sagas::{Fail, saga};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Fulfil {}

struct Receipt(u32);

#[saga("fulfil")]
impl Fulfil {
    #[step(no_undo)]
    async fn charge(&self) -> Result<Receipt, Fail> {
        Ok(Receipt(1))
    }

    #[step(pivot)]
    async fn ship(&self, charge: &Receipt) -> Result<u32, Fail> {
        Ok(charge.0)
    }
}

fn main() {}
