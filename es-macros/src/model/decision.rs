//! A decision: what it reads, and with which error it is rejected.

use crate::attr::{CratePath, decision::Emit};
use proc_macro2::Ident;
use syn::{Attribute, Generics, LitStr, Path, Type, Visibility};

pub(crate) struct Decision {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    /// `None` where it is missing or ill-formed, which was reported; so are the next two.
    pub(crate) name: Option<LitStr>,
    pub(crate) error: Option<Type>,
    pub(crate) reads: Option<Vec<Read>>,
    /// The events that it stores without an aggregate; `None` where a fault in the list was reported.
    pub(crate) emits: Option<Vec<Emit>>,
    pub(crate) reads_struct: Ident,
    pub(crate) allows: Vec<Attribute>,
}

/// One aggregate or fold that it reads.
pub(crate) struct Read {
    pub(crate) name: Ident,
    pub(crate) source: Path,
    /// The fields with its id or tags, as the struct has them and at the places where they are named.
    pub(crate) fields: Vec<Ident>,
}
