use es_runtime::Event;

#[derive(Event)]
#[event("order.placed")]
struct OrderPlaced {
    customer: String,
}

fn main() {}
