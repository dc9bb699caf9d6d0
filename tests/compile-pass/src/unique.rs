//! Unique values on odd fields: raw names, functions called like locals of generated code, values and rules
//! of macros, and fields with several rules.

use ::renamed::{Aggregate, Event};
use ::serde::{Deserialize, Serialize};
use ::std::{boxed::Box, convert::Infallible, prelude::v1::*};

fn value(text: &str) -> String {
    text.to_lowercase()
}

fn value_0(text: &str) -> String {
    text.trim().to_owned()
}

fn either(value: &Either) -> String {
    match value {
        Either::This(text) | Either::That(text) => text.to_owned(),
    }
}

/// A value with no text of its own.
#[derive(Serialize, Deserialize, ::renamed::Shape, Clone, Debug, PartialEq, Eq)]
#[shape(crate = "::renamed")]
pub enum Either {
    /// One.
    This(String),
    /// The other.
    That(String),
}

/// Raw names, two rules on one field, functions called like locals.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("odd.began", version = 2, crate = "::renamed", releases("odd.gone"))]
#[serde(rename_all = "camelCase")]
pub struct Began {
    /// The rule is called `odd.type`.
    #[unique(form = value, keep = "1d")]
    #[unique("odd.trimmed", form = value_0)]
    pub r#type: String,
    /// The rule is called `odd.theNumber`.
    #[unique]
    pub the_number: u64,
    /// Nothing while it is `None`.
    #[unique("odd.either", form = either, keep = "200ms")]
    #[event(since = 2)]
    pub either: Option<Either>,
    /// A function of the type.
    #[unique("odd.name", form = str::to_uppercase)]
    pub name: Box<str>,
    /// A function of the event.
    #[unique("odd.flag", form = Self::flag)]
    pub flag: bool,
    /// One for all older events, and there is one at most.
    #[unique("odd.first", claims_default)]
    #[event(since = 2, default = "first")]
    pub first: String,
    /// In no rule.
    pub other: u8,
}

impl Began {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "a function of the field's place"
    )]
    fn flag(flag: &bool) -> String {
        flag.to_string()
    }
}

/// Only gives back.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event("odd.ended", crate = ::renamed)]
#[event(releases("odd.type", keep = "3d",), releases("odd.name"))]
pub struct Ended {}

macro_rules! changed {
    ($rule:literal, $form:path, $field:ident: $ty:ty) => {
        /// Everything that the attribute has comes out of a macro.
        #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
        #[event("odd.changed", crate = "::renamed")]
        pub struct Changed {
            /// A value.
            #[unique($rule, form = $form)]
            pub $field: $ty,
        }
    };
}

changed!("odd.type", value, value: String);

/// Variants with and without rules.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Fact {
    /// Claims.
    #[event("fact.began")]
    Began {
        /// The rule is called `fact.fn`.
        #[unique]
        r#fn: u8,
        /// In no rule.
        value: String,
    },
    /// Without a rule.
    #[event("fact.went")]
    Went {
        /// A value.
        value: String,
    },
    /// Gives back.
    #[event("fact.ended", releases("fact.fn"))]
    Ended,
}

/// Each variant has a rule.
#[derive(Event, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[event(crate = "::renamed")]
pub enum Only {
    /// Gives back.
    #[event("only.ended", releases("only.name"))]
    Ended,
}

/// Its enum of events has the rules of each.
#[derive(Aggregate, Default, Debug)]
#[aggregate("odd", id = String, error = Infallible, crate = "::renamed")]
#[aggregate(events(ignore(Began, Ended, Changed)))]
#[allow(variant_size_differences)]
pub struct Odd {}
