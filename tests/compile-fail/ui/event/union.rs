use es_runtime::Event;

#[derive(Event)]
#[event("order.placed")]
union OrderPlaced {
    cents: u64,
}

fn main() {}
