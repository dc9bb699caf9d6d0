use es_decisions::{Decide, Decision, Emitted};
use es_runtime::{Aggregate, Apply, Event, Events};
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

#[derive(Decision)]
#[decision("transfer", error = NotEnough, reads(from: Account(from, to)))]
struct Transfer {
    from: String,
    to: String,
    cents: i64,
}

impl Decide for Transfer {
    fn decide(&self, read: &TransferReads) -> Result<Emitted<Self>, NotEnough> {
        if read.from.cents < self.cents {
            return Err(NotEnough);
        }
        let into: Events<Account> = Moved { cents: self.cents }.into();
        let out: Events<Account> = Moved { cents: -self.cents }.into();
        Ok(Emitted::new().on(&self.from, out).on(&self.to, into))
    }
}

fn main() {}
