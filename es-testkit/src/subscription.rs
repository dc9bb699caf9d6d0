//! Given these events, a subscription is called with them.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::history::{self, Given, Stored};
use es_projections::{Deliver, Delivery};
use es_runtime::{Aggregate, AnyStore, AsId, EventStore, Events, MemoryStore, Position, ReadLimit};

/// A subscription and events. It needs no database.
///
/// ```
/// use es_projections::{Delivery, HandlerError, React, Subscription};
/// use es_runtime::{Aggregate, Envelope, Event};
/// use es_testkit::subscription::SubscriptionTest;
/// use serde::{Deserialize, Serialize};
/// use std::{collections::BTreeMap, sync::Mutex};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("order.placed")]
/// struct OrderPlaced { customer: String }
///
/// #[derive(Aggregate, Default)]
/// #[aggregate("order", id = u32, error = std::convert::Infallible, events(ignore(OrderPlaced)))]
/// struct Order {}
///
/// #[derive(Subscription, Default)]
/// #[subscription("mailer", events(OrderPlaced))]
/// struct Mailer {
///     /// Stands for a service that knows the keys of its requests.
///     sent: Mutex<BTreeMap<String, String>>,
/// }
///
/// impl React<OrderPlaced> for Mailer {
///     async fn react(&self, placed: &Envelope<OrderPlaced>, delivery: &Delivery) -> Result<(), HandlerError> {
///         let mut sent = self.sent.lock().map_err(|_| HandlerError::new("poisoned"))?;
///         sent.insert(delivery.id().to_owned(), placed.event.customer.clone());
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mailer = SubscriptionTest::new(Mailer::default())
///     .given::<Order>(1, OrderPlaced { customer: "ann".into() })
///     .given::<Order>(2, OrderPlaced { customer: "bob".into() })
///     .deliver_twice()
///     .await;
/// let sent: Vec<_> = mailer.sent.into_inner().unwrap().into_values().collect();
/// assert_eq!(sent.len(), 2);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a test tests nothing before `deliver` or `deliver_twice`"]
pub struct SubscriptionTest<D> {
    subscription: D,
    given: Vec<Given>,
}

impl<D: Deliver> SubscriptionTest<D> {
    /// Tests this subscription.
    pub fn new(subscription: D) -> Self {
        Self {
            subscription,
            given: Vec::new(),
        }
    }

    /// With these events on the aggregate with this id: one event, or `events![..]`.
    ///
    /// # Panics
    /// When the id is no stream id, or an event cannot be stored and read back by the aggregate's codec.
    #[track_caller]
    pub fn given<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        events: impl Into<Events<A>>,
    ) -> Self {
        self.given
            .push(Given::new(history::append::<A>(id, events)));
        self
    }

    /// With this event, on the stream that its tag names.
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[cfg(feature = "decisions")]
    #[track_caller]
    pub fn given_event<E: es_runtime::Event>(mut self, event: E) -> Self {
        self.given.push(Given::new(history::append_event(event)));
        self
    }

    /// Delivers each event that the subscription lists, in order, and returns the subscription.
    ///
    /// # Panics
    /// When a delivery fails.
    pub async fn deliver(self) -> D {
        self.run(1).await
    }

    /// Delivers each event twice with the same [`Delivery::id`], as after a crash. What the subscription did must
    /// be the same as after one delivery.
    ///
    /// # Panics
    /// When a delivery fails.
    pub async fn deliver_twice(self) -> D {
        self.run(2).await
    }

    async fn run(self, times: u32) -> D {
        let store = AnyStore::new(MemoryStore::new());
        let (mut after, filter) = (Position::START, D::filter());
        // Shown with the failure of a test, which compares what the subscription did.
        eprint!("{}", history::passed_over(D::NAME, &filter, &self.given));
        let mut stored = Stored::default();
        for given in self.given {
            stored.append(&store, given).await;
        }
        loop {
            let page = match store.read_feed(after, &filter, ReadLimit::default()).await {
                Ok(page) => page,
                Err(error) => panic!("{error}"),
            };
            for event in &page.events {
                for attempt in 1..=times {
                    let delivery = Delivery::new(D::NAME, event.event_id, attempt);
                    if let Err(error) = self.subscription.deliver(event, &delivery).await {
                        let at = stored.given_at(event.position);
                        let at = at.map_or_else(String::new, |at| format!("{at}: "));
                        panic!(
                            "{at}subscription `{}` failed on `{}`, version {} of {}, at attempt {attempt}: {}",
                            D::NAME,
                            event.name,
                            event.version,
                            event.stream,
                            error.as_error()
                        );
                    }
                }
            }
            if page.at_end {
                return self.subscription;
            }
            after = page.next;
        }
    }
}
