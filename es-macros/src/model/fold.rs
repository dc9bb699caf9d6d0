//! A fold: a state that is rebuilt from the events with some tags.

use crate::attr::{CratePath, projection::Entry};
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Path};

pub(crate) struct Fold {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported.
    pub(crate) name: Option<LitStr>,
    /// The types of the tags; empty where a fault was reported.
    pub(crate) by: Vec<Path>,
    /// Empty where a fault was reported.
    pub(crate) events: Vec<Entry>,
    /// The function of the tags to the state before the first event; `Default` where there is none.
    pub(crate) initial: Option<Path>,
    /// Whether it is made of the newest event alone.
    pub(crate) last: bool,
    pub(crate) allows: Vec<Attribute>,
}
