#![allow(unreachable_patterns)] // serde's, about the same mistake

use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    #[serde(rename = "total")]
    sum: u32,
    total: u32,
}

fn main() {}
