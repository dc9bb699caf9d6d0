use es_compile_fail::{Warehouse, WarehouseTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection(
    "orders",
    events(OrderPlaced),
    schema(Warehouse = "CREATE TABLE {orders} (id TEXT)")
)]
struct Orders;

impl Project<OrderPlaced, Warehouse> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderPlaced>,
        _: &mut WarehouseTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
