//! The serde attributes that an event may have.

use ::renamed::{Aggregate, Apply, Event};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// Numbers as text.
pub mod text {
    use ::serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use ::std::{prelude::v1::*, string::String};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is no number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Renamed fields, a function for one, nothing unknown.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("serde.opened", crate = "::renamed")]
#[serde(rename_all = "camelCase", deny_unknown_fields, rename = "Renamed")]
pub struct Opened {
    /// Stored as `holderName`.
    pub holder_name: String,
    /// Stored as text.
    #[serde(with = "text", rename = "limit")]
    pub credit_limit: u64,
    /// Both ways by hand.
    #[serde(
        serialize_with = "text::serialize",
        deserialize_with = "text::deserialize"
    )]
    pub other: u64,
}

/// The same on an enum.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
#[serde(
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fact {
    /// Its variant's own name is not stored.
    #[event("serde.fact.opened")]
    #[serde(rename = "o")]
    Opened {
        /// Stored as `holderName`.
        holder_name: String,
        /// Stored as text.
        #[serde(with = "text")]
        credit_limit: u64,
    },
    /// Nothing is stored.
    #[event("serde.fact.closed")]
    Closed,
}

/// The state.
#[derive(Aggregate, Default, Debug)]
#[aggregate("serde", id = String, error = Infallible, events = Fact, crate = "::renamed")]
pub struct State;

impl Apply<Fact> for State {
    fn apply(&mut self, _: &Fact) {}
}
