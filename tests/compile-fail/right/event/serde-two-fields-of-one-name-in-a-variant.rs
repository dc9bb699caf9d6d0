use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
enum OrderEvent {
    #[event("order.placed")]
    Placed {
        line_total: u32,
        #[serde(rename = "total")]
        total: u32,
    },
}

fn main() {}
