#![allow(unused_imports)]

use es_runtime::{Envelope, Event, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema(Sqlite = 3))]
struct Orders;

impl Project<OrderPlaced, Sqlite> for Orders {
    async fn project(&self, _: &Envelope<OrderPlaced>, _: &mut SqliteTransaction) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
