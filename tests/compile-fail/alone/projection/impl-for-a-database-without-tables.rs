use es_projections::{AnyReadDatabase, HandlerError, Project, Projection, ReadDatabase};
use es_runtime::{Envelope, Event};
use es_compile_fail::{Warehouse, WarehouseTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders;

impl Project<OrderPlaced> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut <AnyReadDatabase as ReadDatabase>::Transaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl Project<OrderPlaced, Warehouse> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut WarehouseTransaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
