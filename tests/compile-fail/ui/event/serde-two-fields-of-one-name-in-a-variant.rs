#![allow(unreachable_patterns)] // serde's, about the same mistake

use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
enum OrderEvent {
    #[event("order.placed")]
    Placed {
        line_total: u32,
        #[serde(rename = "lineTotal")]
        total: u32,
    },
}

fn main() {}
