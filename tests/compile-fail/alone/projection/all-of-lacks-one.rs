use es_projections::{AnyTransaction, HandlerError, Project, Projection};
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
#[aggregate(events(ignore(OrderPlaced, OrderShipped)))]
struct Order {}

#[derive(Projection)]
#[projection("orders", events(all of Order::{OrderPlaced}), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders;

impl Project<OrderPlaced> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderPlaced>,
        _: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
