//! One aggregate that a decision reads.

use crate::repositories::Repositories;
use es_runtime::{
    Aggregate, Append, DecodeError, EventSet, Events, InvalidStreamId, LoadError, Loaded, NewEvent,
    Position, StoredPayload, StreamId, TagQuery, TagQueryEmpty,
    command::{self, DecideError},
};
use sealed::Part;
use std::{
    any::Any,
    fmt,
    future::Future,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
};

/// An aggregate that a decision reads. It dereferences to the state.
///
/// ```
/// use es_decisions::Read;
#[doc = include_str!("../docs/account.rs")]
/// let account: Read<Account> = Read::of(&"DE02".to_owned());
/// assert_eq!((account.version(), account.cents), (0, 0));
/// ```
pub struct Read<A: Aggregate> {
    id: A::Id,
    stream: Result<StreamId, InvalidStreamId>,
    loaded: Loaded<A>,
    /// The state after the events of the decision.
    proven: Option<A>,
    is_loaded: bool,
}

impl<A: Aggregate> Read<A> {
    /// The aggregate with this id, not yet loaded.
    pub fn of(id: &A::Id) -> Self {
        Self {
            id: id.clone(),
            stream: StreamId::of::<A>(id),
            loaded: Loaded::initial(),
            proven: None,
            is_loaded: false,
        }
    }

    /// Its id.
    pub const fn id(&self) -> &A::Id {
        &self.id
    }

    /// The version of its newest event, 0 when it has none.
    pub const fn version(&self) -> u64 {
        self.loaded.version
    }
}

impl<A: Aggregate> Deref for Read<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.loaded.state
    }
}

impl<A: Aggregate + fmt::Debug> fmt::Debug for Read<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("state", &self.loaded.state)
            .field("version", &self.loaded.version)
            .finish_non_exhaustive()
    }
}

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Read`] of any aggregate, or a [`ReadFold`](crate::ReadFold) of any fold, that is `Clone`. You never implement
/// it.
pub trait ReadSource: sealed::Source {}

impl<T: sealed::Source> ReadSource for T {}

/// Why the events of a decision cannot be stored.
pub enum NotProven {
    /// They belong to another type of aggregate with the same name.
    OtherType,
    Failed(DecideError),
    /// A fold cannot apply one of them.
    Fold(String),
}

impl fmt::Display for NotProven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherType => f.write_str("the events are those of another type"),
            Self::Failed(error) => error.fmt(f),
            Self::Fold(what) => f.write_str(what),
        }
    }
}

pub(crate) mod sealed {
    use super::{
        Append, Boxed, InvalidStreamId, LoadError, NewEvent, NotProven, Position, Repositories,
        StreamId, TagQuery, TagQueryEmpty,
    };
    use std::any::Any;

    /// Whose state can be copied.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not `Clone`",
        label = "a decision reads aggregates and folds that are `Clone`",
        note = "add `#[derive(Clone)]` to `{Self}`: the events of a decision are tried on a copy of its state"
    )]
    pub trait Copied: Clone {}

    #[diagnostic::do_not_recommend]
    impl<A: Clone> Copied for A {}

    /// What a read is.
    pub enum Part<'a> {
        Aggregate(&'a mut dyn OfAggregate),
        Fold(&'a mut dyn OfFold),
    }

    pub trait Source: Send {
        fn part(&mut self) -> Part<'_>;
        fn position(&self) -> Position;
        /// Loads it, or reads what came since. Returns whether something came.
        fn load<'a>(
            &'a mut self,
            repositories: &'a Repositories,
        ) -> Boxed<'a, Result<bool, LoadError>>;
    }

    pub trait OfAggregate: Send {
        fn stream(&self) -> Result<StreamId, InvalidStreamId>;
        fn version(&self) -> u64;
        /// Loads it as it was after this version.
        fn load_at<'a>(
            &'a mut self,
            repositories: &'a Repositories,
            version: u64,
        ) -> Boxed<'a, Result<(), LoadError>>;
        /// Encodes the events, reads them back and applies them to a copy of the state.
        fn prove(&mut self, events: Box<dyn Any + Send>) -> Result<Vec<NewEvent>, NotProven>;
        /// The same of an event whose home is the stream of the aggregate, after the others.
        fn prove_stored(&mut self, event: &NewEvent) -> Result<(), NotProven>;
        /// The proven events are stored.
        fn stored(&mut self, version: u64, position: Position);
    }

    pub trait OfFold: Send {
        /// Loads it as it was at this position.
        fn load_at<'a>(
            &'a mut self,
            repositories: &'a Repositories,
            position: Position,
        ) -> Boxed<'a, Result<(), LoadError>>;
        fn name(&self) -> &'static str;
        fn query(&self) -> Result<&TagQuery, TagQueryEmpty>;
        /// Applies the events of the commit that it would see to a copy of the state.
        fn prove(&mut self, appends: &[Append]) -> Result<(), NotProven>;
        /// The proven events are stored, up to this position.
        fn stored(&mut self, position: Position);
    }
}

impl<A: Aggregate + sealed::Copied> sealed::Source for Read<A> {
    fn part(&mut self) -> Part<'_> {
        Part::Aggregate(self)
    }

    fn position(&self) -> Position {
        self.loaded.position
    }

    fn load<'a>(
        &'a mut self,
        repositories: &'a Repositories,
    ) -> Boxed<'a, Result<bool, LoadError>> {
        Box::pin(async move {
            let repository = repositories.of::<A>();
            let before = self.loaded.version;
            // Of an attempt that was lost.
            self.proven = None;
            self.loaded = if self.is_loaded {
                let loaded = std::mem::replace(&mut self.loaded, Loaded::initial());
                repository.refresh(&self.id, loaded).await?
            } else {
                repository.load(&self.id).await?
            };
            self.is_loaded = true;
            Ok(self.loaded.version != before)
        })
    }
}

impl<A: Aggregate + sealed::Copied> sealed::OfAggregate for Read<A> {
    fn stream(&self) -> Result<StreamId, InvalidStreamId> {
        self.stream.clone()
    }

    fn version(&self) -> u64 {
        self.loaded.version
    }

    fn load_at<'a>(
        &'a mut self,
        repositories: &'a Repositories,
        version: u64,
    ) -> Boxed<'a, Result<(), LoadError>> {
        Box::pin(async move {
            let repository = repositories.of::<A>();
            self.loaded = repository.load_at(&self.id, version).await?;
            Ok(())
        })
    }

    fn prove(&mut self, events: Box<dyn Any + Send>) -> Result<Vec<NewEvent>, NotProven> {
        let Ok(events) = events.downcast::<Events<A>>() else {
            return Err(NotProven::OtherType);
        };
        let failed = |id: InvalidStreamId| NotProven::Failed(DecideError::Failed(id.to_string()));
        let stream = self.stream.as_ref().map_err(|id| failed(id.clone()))?;
        let proven = command::prove(stream, self.loaded.state.clone(), *events);
        let (state, stored) = proven.map_err(NotProven::Failed)?;
        self.proven = Some(state);
        Ok(stored)
    }

    fn prove_stored(&mut self, event: &NewEvent) -> Result<(), NotProven> {
        let failed = |what: String| NotProven::Failed(DecideError::Failed(what));
        let proven = self.proven.take();
        let mut state = proven.unwrap_or_else(|| self.loaded.state.clone());
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let stored =
                StoredPayload::new(event.schema_version, &event.content_type, &event.payload);
            let decoded = A::Event::decode(&event.name, stored)?;
            decoded
                .into_iter()
                .for_each(|event| state.apply_event(&event));
            Ok::<_, DecodeError>(())
        }));
        match applied {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("applying `{}` panicked", event.name))),
        }
        self.proven = Some(state);
        Ok(())
    }

    fn stored(&mut self, version: u64, position: Position) {
        if let Some(state) = self.proven.take() {
            self.loaded.state = state;
            self.loaded.version = version;
            self.loaded.position = position;
        }
    }
}
