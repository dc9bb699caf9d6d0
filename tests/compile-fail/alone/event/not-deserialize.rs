use es_runtime::Event;

#[derive(Event, serde::Serialize)]
#[event("order.placed")]
struct OrderPlaced {
    customer: String,
}

fn main() {}
