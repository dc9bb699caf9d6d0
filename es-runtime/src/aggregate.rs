//! Aggregates: the state that events build, the commands it decides on, the errors it answers with.

use crate::{
    Codec, Envelope, EventSet, Events, InvalidStreamId, RecordedEvent, SnapshotPolicy, StreamId,
};

/// A consistency boundary: state that is rebuilt from its own stream of events.
///
/// Derive it on the state's struct; the derive writes this impl, the event and command enums and
/// the dispatch onto your [`Apply`] and [`Handle`] impls.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "`{Self}` does not implement `Aggregate`",
    note = "add `#[derive(es_runtime::Aggregate, Default)]` and `#[aggregate(\"name\", id = .., error = .., events(..))]` to `{Self}`"
)]
pub trait Aggregate: Default + Send + 'static {
    /// The stored name, the first half of every stream id. It never changes.
    const NAME: &'static str;
    /// The codec of new events and snapshots; what is stored is read by its own content type.
    const CODEC: Codec = Codec::Json;
    /// When to take a snapshot of the state, `None` for never.
    const SNAPSHOTS: Option<SnapshotPolicy<Self>> = None;

    /// What identifies one instance, the second half of the stream id.
    type Id: AggregateId;
    /// Every event that can stand in the stream.
    type Event: EventSet;
    /// What a command is rejected with.
    type Error: DomainError;

    /// Folds one event into the state.
    fn apply_event(&mut self, event: &Self::Event);
}

/// How one kind of event changes the state. It cannot fail: the event has happened.
///
/// No clock, no randomness, no I/O: a replay must end in the same state.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not say how to apply event `{E}`",
    label = "no `Apply<{E}>` for `{Self}`",
    note = "write `impl Apply<{E}> for {Self} {{ fn apply(&mut self, event: &{E}) {{ .. }} }}`"
)]
pub trait Apply<E> {
    /// Changes the state as `event` says.
    fn apply(&mut self, event: &E);
}

/// How the aggregate decides on one command: the events that follow, or why not.
///
/// Handlers are pure: no clock, no I/O, no await. Time and answers from outside come in the
/// command. A handler may run again on newer state when another writer was first.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not handle command `{C}`",
    label = "no `Handle<{C}>` for `{Self}`",
    note = "write `impl Handle<{C}> for {Self} {{ fn handle(&self, command: {C}) -> Result<Events<Self>, ..> {{ .. }} }}`"
)]
pub trait Handle<C>: Aggregate {
    /// Decides: `Ok` with the events to store, possibly none, or the reason for the rejection.
    ///
    /// # Errors
    /// The aggregate's own error when the command is rejected. Nothing is stored then.
    fn handle(&self, command: C) -> Result<Events<Self>, Self::Error>;
}

/// A type that can be sent to [`Repository::execute`](crate::Repository::execute).
///
/// Every `Clone + Send + 'static` type is one: it is cloned so that it can be decided again when
/// another writer was first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed as a command",
    label = "a command must be `Clone + Send + 'static`",
    note = "add `#[derive(Clone)]` to `{Self}`: a command is decided again when another writer was first"
)]
pub trait Command: Clone + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + 'static> Command for T {}

/// What identifies an aggregate: any type with a text form that can be read back.
///
/// Implemented for every `Display + FromStr + Eq + Clone + Send + Sync + 'static` type, such as
/// `String`, `u64` or `uuid::Uuid`. Two different ids must have two different texts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot identify an aggregate",
    label = "not usable as `id`",
    note = "an id needs `Display + FromStr + Eq + Clone + Send + Sync + 'static`; its text names the stream"
)]
pub trait AggregateId:
    std::fmt::Display + std::str::FromStr + Eq + Clone + Send + Sync + 'static
{
}

#[diagnostic::do_not_recommend]
impl<T: std::fmt::Display + std::str::FromStr + Eq + Clone + Send + Sync + 'static> AggregateId
    for T
{
}

/// What names an aggregate in a call: its id, a reference to it, or a `&str` where the id is a
/// `String`.
///
/// ```
/// # use es_runtime::{Aggregate, Apply, Event, StreamId};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event("account.opened")]
/// # struct Opened {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("account", id = String, error = std::convert::Infallible, events(Opened))]
/// # struct Account {}
/// # impl Apply<Opened> for Account { fn apply(&mut self, _: &Opened) {} }
/// let id = "DE02".to_owned();
/// assert_eq!(StreamId::of::<Account>("DE02")?, StreamId::of::<Account>(&id)?);
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id of type `{Id}`",
    label = "expected `{Id}` or a reference to it",
    note = "the type of the id stands in `#[aggregate(id = ..)]`"
)]
pub trait AsId<Id: AggregateId>: Send {
    /// The text of the id.
    fn id_text(&self) -> String;
}

impl<Id: AggregateId> AsId<Id> for Id {
    fn id_text(&self) -> String {
        self.to_string()
    }
}

impl<Id: AggregateId> AsId<Id> for &Id {
    fn id_text(&self) -> String {
        self.to_string()
    }
}

impl AsId<String> for &str {
    fn id_text(&self) -> String {
        (*self).to_owned()
    }
}

/// What a command is rejected with: any `std::error::Error + Send + Sync + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an aggregate's error",
    label = "not usable as `error`",
    note = "derive `thiserror::Error` and `Debug` on an enum that names each rejection"
)]
pub trait DomainError: std::error::Error + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: std::error::Error + Send + Sync + 'static> DomainError for T {}

impl StreamId {
    /// The stream of one instance of an aggregate type.
    ///
    /// # Errors
    /// [`InvalidStreamId`] as for [`new`](StreamId::new).
    pub fn of<A: Aggregate>(id: impl AsId<A::Id>) -> Result<Self, InvalidStreamId> {
        Self::new(A::NAME, &id.id_text())
    }

    /// The id of an instance of `A`.
    ///
    /// # Errors
    /// [`NotAnId`] when the stream belongs to another aggregate, or its id does not parse as `A::Id`.
    pub fn id_of<A: Aggregate>(&self) -> Result<A::Id, NotAnId> {
        let id = if self.aggregate() == A::NAME {
            self.id().parse().ok()
        } else {
            None
        };
        id.ok_or_else(|| NotAnId {
            stream: self.clone(),
            aggregate: A::NAME,
        })
    }
}

impl RecordedEvent {
    /// The id of the aggregate that the event belongs to, as [`Envelope::id`] does it.
    ///
    /// # Errors
    /// [`NotAnId`] when the event belongs to another aggregate, or the id of its stream does not parse
    /// as `A::Id`.
    pub fn id<A: Aggregate>(&self) -> Result<A::Id, NotAnId> {
        self.stream.id_of::<A>()
    }
}

impl<E> Envelope<E> {
    /// The id of the aggregate that the event belongs to.
    ///
    /// ```
    /// # use es_runtime::{Aggregate, Envelope, NotAnId};
    /// fn id<A: Aggregate, E>(event: &Envelope<E>) -> Result<A::Id, NotAnId> {
    ///     event.id::<A>()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`NotAnId`] when the event belongs to another aggregate, or the id of its stream does not parse
    /// as `A::Id`.
    pub fn id<A: Aggregate>(&self) -> Result<A::Id, NotAnId> {
        self.stream.id_of::<A>()
    }
}

/// The stream does not belong to the aggregate whose id was requested, or its id does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream {stream} has no id of aggregate `{aggregate}`")]
#[non_exhaustive]
pub struct NotAnId {
    /// The stream.
    pub stream: StreamId,
    /// The stored name of the aggregate.
    pub aggregate: &'static str,
}
