//! A guest, whose e-mail address no other guest has.

use super::GuestId;
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
use serde::{Deserialize, Serialize};

/// Somebody became a guest.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("guest.registered", version = 2)]
#[event(removed(newsletter: bool, in = 2))]
pub struct GuestRegistered {
    pub name: String,
    #[event(was(name = "mail", before = 2))]
    #[unique("guest.email", form = same_address)]
    pub email: String,
}

/// A guest has another e-mail address. The old one is free for others.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("guest.email_changed")]
pub struct GuestEmailChanged {
    #[unique("guest.email", form = same_address)]
    pub email: String,
}

/// What two spellings of one address have in common.
fn same_address(email: &str) -> String {
    email.trim().to_lowercase()
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct RegisterGuest {
    pub name: String,
    pub email: String,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct ChangeEmail {
    pub email: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    #[error("there is no such guest")]
    NoSuchGuest,
    #[error("the guest is registered already")]
    AlreadyRegistered,
    #[error("an e-mail address has an @")]
    NoEmail,
    #[error("a guest has a name")]
    NoName,
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("guest", id = GuestId, error = GuestError)]
#[aggregate(
    events(GuestRegistered, GuestEmailChanged),
    commands(RegisterGuest, ChangeEmail)
)]
pub struct Guest {
    name: String,
    email: Option<String>,
}

impl Guest {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address. `None` where there is no such guest.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Apply<GuestRegistered> for Guest {
    fn apply(&mut self, event: &GuestRegistered) {
        self.name.clone_from(&event.name);
        self.email = Some(event.email.clone());
    }
}

impl Apply<GuestEmailChanged> for Guest {
    fn apply(&mut self, event: &GuestEmailChanged) {
        self.email = Some(event.email.clone());
    }
}

// That no other guest has the address is for the store: this guest knows nothing of them.
impl Handle<RegisterGuest> for Guest {
    fn handle(
        &self,
        RegisterGuest { name, email }: RegisterGuest,
    ) -> Result<Events<Self>, GuestError> {
        if self.email.is_some() {
            return Err(GuestError::AlreadyRegistered);
        }
        if name.trim().is_empty() {
            return Err(GuestError::NoName);
        }
        if !email.contains('@') {
            return Err(GuestError::NoEmail);
        }
        Ok(GuestRegistered { name, email }.into())
    }
}

impl Handle<ChangeEmail> for Guest {
    fn handle(&self, ChangeEmail { email }: ChangeEmail) -> Result<Events<Self>, GuestError> {
        let known = self.email.as_ref().ok_or(GuestError::NoSuchGuest)?;
        if !email.contains('@') {
            return Err(GuestError::NoEmail);
        }
        if *known == email {
            return Ok(Events::none());
        }
        Ok(GuestEmailChanged { email }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_testkit::{given, given_nothing};

    es_schema_lock::schema_lock!(Guest, "schema/booking/guest.lock");
    es_testkit::laws!(
        Guest,
        commands(RegisterGuest, ChangeEmail),
        values("email" => ["ada@example.com", "Ada@Example.com ", "ada"]),
        lock("schema/booking/guest.lock"),
    );

    fn register(email: &str) -> RegisterGuest {
        RegisterGuest {
            name: "Ada".to_owned(),
            email: email.to_owned(),
        }
    }

    #[test]
    fn a_guest_has_an_address() {
        given_nothing::<Guest>()
            .when(register("ada"))
            .then_rejected(GuestError::NoEmail)
            .when(ChangeEmail {
                email: "ada@example.com".to_owned(),
            })
            .then_rejected(GuestError::NoSuchGuest);
    }

    #[test]
    fn the_address_changes() {
        let registered = GuestRegistered {
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
        };
        given::<Guest>(registered)
            .when(ChangeEmail {
                email: "ada@example.org".to_owned(),
            })
            .then(GuestEmailChanged {
                email: "ada@example.org".to_owned(),
            });
    }
}
