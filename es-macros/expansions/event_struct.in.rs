#[event("order.placed", version = 2, crate = "::es")]
pub struct OrderPlaced {
    pub customer: String,
}
