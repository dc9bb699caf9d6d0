use es_runtime::{Envelope, Event};
use es_sagas::{Fail, Start, saga};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[start]
    fn placed(_: &Envelope<OrderPlaced>) -> Start<Self> {
        Start::new("1", Self {})
    }

    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
