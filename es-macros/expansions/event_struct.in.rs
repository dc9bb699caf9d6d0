#[event("order.placed", version = 3, crate = "::es")]
#[event(removed(coupon: Option<String>, in = 3, after = customer))]
pub struct OrderPlaced {
    /// Who.
    pub customer: String,
    #[event(since = 2, default = "USD")]
    pub currency: Currency,
    #[event(was(name = "total", type = f64, with = cents_from_dollars, before = 3))]
    pub total_cents: i64,
    #[serde(with = "as_text")]
    #[event(was(name = "no", before = 3), was(type = u32, before = 2))]
    pub number: u64,
}
