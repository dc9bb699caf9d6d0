//! Events that are only read any more.

use ::renamed::{Aggregate, Apply, Event};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// Written until 2024.
#[deprecated(note = "write `Reopened`")]
#[derive(Event, Serialize, Deserialize, Debug)]
#[event("old.opened", crate = "::renamed")]
pub(crate) struct Opened {
    pub(crate) by: String,
}

/// Written until 2025.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event(crate = "::renamed")]
#[deprecated]
pub(crate) enum Fact {
    #[event("old.fact.opened")]
    Opened,
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("old", id = String, error = Infallible, crate = "::renamed", events(Opened))]
#[allow(deprecated, reason = "it must still be read")]
pub(crate) struct Old;

#[allow(deprecated)]
impl Apply<Opened> for Old {
    fn apply(&mut self, event: &Opened) {
        let _ = &event.by;
    }
}

/// Uses each type once.
#[allow(deprecated)]
pub(crate) const fn old() {
    let _ = (Old, Fact::Opened);
}
