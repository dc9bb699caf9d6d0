//! A process manager: what it reacts to, beyond what its aggregate says.

use crate::attr::{CratePath, process::SentTo, projection::Entry};
use proc_macro2::{Ident, Span};
use syn::{Attribute, Generics};

pub(crate) struct Process {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    pub(crate) reacts: Vec<Entry>,
    /// The commands that it sends, `None` where it does not say.
    pub(crate) sends: Option<Vec<SentTo>>,
    /// Where it says that it has timers.
    pub(crate) timers: Option<Span>,
    /// Where it asks for rejections.
    pub(crate) rejections: Option<Span>,
    pub(crate) allows: Vec<Attribute>,
}
