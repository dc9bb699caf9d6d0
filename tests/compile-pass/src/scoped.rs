//! Items in a function body.

use ::renamed::{Aggregate, Apply, Event, EventSet};
use ::serde::{Deserialize, Serialize};
use ::std::{convert::Infallible, prelude::v1::*};

/// How many events the aggregate inside lists.
#[must_use]
pub const fn count() -> usize {
    #[derive(Event, Serialize, Deserialize)]
    #[event("scoped.opened", crate = "::renamed")]
    struct Opened {}

    #[derive(Event, Serialize, Deserialize)]
    #[event("scoped.closed", crate = "::renamed")]
    struct Closed {}

    #[derive(Aggregate, Default)]
    #[aggregate("scoped", id = String, error = Infallible, crate = "::renamed")]
    #[aggregate(events(Opened, ignore(Closed)))]
    struct Scoped;

    impl Apply<Opened> for Scoped {
        fn apply(&mut self, _: &Opened) {}
    }

    let _ = Scoped;
    <ScopedEvent as EventSet>::TYPES.len()
}
