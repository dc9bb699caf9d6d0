#![allow(unused_imports)]

use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use es_compile_fail::{Warehouse, WarehouseTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema(Warehouse = "CREATE TABLE {orders} (id TEXT)"))]
struct Orders;

impl Project<OrderPlaced, Warehouse> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut WarehouseTransaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn runs_in<Db: es_projections::ReadDatabase>(_: impl es_projections::Dispatch<Db>) {}

fn start<Db: es_projections::ReadDatabase>() {
    runs_in::<Db>(Orders);
}

fn main() {}
