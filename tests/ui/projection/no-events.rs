#![allow(unused_imports)]

use es_runtime::{Envelope, Event, HandlerError, Project, Projection};
use es_sqlite::{Sqlite, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", schema(Sqlite = ""))]
struct Orders;

fn main() {}
