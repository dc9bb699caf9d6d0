//! An aggregate: its state, the events and commands that it lists.

use super::retire::Retired;
use crate::attr::{
    CratePath,
    aggregate::{Codec, Events, Listed, Snapshot},
};
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Type, Visibility};

pub(crate) struct Aggregate {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported; so are the next three.
    pub(crate) name: Option<LitStr>,
    pub(crate) id: Option<Type>,
    pub(crate) error: Option<Type>,
    pub(crate) events: Option<Events>,
    pub(crate) retired: Vec<Retired>,
    pub(crate) event_enum: Ident,
    pub(crate) commands: Option<Vec<Listed>>,
    pub(crate) command_enum: Ident,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) codec: Codec,
    pub(crate) allows: Vec<Attribute>,
}
