use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Event, Serialize, Deserialize)]
#[event("order.shipped")]
struct OrderShipped {}

#[derive(Projection)]
#[projection(
    "orders",
    events(OrderPlaced, OrderShipped),
    schema(SqliteReadDatabase = "CREATE TABLE {orders} (id TEXT)")
)]
struct Orders;

impl Project<OrderPlaced, SqliteReadDatabase> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderPlaced>,
        _: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl Project<OrderShipped, SqliteReadDatabase> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderShipped>,
        _: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
