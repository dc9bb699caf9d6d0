use es_decisions::Decision;
use es_runtime::{Aggregate, Apply, Event};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("account.moved")]
struct Moved {
    cents: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("there is not enough money")]
struct NotEnough;

#[derive(Aggregate, Clone, Default)]
#[aggregate("account", id = String, error = NotEnough, events(Moved))]
struct Account {
    cents: i64,
}

impl Apply<Moved> for Account {
    fn apply(&mut self, event: &Moved) {
        self.cents += event.cents;
    }
}

struct Transfer {
    from: String,
    to: String,
    cents: i64,
}

fn name<D: Decision>(_: &D) -> &'static str {
    D::NAME
}

fn named(transfer: &Transfer) -> &'static str {
    name(transfer)
}

fn main() {}
