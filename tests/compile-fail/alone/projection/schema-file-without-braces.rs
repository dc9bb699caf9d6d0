use es_projections::{AnyReadDatabase, HandlerError, Project, Projection, ReadDatabase};
use es_runtime::{Envelope, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema = include_str!("without_braces.sql"))]
struct Orders;

impl Project<OrderPlaced> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut <AnyReadDatabase as ReadDatabase>::Transaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
