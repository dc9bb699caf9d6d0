//! What the program of an application adds to the explorer: its types, its sagas, its catalogue, and its verbs.
//!
//! This crate has no types of events. So it asks through one trait, which `es_cli::App` implements.

use crate::{Done, Operation, Refusal, Verbs};
use es_tables::{Place, events::StoredEvent};

/// What an application knows of its store.
///
/// `es_cli::App::explorer` makes one of the types, projections and sagas that the program of an application registers. Implement
/// it yourself where an application knows its streams in another way. Its methods run on threads of the explorer, so they
/// may block.
///
/// ```
/// use es_explorer::{Application, ReadAs, Reading, State, StoredEvent, TypedEvent};
///
/// /// Counts events.
/// #[derive(Default)]
/// struct Counting(u64);
///
/// fn as_stored(event: &StoredEvent) -> Result<TypedEvent, String> {
///     let payload = event.json().map(str::to_owned);
///     let version = u16::try_from(event.schema_version).map_err(|error| error.to_string())?;
///     Ok(TypedEvent::new(vec![ReadAs::new(&event.event, version, payload)]))
/// }
///
/// impl Reading for Counting {
///     fn event(&mut self, event: &StoredEvent) -> Result<TypedEvent, String> {
///         self.0 += 1;
///         as_stored(event)
///     }
///
///     fn state(&self, _: usize) -> Option<State> {
///         Some(State::new(format!("{} events", self.0)))
///     }
/// }
///
/// struct Shop;
///
/// impl Application for Shop {
///     fn decode(&self, event: &StoredEvent) -> Option<Result<TypedEvent, String>> {
///         (event.aggregate == "order").then(|| as_stored(event))
///     }
///
///     fn read(&self, aggregate: &str) -> Option<Box<dyn Reading>> {
///         (aggregate == "order").then(|| Box::new(Counting::default()) as Box<dyn Reading>)
///     }
/// }
/// # assert!(Shop.read("order").is_some() && Shop.read("cart").is_none());
/// ```
pub trait Application: Send + Sync + 'static {
    /// What an event is read as, whatever came before it. `None` where the application has no type for its stream.
    ///
    /// An error says why it cannot be decoded, without quoting it.
    fn decode(&self, event: &StoredEvent) -> Option<Result<TypedEvent, String>>;

    /// Begins to fold a stream of this aggregate. `None` where there is no state: the application has no type for the
    /// aggregate, or one of its events alone.
    fn read(&self, aggregate: &str) -> Option<Box<dyn Reading>>;

    /// Whether it has types at all. The command `es` has none, and its explorer says so.
    fn has_types(&self) -> bool {
        true
    }

    /// The definitions of its sagas, of all versions that it has.
    fn sagas(&self) -> &[SagaDefinition] {
        &[]
    }

    /// Its catalogue, as `es_schema_lock::Catalogue::json` writes it.
    fn catalogue(&self) -> Option<&str> {
        None
    }

    /// Which verbs it has.
    fn verbs(&self) -> Verbs {
        Verbs::default()
    }

    /// Does what an operator asks for, in the store at this place. It is called only where [writes are allowed](crate::Writes), by one thread at a time.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: nothing was done, or it is said what was. An application without verbs has none of them.
    fn operate(&self, place: &Place, operation: &Operation) -> Result<Done, Refusal> {
        let _ = (place, operation);
        Err(Refusal::Missing("the application has no verbs".to_owned()))
    }
}

/// A stream that is being folded, event by event, from the first one on.
pub trait Reading {
    /// What the next event is read as.
    ///
    /// # Errors
    ///
    /// Why it cannot be decoded or applied, without quoting it. The state is unknown from then on.
    fn event(&mut self, event: &StoredEvent) -> Result<TypedEvent, String>;

    /// The state after the events so far, as text of so many bytes at most. `None` where it is not known.
    fn state(&self, most: usize) -> Option<State>;
}

/// A state as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// The text, or the beginning of it.
    pub text: String,
    /// Whether it is the beginning of a longer one.
    pub is_cut: bool,
}

impl State {
    /// All of a state.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_cut: false,
        }
    }

    /// The beginning of a longer one.
    pub fn cut(beginning: impl Into<String>) -> Self {
        Self {
            text: beginning.into(),
            is_cut: true,
        }
    }
}

/// What a stored event is read as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypedEvent {
    /// The events. There may be several, or none, where an upcaster splits or drops the stored one.
    pub events: Vec<ReadAs>,
    /// What differs from the stored form, one change each. Empty where it is read as it is stored.
    pub changes: Vec<String>,
}

impl TypedEvent {
    /// These events, without a change.
    pub fn new(events: Vec<ReadAs>) -> Self {
        Self {
            events,
            changes: Vec::new(),
        }
    }

    /// The same with what differs from the stored form.
    #[must_use]
    pub fn changed(mut self, changes: Vec<String>) -> Self {
        self.changes = changes;
        self
    }
}

/// An event that a stored one is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadAs {
    /// Its name.
    pub name: String,
    /// The version of its fields.
    pub version: u16,
    /// Its payload in JSON, where it can be written so.
    pub payload: Option<String>,
}

impl ReadAs {
    /// An event with its payload in JSON.
    pub fn new(name: impl Into<String>, version: u16, payload: Option<String>) -> Self {
        Self {
            name: name.into(),
            version,
            payload,
        }
    }
}

/// A definition of a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaDefinition {
    /// The name of the saga.
    pub saga: String,
    /// The version and the hash, as the work items of its instances have them.
    pub definition: String,
    /// Its steps, in their order.
    pub steps: Vec<SagaStep>,
}

impl SagaDefinition {
    /// A definition.
    pub fn new(
        saga: impl Into<String>,
        definition: impl Into<String>,
        steps: Vec<SagaStep>,
    ) -> Self {
        Self {
            saga: saga.into(),
            definition: definition.into(),
            steps,
        }
    }
}

/// A step of a saga.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaStep {
    /// Its name.
    pub name: String,
    /// The earlier steps whose outputs it uses.
    pub needs: Vec<String>,
    /// Whether it can be undone.
    pub has_undo: bool,
    /// Whether nothing is undone any more once it is done.
    pub is_pivot: bool,
    /// Whether it is a command to an aggregate of the same store.
    pub is_command: bool,
}

impl SagaStep {
    /// A step that is none of the special ones.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}
