use es_runtime::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered", releases("customer.phone"), releases)]
struct Registered {
    #[unique(email, keep = 3)]
    email: String,
    #[unique("customer.login", form = "normal", keep = "3")]
    login: String,
    #[unique("customer.phone")]
    phone: String,
    #[unique("customer.login", lower = normal)]
    alias: String,
}

fn main() {}
