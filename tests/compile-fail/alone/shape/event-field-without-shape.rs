use es_runtime::{Event, schema::EventShapes};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Opaque;

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    opaque: Opaque,
}

const _: usize = OrderPlaced::SHAPES.len();

fn main() {}
