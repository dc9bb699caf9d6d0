//! Subscriptions: effects outside of any database, at least once and in order.

use super::{
    error::HandlerError,
    projection::{Key, Lists, OnUnknownVersion},
};
use es_runtime::{Envelope, EventFilter, EventId, EventSet, RecordedEvent};
use std::{fmt, future::Future, sync::OnceLock};

/// A consumer whose effects are outside of the read database, such as an e-mail, a webhook or a
/// message in a queue.
///
/// Derive it, and implement [`React`] for each event. Its position is stored like that of a
/// projection, but no transaction covers both the effect and the position. The position moves
/// after each page of events, and at least every 100 milliseconds between two events. After a crash,
/// the events behind it are delivered again, each with the same [`Delivery::id`]. So delivery is
/// **at least once**, in order for each key. The receiver recognises a repetition by the id. A
/// runner with pages of one event (`Projections::page`) repeats at most one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a subscription",
    label = "`{Self}` does not implement `Subscription`",
    note = "add `#[derive(es_projections::Subscription)]` and `#[subscription(\"name\", events(..))]` to `{Self}`"
)]
pub trait Subscription: Send + Sync + 'static {
    /// The name under which the position is kept. It never changes.
    const NAME: &'static str;
    /// The version of the list of events, 1 or more. A new version goes on from the position of the
    /// one before, and programs of that one stop.
    const VERSION: u32 = 1;
    /// What to do with an event that a newer program wrote.
    const ON_UNKNOWN_VERSION: OnUnknownVersion = OnUnknownVersion::Stop;
    /// Into how many partitions the keys are divided; each has a position and a worker of its own.
    const PARTITIONS: u32 = 1;
    /// Whether it begins with the first event of the store. Otherwise it begins with the first
    /// event after its first start.
    const FROM_THE_BEGINNING: bool = true;

    /// The events that it gets.
    fn filter() -> EventFilter;

    /// The key of an event: see [`Projection::key`](crate::Projection::key).
    fn key(event: &RecordedEvent) -> Key<'_> {
        Key::Owned(event.stream.to_string())
    }
}

/// How a subscription reacts to one kind of event. Implemented by applications.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how to react to it",
    label = "there is no `impl React<{E}> for {Self}`",
    note = "write `impl React<{E}> for {Self} {{ async fn react(&self, event: &Envelope<{E}>, delivery: &Delivery) -> Result<(), HandlerError> {{ .. }} }}`, or take the event out of `events(..)`"
)]
pub trait React<E: EventSet>: Lists<E> {
    /// Performs the effect, and passes [`Delivery::id`] to the receiver.
    ///
    /// It may take long: the runner renews the lease meanwhile, provided that the reaction does not
    /// block its thread. The runner sets no time limit, so set one if the receiver may never
    /// answer.
    ///
    /// # Errors
    /// Any error of the reaction. The event is retried, and then parked together with the later
    /// events of its key.
    ///
    /// # Cancel safety
    /// It is dropped if a shutdown has waited for the length of a lease, or if another runner took
    /// the partition over. The event is then delivered again with the same id.
    fn react(
        &self,
        event: &Envelope<E>,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Passes each stored event to the reaction to its kind. Implemented by the derive.
pub trait Deliver: Subscription {
    /// Decodes the event and calls the reaction.
    ///
    /// # Errors
    /// [`HandlerError`] of the decoder or of the reaction.
    fn deliver(
        &self,
        event: &RecordedEvent,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// One delivery of one event to one subscription.
///
/// ```
/// use es_runtime::EventId;
/// use es_projections::Delivery;
///
/// let event = EventId::new();
/// let first = Delivery::new("mailer", event, 1);
/// let again = Delivery::new("mailer", event, 2);
/// assert_eq!(first.id(), again.id());
/// assert_ne!(first.id(), Delivery::new("invoices", event, 1).id());
/// // An id that was asked for is no part of a comparison.
/// assert_eq!(first, Delivery::new("mailer", event, 1));
/// assert_ne!(first, again);
/// ```
#[derive(Clone)]
pub struct Delivery {
    subscription: String,
    event: EventId,
    attempt: u32,
    /// Made when it is asked for: many handlers do not need it.
    id: OnceLock<String>,
}

impl Delivery {
    /// The delivery of this event to this subscription, at this attempt, from 1.
    pub fn new(subscription: &str, event: EventId, attempt: u32) -> Self {
        Self {
            subscription: subscription.to_owned(),
            event,
            attempt,
            id: OnceLock::new(),
        }
    }

    /// The id of the delivery, an idempotency key for the receiver. It is the same for every
    /// attempt to deliver one event to one subscription: a version 5 UUID made from the event's id
    /// and the subscription's name.
    pub fn id(&self) -> &str {
        // Names of subscriptions and event ids are stable, so the id is the same after a crash.
        self.id.get_or_init(|| {
            let event = uuid::Uuid::from_bytes(*self.event.as_bytes());
            uuid::Uuid::new_v5(&event, self.subscription.as_bytes()).to_string()
        })
    }

    /// The number of this attempt, from 1. A restart of the program resets it.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Whether the id was asked for makes no difference.
impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        let parts = |delivery: &Self| (delivery.event, delivery.attempt);
        parts(self) == parts(other) && self.subscription == other.subscription
    }
}

impl Eq for Delivery {}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
