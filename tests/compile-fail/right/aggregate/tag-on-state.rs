use es_runtime::{Aggregate, Apply, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("customer.registered")]
struct Registered {
    #[unique("customer.email")]
    email: String,
}

#[derive(Aggregate, Default)]
#[aggregate("customer", id = String, error = std::convert::Infallible, events(Registered))]
struct Customer {
    email: String,
}

impl Apply<Registered> for Customer {
    fn apply(&mut self, event: &Registered) {
        self.email.clone_from(&event.email);
    }
}

fn main() {}
