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
    #[start(of = Order)]
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        Some(Start::new(placed.stream.id(), Self {}))
    }

    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
