#![allow(unused_imports)]

use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use es_sqlite::{SqliteReadDatabase, SqliteTransaction};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", schema(SqliteReadDatabase = "CREATE TABLE {orders} (id TEXT)"))]
struct Orders;

fn main() {}
