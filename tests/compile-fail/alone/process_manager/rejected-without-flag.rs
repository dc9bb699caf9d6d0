use es_runtime::{Aggregate, Apply, Envelope, Event};
use es_sagas::{ProcessManager, ReactTo, Reactions};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("payment.received")]
pub struct PaymentReceived {}

#[derive(Event, Serialize, Deserialize)]
#[event("fulfilment.begun")]
pub struct Begun {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("fulfilment", id = u64, error = Infallible, events(Begun))]
#[process_manager(reacts(OrderPlaced))]
pub struct Fulfilment {}

impl Apply<Begun> for Fulfilment {
    fn apply(&mut self, _: &Begun) {}
}

impl ReactTo<OrderPlaced> for Fulfilment {
    fn correlate(_: &Envelope<OrderPlaced>) -> Option<u64> {
        Some(1)
    }

    fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
        Reactions::none()
    }
}

impl es_sagas::OnRejected for Fulfilment {
    fn rejected(&self, _: &es_sagas::Rejected) -> Reactions<Self> {
        Reactions::none()
    }
}

fn main() {}
