//! Projections and subscriptions in a catalogue.

use super::Catalogue;
use es_projections::{Projection, Subscription};

impl Catalogue {
    /// Adds a projection: a [`reader`](Self::reader) of the events that it is built from.
    #[must_use]
    pub fn projection<P: Projection>(self) -> Self {
        self.reader("projection", P::NAME, &P::filter())
    }

    /// Adds a subscription: a [`reader`](Self::reader) of the events that it gets.
    #[must_use]
    pub fn subscription<S: Subscription>(self) -> Self {
        self.reader("subscription", S::NAME, &S::filter())
    }
}
