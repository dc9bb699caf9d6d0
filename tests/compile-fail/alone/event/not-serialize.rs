use es_runtime::Event;

#[derive(Event, serde::Deserialize)]
#[event("order.placed")]
struct OrderPlaced {
    customer: String,
}

fn main() {}
