//! A guest. Two guests never have the same e-mail address.

use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("guest.registered")]
pub struct Registered {
    pub name: String,
    #[unique("guest.email", form = same_address)]
    pub email: String,
}

/// What two spellings of one address have in common.
fn same_address(email: &str) -> String {
    email.trim().to_lowercase()
}

#[derive(Clone)]
pub struct Register {
    pub name: String,
    pub email: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum GuestError {
    #[error("the guest is registered already")]
    Registered,
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("guest", id = String, error = GuestError, events(Registered))]
pub struct Guest {
    pub name: Option<String>,
}

impl Apply<Registered> for Guest {
    fn apply(&mut self, event: &Registered) {
        self.name = Some(event.name.clone());
    }
}

impl Handle<Register> for Guest {
    fn handle(&self, Register { name, email }: Register) -> Result<Events<Self>, GuestError> {
        match self.name {
            None => Ok(Registered { name, email }.into()),
            Some(_) => Err(GuestError::Registered),
        }
    }
}
