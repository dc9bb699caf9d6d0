//! A projection or a subscription: the events that it lists and what it does with them.

use crate::attr::{
    CratePath,
    projection::{Entry, Tables},
};
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Path};

pub(crate) struct Consumer {
    pub(crate) kind: Kind,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: u16,
    pub(crate) events: Vec<Entry>,
    pub(crate) tables: Vec<Tables>,
    pub(crate) skip_unknown_version: bool,
    pub(crate) partitions: u32,
    pub(crate) key: Option<Path>,
    pub(crate) from_now: bool,
    pub(crate) allows: Vec<Attribute>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Projection,
    Subscription,
}
