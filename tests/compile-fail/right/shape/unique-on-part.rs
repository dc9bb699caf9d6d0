use es_runtime::{Event, Shape};
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
struct Contact {
    email: String,
}

fn email(contact: &Contact) -> String {
    contact.email.clone()
}

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.email", form = email)]
    contact: Contact,
}

fn main() {}
