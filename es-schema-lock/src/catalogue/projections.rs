//! Projections and subscriptions in a catalogue.

use super::{Catalogue, twice::Owned};
use es_projections::{Projection, Subscription};

impl Catalogue {
    /// Adds a projection: a [`reader`](Self::reader) of the events that it is built from.
    #[must_use]
    pub fn projection<P: Projection>(mut self) -> Self {
        self.twice.own::<P>(Owned::Projection, P::NAME);
        self.reader("projection", P::NAME, &P::filter())
    }

    /// Adds a subscription: a [`reader`](Self::reader) of the events that it gets.
    #[must_use]
    pub fn subscription<S: Subscription>(mut self) -> Self {
        self.twice.own::<S>(Owned::Subscription, S::NAME);
        self.reader("subscription", S::NAME, &S::filter())
    }
}
