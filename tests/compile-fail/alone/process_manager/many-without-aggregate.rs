use es_runtime::{Envelope, Event};
use es_sagas::{ProcessManager, ReactTo, Reactions};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(ProcessManager, Default)]
#[process_manager(reacts(OrderPlaced))]
pub struct Fulfilment {}

impl ReactTo<OrderPlaced> for Fulfilment {
    fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
        Some(1)
    }

    fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
        Reactions::none()
    }
}

fn main() {}
