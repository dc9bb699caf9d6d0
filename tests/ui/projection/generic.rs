#![allow(unused_imports)]

use es_runtime::{Envelope, Event, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema(Sqlite = ""))]
struct Orders<T>(T);

fn keep(_: impl Project<OrderPlaced, Sqlite>, _: Envelope<()>, _: SqliteTransaction, _: HandlerError) {}

fn main() {}
