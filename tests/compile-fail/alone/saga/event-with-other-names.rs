use es_sagas::{Fail, Start, saga};
use es_runtime::{Aggregate, Envelope, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = std::convert::Infallible)]
#[aggregate(events(ignore(OrderPlaced), ignore(OrderShipped)))]
#[aggregate(alias("OrderPlaced" => OrderPlaced))]
struct Order {}

#[derive(Serialize, Deserialize)]
struct Fulfil {}

#[saga("fulfil")]
impl Fulfil {
    #[start]
    fn placed(placed: &Envelope<OrderPlaced>) -> Option<Start<Self>> {
        Some(Start::new(placed.stream.id(), Self {}))
    }

    #[step(no_undo)]
    async fn charge(&self) -> Result<u32, Fail> {
        Ok(1)
    }
}

fn main() {}
