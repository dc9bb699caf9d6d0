#![allow(unused_imports)]

use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use es_projections::AnyTransaction;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

struct Order;

#[derive(Projection)]
#[projection("orders", events(OrderPlaced, Order), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders;

impl Project<OrderPlaced> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut AnyTransaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
