use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Clone)]
struct PlaceOrder;

#[derive(Clone)]
struct ShipOrder;

#[derive(Clone)]
struct CancelOrder;

#[derive(Aggregate)]
#[aggregate("order", id = String, error = Infallible, events(OrderPlaced, OrderShipped))]
#[aggregate(commands(PlaceOrder, ShipOrder))]
struct Order {}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {}
}

impl Apply<OrderShipped> for Order {
    fn apply(&mut self, _: &OrderShipped) {}
}

impl Handle<PlaceOrder> for Order {
    fn handle(&self, _: PlaceOrder) -> Result<Events<Self>, Infallible> {
        Ok(OrderPlaced {}.into())
    }
}

impl Handle<ShipOrder> for Order {
    fn handle(&self, _: ShipOrder) -> Result<Events<Self>, Infallible> {
        Ok(es_runtime::events![OrderShipped {}])
    }
}

impl Handle<CancelOrder> for Order {
    fn handle(&self, _: CancelOrder) -> Result<Events<Self>, Infallible> {
        let mut events = Events::none();
        events.push(OrderShipped {});
        Ok(events)
    }
}

async fn run(orders: &es_runtime::Repository<Order, es_runtime::MemoryStore>) {
    let _ = orders.execute("1", PlaceOrder).await;
    let _ = orders.load("1").await;
}

fn main() {}
