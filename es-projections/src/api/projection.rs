//! What users write for a read model, and what the derive makes of it.

use super::{any::AnyReadDatabase, database::ReadDatabase, dialect::Dialect, error::HandlerError};
use es_runtime::{Envelope, EventFilter, EventSet, RecordedEvent};
use std::{borrow::Cow, future::Future};

/// A read model: which events it is made of, and which version of it this program builds.
///
/// Derive it, and write one [`Project`] for each event. Raise the version when the tables or the
/// handlers change: a new one is then built beside the one that answers queries, and takes its
/// place when it has caught up.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "`{Self}` does not implement `Projection`",
    note = "add `#[derive(es_projections::Projection)]` and `#[projection(\"name\", version = 1, events(..))]` to `{Self}`"
)]
pub trait Projection: Send + Sync + 'static {
    /// The name under which the checkpoint is kept. It never changes.
    const NAME: &'static str;
    /// The version that this program builds, 1 or more.
    const VERSION: u32;
    /// What happens with an event that a newer program wrote.
    const ON_UNKNOWN_VERSION: OnUnknownVersion = OnUnknownVersion::Stop;
    /// Into how many partitions the keys are divided; each has a checkpoint and a worker of its own.
    const PARTITIONS: u32 = 1;

    /// The events that it is made of; others are neither read nor decoded.
    fn filter() -> EventFilter;

    /// The key of an event. Events of one key are handled in order; when one of them cannot be
    /// handled, the later ones of its key wait with it. Usually the stream.
    fn key(event: &RecordedEvent) -> Key<'_> {
        Key::Owned(event.stream.to_string())
    }
}

/// A key that events share whose order matters.
pub type Key<'e> = Cow<'e, str>;

/// How a projection handles one kind of event in one kind of read database.
///
/// It runs inside the transaction that also moves the checkpoint: what it writes through `tx` counts
/// exactly once. Nothing else does, so it should do nothing else; for effects outside of the
/// database there are [subscriptions](crate::Subscription).
///
/// An error or a panic undoes the transaction. The event is tried again and then parked with the
/// later events of its key; see [`Projections`](crate::Projections).
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how to project it into `{Db}`",
    label = "there is no `impl Project<{E}, {Db}> for {Self}`",
    note = "write the impl, or take the event out of `events(..)`"
)]
pub trait Project<E: EventSet, Db: ReadDatabase = AnyReadDatabase>: Lists<E> {
    /// Writes what the event means for the tables.
    ///
    /// # Errors
    /// Whatever the handler meets; `?` turns every error into a [`HandlerError`].
    fn project(
        &self,
        event: &Envelope<E>,
        tx: &mut Db::Transaction,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Says that a projection or a subscription lists an event. Derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` handles `{E}` but does not list it, so it would never get one",
    label = "`{E}` is not in the `events(..)` of `{Self}`",
    note = "add it to `events(..)`, or remove this impl"
)]
pub trait Lists<E> {}

/// Brings each stored event to the handler of its kind. Derived, for each read database that
/// `schema(..)` names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no tables in `{Db}`",
    label = "`{Self}` is not for this read database",
    note = "name it in the derive's attribute: `#[projection(schema({Db} = include_str!(\"tables.sql\")))]`"
)]
pub trait Dispatch<Db: ReadDatabase = AnyReadDatabase>: Projection {
    /// The statements that create the tables. `{name}` stands for a table or an index of the
    /// projection's own.
    fn schema(dialect: Dialect) -> Cow<'static, str>;

    /// Decodes the event and calls its handler.
    ///
    /// # Errors
    /// [`HandlerError`] of the decoder or of the handler.
    fn dispatch(
        &self,
        event: &RecordedEvent,
        tx: &mut Db::Transaction,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// What a consumer does with an event whose version is newer than it knows.
///
/// An aggregate has no such choice: it always refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnUnknownVersion {
    /// Waits there, with the reason to be seen, until a program that knows the version runs it.
    #[default]
    Stop,
    /// Goes on without the event. It is lost to this read model until that is built again.
    Skip,
}
