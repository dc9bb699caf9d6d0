#[event("customer.registered", version = 2, releases("customer.alias", keep = "3d"))]
struct Registered {
    #[unique(form = normal)]
    #[unique("customer.domain", form = Self::domain)]
    email: String,
    #[unique("customer.phone", keep = "200ms")]
    #[event(since = 2)]
    phone: Option<Phone>,
    name: String,
}
