//! What a type looks like on the wire.

use super::{history::History, value_shape::ValueShape};
use crate::attr::CratePath;
use proc_macro2::Ident;
use syn::{Attribute, Generics, Visibility};

/// What `#[derive(Shape)]` stands on.
pub(crate) struct Shape {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: CratePath,
    pub(crate) allows: Vec<Attribute>,
    pub(crate) body: Body,
    pub(crate) unit: Option<String>,
    pub(crate) vis: Visibility,
    pub(crate) history: History,
}

/// The shape of a type.
pub(crate) enum Body {
    /// By a name that was given.
    Scalar(String),
    Of(Fields),
    Enum {
        variants: Vec<(String, Fields)>,
        /// How a variant is marked, if not by a name around it.
        tag: Option<String>,
    },
}

/// What a struct or variant holds.
pub(crate) enum Fields {
    Unit,
    /// One value, without anything around it.
    One(Box<ValueShape>),
    Tuple(Vec<ValueShape>),
    Named(Vec<(String, ValueShape)>),
}
