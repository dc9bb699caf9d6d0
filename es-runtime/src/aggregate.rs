//! What an aggregate is: its state, the commands that it decides, and its errors.

use crate::{
    Codec, Envelope, EventSet, Events, InvalidStreamId, RecordedEvent, SnapshotPolicy, StreamId,
};

/// A consistency boundary: state that is rebuilt from its own stream of events.
///
/// `#[derive(Aggregate)]` on the struct of the state implements it. The derive also writes the enums of
/// events and commands, and calls your [`Apply`] and [`Handle`] impls.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "`{Self}` does not implement `Aggregate`",
    note = "add `#[derive(es_runtime::Aggregate, Default)]` and `#[aggregate(\"name\", id = .., error = .., events(..))]` to `{Self}`"
)]
pub trait Aggregate: Sized + Send + 'static {
    /// The stored name, the first half of every stream id. It never changes.
    const NAME: &'static str;
    /// The codec of new events and snapshots. Stored ones are read by their own content type.
    const CODEC: Codec = Codec::Json;
    /// When to take a snapshot of the state, `None` for never.
    const SNAPSHOTS: Option<SnapshotPolicy<Self>> = None;

    /// The type of the ids, the second half of every stream id.
    type Id: AggregateId;
    /// Every event that a stream of this aggregate can have.
    type Event: EventSet;
    /// The error of a rejected command.
    type Error: DomainError;

    /// The state before the first event. The derive takes `Default`.
    fn initial() -> Self;

    /// Applies one event to the state.
    fn apply_event(&mut self, event: &Self::Event);

    /// The [names](crate::command::name_of) of the commands in the `commands(..)` of the derive, for catalogues. Commands
    /// need not be listed to be handled.
    fn commands() -> Vec<&'static str> {
        Vec::new()
    }
}

/// Changes the state by one type of event.
///
/// Implement it for each event of an aggregate. It cannot fail, because the event has happened. It must
/// be deterministic, without clock, randomness or I/O: every replay must give the same state.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not say how to apply event `{E}`",
    label = "no `Apply<{E}>` for `{Self}`",
    note = "write `impl Apply<{E}> for {Self} {{ fn apply(&mut self, event: &{E}) {{ .. }} }}`",
    note = "if the state does not need it, write `events(.., ignore({E}))`"
)]
pub trait Apply<E>: crate::__private::ListsEvent<E> {
    /// Changes the state as `event` says.
    fn apply(&mut self, event: &E);
}

/// Decides one type of command.
///
/// Implement it for each command of an aggregate. Handlers are pure: they use no clock and no I/O. Pass
/// times and answers of other services in the command. The repository calls a handler again on newer
/// state when another writer was first.
#[diagnostic::on_unimplemented(
    message = "aggregate `{Self}` does not handle command `{C}`",
    label = "no `Handle<{C}>` for `{Self}`",
    note = "write `impl Handle<{C}> for {Self} {{ fn handle(&self, command: {C}) -> Result<Events<Self>, ..> {{ .. }} }}`"
)]
pub trait Handle<C>: Aggregate {
    /// Returns the events to store, possibly none, or the reason for the rejection.
    ///
    /// # Errors
    /// The aggregate's error when it rejects the command. Nothing is stored then.
    fn handle(&self, command: C) -> Result<Events<Self>, Self::Error>;
}

/// A command that an aggregate handles, seen from the command. It is implemented where [`Handle`] is.
#[diagnostic::on_unimplemented(
    message = "aggregate `{A}` does not handle command `{Self}`",
    label = "no `Handle<{Self}>` for `{A}`",
    note = "write `impl Handle<{Self}> for {A} {{ fn handle(&self, command: {Self}) -> Result<Events<Self>, ..> {{ .. }} }}`"
)]
pub trait HandledBy<A: Aggregate> {
    /// Calls [`Handle::handle`].
    ///
    /// # Errors
    /// The aggregate's error when it rejects the command.
    fn handled_by(self, aggregate: &A) -> Result<Events<A>, A::Error>;
}

#[diagnostic::do_not_recommend]
impl<A: Handle<C>, C> HandledBy<A> for C {
    fn handled_by(self, aggregate: &A) -> Result<Events<A>, A::Error> {
        aggregate.handle(self)
    }
}

/// A command for [`Repository::execute`](crate::Repository::execute).
///
/// It is implemented for every `Clone + Send + 'static` type. The repository clones a command to decide
/// it again when another writer was first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed as a command",
    label = "a command must be `Clone + Send + 'static`",
    note = "add `#[derive(Clone)]` to `{Self}`: a command is decided again when another writer was first"
)]
pub trait Command: Clone + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + 'static> Command for T {}

/// The id of an aggregate: a type with a text form that parses back.
///
/// It is implemented for every `Display + FromStr + Eq + Clone + Send + Sync + 'static` type, such as
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

/// An id as a caller passes it: the id, a reference to it, or a `&str` where the id is a `String`.
///
/// It is implemented for these; you never implement it.
///
/// ```
/// use es_runtime::StreamId;
#[doc = include_str!("../docs/door.rs")]
///
/// assert_eq!(StreamId::of::<Door>(7)?, StreamId::of::<Door>(&7)?);
/// # Ok::<(), es_runtime::InvalidStreamId>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id of type `{Id}`",
    label = "expected `{Id}` or a reference to it",
    note = "`#[aggregate(id = ..)]` sets the type of the id"
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

/// The error of a rejected command. It is implemented for every
/// `std::error::Error + Send + Sync + 'static` type.
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass an id, a reference to one or a text"
    )]
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
