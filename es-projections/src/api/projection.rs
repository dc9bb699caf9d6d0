//! The traits of projections.

use super::{any::AnyReadDatabase, database::ReadDatabase, dialect::Dialect, error::HandlerError};
use es_runtime::{Envelope, EventFilter, EventSet, RecordedEvent};
use std::{borrow::Cow, future::Future};

/// A read model: the events that it is built from, and the version that this program builds.
///
/// Derive it, and implement [`Project`] for each event. Raise the version when the tables or the
/// handlers change. The new version is then built next to the live one and goes live once it has
/// caught up.
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
    /// What to do with an event that a newer program wrote.
    const ON_UNKNOWN_VERSION: OnUnknownVersion = OnUnknownVersion::Stop;
    /// Into how many partitions the keys are divided; each has a checkpoint and a worker of its own.
    const PARTITIONS: u32 = 1;

    /// The events that it is built from. Others are neither read nor decoded.
    fn filter() -> EventFilter;

    /// The key of an event, by default its stream. Events of one key are handled in order. When one
    /// of them is parked, the later ones of its key are parked too.
    ///
    /// An event for which it panics is parked, with the later ones of its stream.
    fn key(event: &RecordedEvent) -> Key<'_> {
        Key::Owned(event.stream.to_string())
    }
}

/// The key of an event. Events with the same key are handled in order.
pub type Key<'e> = Cow<'e, str>;

/// How a projection handles one kind of event. Implemented by applications.
///
/// A handler runs inside the transaction that also moves the checkpoint, so its writes through `tx`
/// take effect exactly once. A handler should do nothing else. For effects outside of the database,
/// use a [subscription](crate::Subscription).
///
/// An error or a panic rolls the transaction back. The event is retried and then parked, together
/// with the later events of its key; see [`Projections`](crate::Projections#failures).
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{E}` but does not say how to project it into `{Db}`",
    label = "there is no `impl Project<{E}, {Db}> for {Self}`",
    note = "write `impl Project<{E}, {Db}> for {Self} {{ async fn project(&self, event: &Envelope<{E}>, tx: &mut ..) -> Result<(), HandlerError> {{ .. }} }}`, or take the event out of `events(..)`"
)]
pub trait Project<E: EventSet, Db: ReadDatabase = AnyReadDatabase>:
    Lists<E> + TablesIn<Db>
{
    /// Writes the changes that the event makes to the tables.
    ///
    /// # Errors
    /// Any error of the handler. `?` turns every error into a [`HandlerError`].
    fn project(
        &self,
        event: &Envelope<E>,
        tx: &mut Db::Transaction,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Marks the events that a projection or a subscription lists. Implemented by the derives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` handles `{E}` but does not list it, so it would never get one",
    label = "`{E}` is not in the `events(..)` of `{Self}`",
    note = "add it to `events(..)`, or remove this impl"
)]
pub trait Lists<E> {}

/// Marks the read databases in which a projection has tables. Implemented by the derive.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has handlers for `{Db}` but no tables in it, so they would never run",
    label = "`schema` of `{Self}` does not name `{Db}`",
    note = "add `schema({Db} = include_str!(\"tables.sql\"))` to `#[projection(..)]`, or remove this impl",
    note = "handlers for any database are written as `impl Project<Event> for {Self}`, with `schema = ..`"
)]
pub trait TablesIn<Db> {}

/// Passes each stored event to the handler of its kind. Implemented by the derive, for each read
/// database that `schema(..)` names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no tables in `{Db}`",
    label = "`{Self}` is not for this read database",
    note = "name it in the derive's attribute: `#[projection(schema({Db} = include_str!(\"tables.sql\")))]`"
)]
pub trait Dispatch<Db: ReadDatabase = AnyReadDatabase>: Projection {
    /// The statements that create the tables. `{name}` declares or means a table, view, index or trigger
    /// of this projection. The first build refuses what a later build could not create again or drop.
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
/// An aggregate always refuses such an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnUnknownVersion {
    /// Waits at the event until a program that knows the version runs. The status shows the reason.
    #[default]
    Stop,
    /// Skips the event. The read model lacks it until the next rebuild.
    Skip,
}
