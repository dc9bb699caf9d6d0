//! Raw identifiers everywhere.

use ::renamed::{Aggregate, Apply, Event, Events, Handle};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// A keyword as a type.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("raw.match", crate = "::renamed")]
pub struct Match {
    /// Stored as `type`.
    pub r#type: String,
}

/// A keyword as a module.
pub mod r#mod {
    use ::renamed::Event;
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::*;

    /// An event in it.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("raw.in.mod", crate = "::renamed")]
    pub struct InMod {}
}

/// A raw state.
#[derive(Aggregate, Default, Debug)]
#[aggregate("raw", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(r#Match, r#mod::InMod), commands(r#Do))]
pub struct r#Raw {
    r#fn: String,
}

/// A raw command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Do;

impl Apply<Match> for Raw {
    fn apply(&mut self, event: &Match) {
        self.r#fn.clone_from(&event.r#type);
    }
}

impl Apply<r#mod::InMod> for Raw {
    fn apply(&mut self, _: &r#mod::InMod) {}
}

impl Handle<Do> for Raw {
    fn handle(&self, _: Do) -> Result<Events<Self>, Infallible> {
        Ok(r#mod::InMod {}.into())
    }
}

/// Raw variants and fields.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Fact {
    /// A raw variant.
    #[event("raw.fact")]
    r#Fn {
        /// A raw field.
        r#struct: u8,
    },
}
