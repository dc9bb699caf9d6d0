//! What sagas and process managers are declared to do, as data: for catalogues, diagrams and reviews.

use crate::{AggregateCommand, StepRetry};
use es_runtime::{Aggregate, AsId, Command, Handle, command::name_of};
use std::{fmt, marker::PhantomData, time::Duration};

/// What a saga is declared to do. [`Definition::outline`](crate::Definition::outline) returns it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SagaOutline {
    /// The stored name.
    pub name: &'static str,
    /// The version of the definition.
    pub version: u32,
    /// Whether it starts no sagas any more.
    pub frozen: bool,
    /// The stored names of the events that start one.
    pub starts_on: Vec<&'static str>,
    /// The stored names of the events that cancel one.
    pub cancels_on: Vec<&'static str>,
    /// The time limit for the whole saga.
    pub deadline: Option<Duration>,
    /// The steps, in their order.
    pub steps: Vec<StepOutline>,
    /// The command at the end of a completed saga.
    pub completed: Option<StepAction>,
    /// The command at the end of a compensated saga.
    pub compensated: Option<StepAction>,
}

/// What a step is declared to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepOutline {
    /// The name.
    pub name: &'static str,
    /// The steps whose outputs it uses.
    pub needs: Vec<&'static str>,
    /// What it does.
    pub action: StepAction,
    /// How it is undone.
    pub undo: Option<StepAction>,
    /// Whether it is the point of no return.
    pub pivot: bool,
    /// The time limit for one call.
    pub timeout: Duration,
    /// How it is retried.
    pub retry: StepRetry,
    /// The time limit for one call of the undo.
    pub undo_timeout: Duration,
    /// How the undo is retried.
    pub undo_retry: StepRetry,
}

/// What a step, an undo or the end of a saga does.
///
/// The enum is exhaustive on purpose: a diagram must draw both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// A call of another system.
    Call,
    /// A command to an aggregate. It is `None` where the function returns an [`AggregateCommand`], whose type does not say
    /// which one; [`CommandTo`] does.
    Command(Option<CommandType>),
}

/// What a process manager is declared to do. [`Inputs::outline`](crate::Inputs::outline) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessOutline {
    /// The stored name.
    pub name: &'static str,
    /// The stored names of the events that it reacts to.
    pub reacts_to: Vec<&'static str>,
    /// Whether it sets timers.
    pub timers: bool,
    /// Whether it handles the rejection of a command by an aggregate.
    pub rejections: bool,
    /// The commands that it may send, `None` where it does not declare them by `sends(..)`.
    pub sends: Option<Vec<CommandType>>,
}

/// The names in their order, each of them once.
pub(crate) fn each_once<'a>(names: impl Iterator<Item = &'a &'static str>) -> Vec<&'static str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(name) {
            all.push(*name);
        }
    }
    all
}

/// A type of command, and the aggregate that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct CommandType {
    /// The stored name of the aggregate.
    pub aggregate: &'static str,
    /// The [name](es_runtime::command::name_of) of the command.
    pub command: &'static str,
}

impl CommandType {
    /// The command `C` to the aggregate `A`.
    ///
    /// ```
    /// # use es_runtime::Handle;
    /// use es_sagas::CommandType;
    /// # fn example<Door: Handle<Open>, Open>() {
    /// assert_eq!(CommandType::of::<Door, Open>().command, "Open");
    /// # }
    /// ```
    pub fn of<A: Handle<C>, C>() -> Self {
        Self {
            aggregate: A::NAME,
            command: name_of::<C>(),
        }
    }
}

impl fmt::Display for CommandType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.command, self.aggregate)
    }
}

/// A command `C` to one aggregate `A`, which a method of a saga returns.
///
/// An [`AggregateCommand`] does the same. Prefer this one where a method always sends the same command: its type says which
/// one, so a catalogue shows it.
///
/// ```
/// use es_sagas::{CommandTo, saga};
/// # use es_runtime::{Aggregate, Apply, Event, Events, Handle};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event("door.opened")]
/// # struct Opened {}
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("door", id = u32, error = std::convert::Infallible, events(ignore(Opened)))]
/// # struct Door {}
/// # #[derive(Clone)]
/// # struct Open;
/// # impl Handle<Open> for Door {
/// #     fn handle(&self, _: Open) -> Result<Events<Self>, std::convert::Infallible> { Ok(Opened {}.into()) }
/// # }
/// # #[derive(Serialize, Deserialize)]
/// # struct Arrival { door: u32 }
/// #[saga("arrival")]
/// impl Arrival {
///     #[command(no_undo)]
///     fn open(&self) -> CommandTo<Door, Open> {
///         CommandTo::new(self.door, Open)
///     }
/// }
///
/// use es_sagas::{CommandType, Saga, StepAction};
/// let outline = Arrival::definition().outline();
/// let open = CommandType::of::<Door, Open>();
/// assert_eq!(outline.steps[0].action, StepAction::Command(Some(open)));
/// ```
pub struct CommandTo<A, C> {
    command: AggregateCommand,
    of: PhantomData<fn() -> (A, C)>,
}

impl<A: Handle<C>, C: Command> CommandTo<A, C> {
    /// `command` to the aggregate with this id.
    pub fn new(id: impl AsId<A::Id>, command: C) -> Self {
        Self {
            command: AggregateCommand::new::<A, C>(id, command),
            of: PhantomData,
        }
    }
}

impl<A: Aggregate, C> From<CommandTo<A, C>> for AggregateCommand {
    fn from(to: CommandTo<A, C>) -> Self {
        to.command
    }
}

impl<A, C> fmt::Debug for CommandTo<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandTo").field(&self.command).finish()
    }
}
