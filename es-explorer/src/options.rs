//! What an explorer is given besides a store.

use crate::Application;
use std::{fmt, sync::Arc};

/// Whether the verbs that repair are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// The explorer only reads.
    #[default]
    Refused,
    /// Whoever reaches the explorer may retry, discard and repair, with the verbs of the application.
    Allowed,
}

/// Who is logged in. A mounted explorer stores it with what the person does.
///
/// The layer that checks the login inserts it into the extensions of the request, as
/// `request.extensions_mut().insert(Operator("ada".to_owned()))`. Without it the page asks for a name, which anybody can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(
    /// The name.
    pub String,
);

/// What an explorer is given besides a store. Without any of it, it reads only, and shows events as they are stored.
///
/// ```
/// use es_explorer::{Options, Writes};
///
/// let options = Options::new().writes(Writes::Allowed).operator("ada");
/// assert!(format!("{options:?}").contains("Allowed"));
/// ```
#[derive(Clone, Default)]
pub struct Options {
    pub(crate) application: Option<Arc<dyn Application>>,
    pub(crate) writes: Writes,
    pub(crate) operator: Option<String>,
}

impl Options {
    /// None of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// With what the application knows: events as they are read, states, the steps of its sagas, its catalogue and its verbs.
    #[must_use]
    pub fn application(mut self, application: Arc<dyn Application>) -> Self {
        self.application = Some(application);
        self
    }

    /// Whether its verbs are offered. They are not by default.
    #[must_use]
    pub fn writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    /// Who uses it, where it is one person. An [`Operator`] of a request counts before it.
    #[must_use]
    pub fn operator(mut self, name: impl Into<String>) -> Self {
        self.operator = Some(name.into());
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("has_application", &self.application.is_some())
            .field("writes", &self.writes)
            .field("operator", &self.operator)
            .finish()
    }
}
