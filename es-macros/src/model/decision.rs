//! A decision: what it reads, and with which error it is rejected.

use crate::attr::CratePath;
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
    pub(crate) reads_struct: Ident,
    pub(crate) allows: Vec<Attribute>,
}

/// One aggregate that it reads.
pub(crate) struct Read {
    pub(crate) name: Ident,
    pub(crate) aggregate: Path,
    /// The field with its id, as the struct has it and at the place where it is named.
    pub(crate) field: Ident,
}
