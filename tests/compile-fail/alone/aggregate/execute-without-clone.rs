use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

struct PlaceOrder;

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced))]
struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Infallible> {
        Ok(OrderPlaced {}.into())
    }
}

async fn run(orders: &es_runtime::Repository<Order, es_runtime::MemoryStore>) {
    let _ = orders.execute("1", PlaceOrder).await;
}

fn main() {}
