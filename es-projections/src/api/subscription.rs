//! Subscriptions: effects outside of any database, at least once and in order.

use super::{
    error::HandlerError,
    projection::{Key, Lists, OnUnknownVersion},
};
use es_runtime::{Envelope, EventFilter, EventSet, RecordedEvent};
use std::future::Future;

/// A consumer whose effects are outside of the read database: an e-mail, a webhook, a queue.
///
/// Derive it, and write one [`React`] for each event. Its position is kept like that of a
/// projection, but no transaction spans the effect and the position: after a crash between the two
/// the event comes again, with the same [`Delivery::id`]. So delivery is **at least once**, in order
/// for each key; whoever receives the effect recognises a repetition by the id.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a subscription",
    label = "`{Self}` does not implement `Subscription`",
    note = "add `#[derive(es_projections::Subscription)]` and `#[subscription(\"name\", events(..))]` to `{Self}`"
)]
pub trait Subscription: Send + Sync + 'static {
    /// The name under which the position is kept. It never changes.
    const NAME: &'static str;
    /// What happens with an event that a newer program wrote.
    const ON_UNKNOWN_VERSION: OnUnknownVersion = OnUnknownVersion::Stop;
    /// Into how many partitions the keys are divided; each has a position and a worker of its own.
    const PARTITIONS: u32 = 1;
    /// Whether it begins with the first event of the store; otherwise with the first one after it
    /// was started for the first time.
    const FROM_THE_BEGINNING: bool = true;

    /// The events that it gets.
    fn filter() -> EventFilter;

    /// The key of an event: see [`Projection::key`](crate::Projection::key).
    fn key(event: &RecordedEvent) -> Key<'_> {
        Key::Owned(event.stream.to_string())
    }
}

/// What a subscription does with one kind of event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how to react to it",
    label = "there is no `impl React<{E}> for {Self}`",
    note = "write the impl, or take the event out of `events(..)`"
)]
pub trait React<E: EventSet>: Lists<E> {
    /// Has the effect, and gives its id to whoever receives it.
    ///
    /// It may take long: the partition is kept meanwhile, as long as it does not block its thread. It has
    /// no time limit of its own, so give it one where the other side may never answer.
    ///
    /// # Errors
    /// Whatever it meets. It is tried again, then the event is parked with the later ones of its key.
    ///
    /// # Cancel safety
    /// It is dropped where a shutdown has waited for it as long as a lease lasts, and where another
    /// runner has taken the partition over. The event is delivered again under the same id.
    fn react(
        &self,
        event: &Envelope<E>,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Brings each stored event to the reaction to its kind. Derived.
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
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    id: String,
    attempt: u32,
}

impl Delivery {
    /// The delivery of this event to this subscription, at this attempt, from 1.
    pub fn new(subscription: &str, event: es_runtime::EventId, attempt: u32) -> Self {
        // Names of subscriptions and event ids are stable, so the id is the same after a crash.
        let id = uuid::Uuid::from_bytes(*event.as_bytes());
        let id = uuid::Uuid::new_v5(&id, subscription.as_bytes());
        Self {
            id: id.to_string(),
            attempt,
        }
    }

    /// The same for every attempt to deliver one event to one subscription: a UUID of version 5 out
    /// of the event's id and the subscription's name. An idempotency key for the other side.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The how manieth attempt of this program it is, from 1. After a restart it counts anew.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}
