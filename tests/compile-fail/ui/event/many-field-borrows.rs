use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum OrderEvent {
    #[event("order.placed")]
    Placed {
        #[serde(borrow)]
        currency: Option<&'static str>,
        codes: std::borrow::Cow<'static, [&'static str]>,
    },
}

fn main() {}
