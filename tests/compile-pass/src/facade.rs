//! es-runtime through another crate's module, and under `crate::..`.

pub use ::renamed as es;

/// The derives find their crate under this path.
pub mod inner {
    use super::es::{Aggregate, Apply, Event};
    use ::serde::{Deserialize, Serialize};
    use ::std::{convert::Infallible, prelude::v1::*};

    /// A fact.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event("facade.opened", version = 1, crate = "crate::facade::es")]
    pub struct Opened {}

    /// Its state.
    #[derive(Aggregate, Default, Debug)]
    #[aggregate("facade", id = String, error = Infallible, events(Opened))]
    #[aggregate(crate = crate::facade::es)]
    pub struct Facade;

    impl Apply<Opened> for Facade {
        fn apply(&mut self, _: &Opened) {}
    }

    /// The enum form.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
    #[event(crate = "crate::facade::es")]
    pub enum Fact {
        /// Opened.
        #[event("fact.opened")]
        Opened,
    }
}
