use es_projections::{AnyReadDatabase, HandlerError, Project, Projection, ReadDatabase};
use es_runtime::{Envelope, Event};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection(
    "orders",
    events(OrderPlaced),
    schema(
        sqlite = "CREATE TABLE {orders} (id TEXT)",
        postgres = "CREATE TABLE {orders} (id TEXT)",
        SqliteReadDatabase = "CREATE TABLE {orders} (id TEXT)"
    )
)]
struct Orders;

impl Project<OrderPlaced> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderPlaced>,
        _: &mut <AnyReadDatabase as ReadDatabase>::Transaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl Project<OrderPlaced, SqliteReadDatabase> for Orders {
    async fn project(
        &self,
        _: &Envelope<OrderPlaced>,
        _: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn main() {}
