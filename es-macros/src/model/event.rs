//! One event, or an enum of events.

use super::{history::History, retire::Retired, tag::Tags, unique::UniqueRule};
use crate::attr::CratePath;
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Visibility};

/// What `#[derive(Event)]` stands on.
pub(crate) enum Item {
    Struct(EventStruct),
    Enum(EventEnum),
}

/// A struct that is one event.
pub(crate) struct EventStruct {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    pub(crate) kind: Kind,
    pub(crate) allows: Vec<Attribute>,
}

/// An enum whose variants are events.
pub(crate) struct EventEnum {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    pub(crate) variants: Vec<EventVariant>,
    pub(crate) retired: Vec<Retired>,
    pub(crate) allows: Vec<Attribute>,
}

/// One variant of an [`EventEnum`].
pub(crate) struct EventVariant {
    pub(crate) ident: Ident,
    pub(crate) kind: Kind,
}

/// What is stored with each event of one kind.
pub(crate) struct Kind {
    /// `None` where it is missing or ill-formed, which was reported.
    pub(crate) name: Option<LitStr>,
    /// `None` where it is ill-formed, which was reported.
    pub(crate) version: Option<u16>,
    /// The older versions; empty where a fault was reported.
    pub(crate) history: History,
    /// What it does to unique values.
    pub(crate) unique: Vec<UniqueRule>,
    pub(crate) tags: Tags,
}

impl Kind {
    /// The version that is written.
    pub(crate) fn written(&self) -> u16 {
        let newest = self.version.unwrap_or(1);
        if self.history.back.is_some() {
            newest.saturating_sub(1)
        } else {
            newest
        }
    }

    /// The stored name, for messages.
    pub(crate) fn text(&self) -> String {
        self.name.as_ref().map(LitStr::value).unwrap_or_default()
    }
}
