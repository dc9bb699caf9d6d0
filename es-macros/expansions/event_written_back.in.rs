#[event("order.placed", version = 2, write = 1)]
#[event(removed(channel: String, in = 2, back = "web"))]
pub struct OrderPlaced {
    #[event(was(name = "client", before = 2))]
    customer: String,
    #[event(was(type = f64, with = to_cents, back = to_dollars, before = 2))]
    cents: i64,
    #[event(since = 2, default = "USD")]
    currency: String,
}
