//! A process manager as one type for all: which events it reads, and how it reacts.

use super::{
    HasRejections, HasTimers, OnRejected, OnTimer, ProcessManager, ReactTo, Reactions, Rejected,
    reactions::Due,
};
use crate::{
    definition::Unrouted,
    names::category,
    outline::{CommandType, ProcessOutline, each_once},
};
use es_runtime::{
    Aggregate, Envelope, Event, EventFilter, EventOf, EventSet, Handle, NewEvent, RecordedEvent,
    StreamId,
    command::{AggregateCommand, encode_events},
};
use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Marks that a process manager lists the event `E`. The derive implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reacts to `{E}` but does not list it, so it would never receive one",
    label = "`{E}` is not in the `reacts(..)` of `{Self}`",
    note = "add it to `reacts(..)`, or remove this impl"
)]
pub trait ReactsTo<E> {}

/// Marks that a process manager may send the command `C` to the aggregate `A`. The derive implements it, for all commands where
/// it has no `sends(..)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` sends `{C}` to `{A}` but does not list it",
    label = "`{C}` is not in the `sends(..)` of `{Self}`",
    note = "add `{A}::{{{C}}}` to `sends(..)`"
)]
pub trait SendsTo<A, C> {}

type Route = Box<dyn Fn(&RecordedEvent) -> Result<Vec<String>, Unrouted> + Send + Sync>;
type React<P> = Box<dyn Fn(&P, &RecordedEvent, &str) -> Result<Reactions<P>, String> + Send + Sync>;

struct Entry<P: ProcessManager> {
    names: Vec<&'static str>,
    route: Route,
    react: React<P>,
}

/// The inputs of a process manager. The derive builds it.
#[must_use]
pub struct Inputs<P: ProcessManager> {
    entries: Vec<Entry<P>>,
    timer: Option<fn(&P, &str) -> Reactions<P>>,
    rejected: Option<fn(&P, &Rejected) -> Reactions<P>>,
    sends: Option<Vec<CommandType>>,
}

impl<P: ProcessManager> Inputs<P> {
    /// No inputs.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            timer: None,
            rejected: None,
            sends: None,
        }
    }

    /// Declares that it sends the command `C` to the aggregate `A`, for [`outline`](Self::outline).
    pub fn sends<A: Handle<C>, C>(mut self) -> Self
    where
        P: SendsTo<A, C>,
    {
        let sends = self.sends.get_or_insert_default();
        sends.push(CommandType::of::<A, C>());
        self
    }

    /// What the process manager is declared to do, as data.
    pub fn outline(&self) -> ProcessOutline {
        ProcessOutline {
            name: P::NAME,
            reacts_to: each_once(self.entries.iter().flat_map(|entry| &entry.names)),
            timers: self.timer.is_some(),
            rejections: self.rejected.is_some(),
            sends: self.sends.clone(),
        }
    }

    /// Adds an event, or all events of a set.
    pub fn on<E: EventSet>(mut self) -> Self
    where
        P: ReactTo<E>,
    {
        let live = E::TYPES.iter().map(|kind| kind.name);
        self.entries.push(Entry {
            names: live.chain(E::RETIRED_NAMES.iter().copied()).collect(),
            route: Box::new(route::<P, E>),
            react: Box::new(react::<P, E>),
        });
        self
    }

    /// Adds events of an aggregate, as the aggregate reads them: also those that are stored under names that it
    /// retired, and the parts of events that it splits. [`on`](Self::on) of one event knows the name of the
    /// event only.
    pub fn of_aggregate<A: Aggregate>(
        mut self,
        add: impl FnOnce(InputsOf<P, A>) -> InputsOf<P, A>,
    ) -> Self {
        let InputsOf { mut names, parts } = add(InputsOf {
            names: Vec::new(),
            parts: Vec::new(),
        });
        names.extend(A::Event::RETIRED_NAMES);
        let parts = Arc::new(parts);
        let routes = Arc::clone(&parts);
        self.entries.push(Entry {
            names,
            route: Box::new(move |event| {
                let mut ids = Vec::new();
                for part in each::<P, A>(&routes, event).map_err(Unrouted::Unreadable)? {
                    ids.extend(part.to().filter(|id| !ids.contains(id)));
                }
                Ok(ids)
            }),
            react: Box::new(move |state, event, id| {
                let mut all = Reactions::none();
                for part in each::<P, A>(&parts, event)? {
                    if part.to().is_some_and(|to| to == id) {
                        all = all.and(part.react(state));
                    }
                }
                Ok(all)
            }),
        });
        self
    }

    /// Adds timers.
    pub fn timers(mut self) -> Self
    where
        P: OnTimer + HasTimers,
    {
        self.timer = Some(P::timer);
        self
    }

    /// Adds rejections by aggregates.
    pub fn rejections(mut self) -> Self
    where
        P: OnRejected + HasRejections,
    {
        self.rejected = Some(P::rejected);
        self
    }
}

/// The events of an aggregate that a process manager reacts to, see [`Inputs::of_aggregate`].
#[must_use]
pub struct InputsOf<P: ProcessManager, A: Aggregate> {
    names: Vec<&'static str>,
    parts: Vec<Narrow<P, A>>,
}

impl<P: ProcessManager, A: Aggregate> InputsOf<P, A> {
    /// Adds one of its events.
    pub fn on<E: Event + EventOf<A, Event = A::Event>>(mut self) -> Self
    where
        P: ReactTo<E>,
    {
        self.names.push(E::NAME);
        self.parts.push(|recorded, event| {
            let event = recorded.envelope(E::from_event(event)?);
            Ok(Box::new(event))
        });
        self
    }
}

impl<P: ProcessManager, A: Aggregate> fmt::Debug for InputsOf<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

/// The event as one that is listed, or the event again.
type Narrow<P, A> = fn(
    &RecordedEvent,
    <A as Aggregate>::Event,
) -> Result<Box<dyn Input<P>>, <A as Aggregate>::Event>;

/// One event of an aggregate that the process manager reacts to.
trait Input<P: ProcessManager> {
    /// The instance that it is for.
    fn to(&self) -> Option<String>;
    fn react(&self, state: &P) -> Reactions<P>;
}

impl<P: ReactTo<E>, E: Event> Input<P> for Envelope<E> {
    fn to(&self) -> Option<String> {
        P::correlate(self).map(|id| id.to_string())
    }

    fn react(&self, state: &P) -> Reactions<P> {
        state.react(self)
    }
}

/// What a stored event is read as, without the events that are not listed.
fn each<P: ProcessManager, A: Aggregate>(
    parts: &[Narrow<P, A>],
    recorded: &RecordedEvent,
) -> Result<Vec<Box<dyn Input<P>>>, String> {
    let decoded = A::Event::decode(&recorded.name, recorded.stored_payload());
    let mut inputs = Vec::new();
    for event in decoded.map_err(|e| e.to_string())? {
        let mut rest = Some(event);
        for part in parts {
            let Some(event) = rest.take() else { break };
            match part(recorded, event) {
                Ok(input) => inputs.push(input),
                Err(event) => rest = Some(event),
            }
        }
    }
    Ok(inputs)
}

impl<P: ProcessManager> Default for Inputs<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: ProcessManager> fmt::Debug for Inputs<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().flat_map(|entry| &entry.names);
        f.debug_set().entries(names).finish()
    }
}

/// The instances that an event is for, each once.
fn route<P: ReactTo<E>, E: EventSet>(event: &RecordedEvent) -> Result<Vec<String>, Unrouted> {
    let mut ids: Vec<String> = Vec::new();
    let events = event.decode::<E>();
    for event in events.map_err(|e| Unrouted::Unreadable(e.to_string()))? {
        let id = P::correlate(&event).map(|id| id.to_string());
        ids.extend(id.filter(|id| !ids.contains(id)));
    }
    Ok(ids)
}

fn react<P: ReactTo<E>, E: EventSet>(
    state: &P,
    event: &RecordedEvent,
    id: &str,
) -> Result<Reactions<P>, String> {
    let mut all = Reactions::none();
    for event in event.decode::<E>().map_err(|e| e.to_string())? {
        if P::correlate(&event).is_some_and(|to| to.to_string() == id) {
            all = all.and(state.react(&event));
        }
    }
    Ok(all)
}

/// Reactions without the user's types.
pub(crate) struct Decided {
    pub(crate) events: Vec<NewEvent>,
    pub(crate) commands: Vec<AggregateCommand>,
    pub(super) timers: BTreeMap<String, Option<Due>>,
    pub(crate) ended: bool,
}

/// A process manager, whatever its type. [`ErasedProcess`] implements it.
pub(crate) trait Manager: Send + Sync {
    fn name(&self) -> &'static str;
    fn filter(&self) -> EventFilter;
    /// The ids of the instances that the event is for.
    fn route(&self, event: &RecordedEvent) -> Result<Vec<String>, Unrouted>;
    /// The state before the first event.
    fn instance(&self) -> Box<dyn Instance>;
}

/// The user's state of one instance. An error is a reason to park the instance.
pub(crate) trait Instance: Send {
    fn apply(&mut self, event: &RecordedEvent) -> Result<(), String>;
    fn react(&self, to: &StreamId, event: &RecordedEvent) -> Result<Decided, String>;
    fn timer(&self, to: &StreamId, name: &str) -> Result<Decided, String>;
    /// `None` when the process manager does not handle rejections.
    fn rejected(&self, to: &StreamId, rejected: &Rejected) -> Result<Option<Decided>, String>;
}

/// One type of process manager.
pub(crate) struct ErasedProcess<P: ProcessManager> {
    inputs: Arc<Inputs<P>>,
}

impl<P: ProcessManager> ErasedProcess<P> {
    pub(crate) fn new() -> Self {
        Self {
            inputs: Arc::new(P::inputs()),
        }
    }
}

impl<P: ProcessManager> Manager for ErasedProcess<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn filter(&self) -> EventFilter {
        let entries = self.inputs.entries.iter();
        EventFilter::names(entries.flat_map(|entry| entry.names.iter().copied()))
    }

    fn route(&self, event: &RecordedEvent) -> Result<Vec<String>, Unrouted> {
        // Its own events are no input, or it would react to itself for ever.
        if event.stream.aggregate() == category(P::NAME) {
            return Ok(Vec::new());
        }
        match self.inputs.of(event) {
            Some(entry) => catch_unwind(AssertUnwindSafe(|| (entry.route)(event)))
                .unwrap_or_else(|_| Err(Unrouted::Failed("`correlate` panicked".to_owned()))),
            None => Ok(Vec::new()),
        }
    }

    fn instance(&self) -> Box<dyn Instance> {
        Box::new(Live {
            state: P::initial(),
            inputs: Arc::clone(&self.inputs),
        })
    }
}

impl<P: ProcessManager> Inputs<P> {
    fn of(&self, event: &RecordedEvent) -> Option<&Entry<P>> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.names.contains(&&*event.name))
    }
}

struct Live<P: ProcessManager> {
    state: P,
    inputs: Arc<Inputs<P>>,
}

impl<P: ProcessManager> Instance for Live<P> {
    fn apply(&mut self, event: &RecordedEvent) -> Result<(), String> {
        // After a panic the state is not reliable. It is dropped with the error.
        shielded("`apply`", || {
            for event in
                P::Event::decode(&event.name, event.stored_payload()).map_err(|e| e.to_string())?
            {
                self.state.apply_event(&event);
            }
            Ok(())
        })
    }

    fn react(&self, to: &StreamId, event: &RecordedEvent) -> Result<Decided, String> {
        let Some(entry) = self.inputs.of(event) else {
            let name = &event.name;
            return Err(format!("the process manager no longer reacts to `{name}`"));
        };
        shielded("`react`", || {
            (entry.react)(&self.state, event, to.id()).and_then(|all| decided(to, all))
        })
    }

    fn timer(&self, to: &StreamId, name: &str) -> Result<Decided, String> {
        let Some(timer) = self.inputs.timer else {
            return Err("the process manager no longer has timers".to_owned());
        };
        shielded("`timer`", || decided(to, timer(&self.state, name)))
    }

    fn rejected(&self, to: &StreamId, rejected: &Rejected) -> Result<Option<Decided>, String> {
        let Some(on_rejected) = self.inputs.rejected else {
            return Ok(None);
        };
        shielded("`rejected`", || {
            decided(to, on_rejected(&self.state, rejected)).map(Some)
        })
    }
}

fn decided<P: ProcessManager>(to: &StreamId, all: Reactions<P>) -> Result<Decided, String> {
    Ok(Decided {
        events: encode_events::<P>(to, &all.events)?,
        commands: all.commands,
        timers: all.timers,
        ended: all.ended,
    })
}

fn shielded<T>(what: &str, call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(format!("{what} panicked")))
}
