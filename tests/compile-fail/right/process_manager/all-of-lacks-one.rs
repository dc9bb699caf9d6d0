use es_runtime::{Aggregate, Apply, Envelope, Event};
use es_sagas::{ProcessManager, ReactTo, Reactions};
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

#[derive(Event, Serialize, Deserialize)]
#[event("count.done")]
struct Counted {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("count", id = String, error = std::convert::Infallible, events(Counted))]
#[process_manager(reacts(all of Order::{OrderPlaced, ignore(OrderShipped)}))]
struct Count {}

impl Apply<Counted> for Count {
    fn apply(&mut self, _: &Counted) {}
}

impl ReactTo<OrderPlaced> for Count {
    fn correlate(placed: &Envelope<OrderPlaced>) -> Option<String> {
        Some(placed.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<OrderPlaced>) -> Reactions<Self> {
        Reactions::none()
    }
}

fn main() {}
