#![allow(unused_imports)]

use es_projections::{HandlerError, Project, Projection};
use es_runtime::{Envelope, Event};
use es_projections::AnyTransaction;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {}

#[derive(Projection)]
#[projection("orders", events(OrderPlaced), schema = "CREATE TABLE {orders} (id TEXT)")]
struct Orders<T>(T);

fn keep(_: impl Project<OrderPlaced>, _: Envelope<()>, _: &AnyTransaction, _: HandlerError) {}

fn main() {}
