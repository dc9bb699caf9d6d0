//! The builder of definitions. Users call it, or `#[saga]` generates the calls.

use super::{
    Cx, Effect, Fail, InvalidDefinition, Saga, Start, StepOutput, StepRetry,
    functions::{
        Action, Call, Functions, OnCompensated, OnCompleted, Read, Route, Routed, UndoAction,
        Unrouted,
    },
    info::{Info, StepInfo},
    mermaid::diagram,
    proven::proven,
};
use crate::{
    log::Failure,
    names::{COMPENSATED, COMPLETED, category, inputs_of},
    outline::{CommandType, SagaOutline, StepAction, each_once},
};
use es_runtime::{
    Aggregate, Codec, Envelope, Event, EventOf, EventSet, Fingerprint, RecordedEvent, StreamId,
    command::AggregateCommand,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// Builds the definition of a saga: its steps, the events that start and cancel it, and its time limits.
///
/// Steps run in the order in which you add them, and are undone in reverse order. [`Saga`] has a complete
/// example.
#[must_use]
pub struct Definition<T: Saga> {
    pub(super) inputs: Vec<Input>,
    pub(super) steps: Vec<(StepInfo, Functions<T>)>,
    pub(super) frozen: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) retry: StepRetry,
    pub(super) undo_retry: StepRetry,
    pub(super) timeout: Duration,
    pub(super) continue_others: bool,
    pub(super) on_completed: Option<End<OnCompleted<T>>>,
    pub(super) on_compensated: Option<End<OnCompensated<T>>>,
}

/// The command at the end of a saga.
pub(super) struct End<F> {
    pub(super) command: F,
    /// Which command it is, where its type says so.
    sends: Option<CommandType>,
}

impl<F> End<F> {
    const fn action(&self) -> StepAction {
        StepAction::Command(self.sends)
    }
}

/// What an event does.
pub(super) struct Input {
    /// The stored names that it has.
    pub(super) names: Vec<&'static str>,
    /// Whether it starts a saga. Otherwise it cancels one.
    starts: bool,
    pub(super) route: Route,
}

impl<T: Saga> Default for Definition<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Saga> Definition<T> {
    /// A definition without steps.
    pub fn new() -> Self {
        Self {
            inputs: Vec::new(),
            steps: Vec::new(),
            frozen: false,
            deadline: None,
            retry: StepRetry::times(5),
            undo_retry: StepRetry::times(50),
            timeout: Duration::from_secs(30),
            continue_others: false,
            on_completed: None,
            on_compensated: None,
        }
    }

    /// Starts a saga on an event `E`, when the function returns a [`Start`]. A second start of the same id
    /// is recorded and changes nothing.
    ///
    /// `E` is known by its own name only. Where an aggregate reads it under other names too, which it has by
    /// `alias` or `split`, use [`starts_on_event_of`](Self::starts_on_event_of).
    pub fn starts_on<E: Event>(
        &mut self,
        start: impl Fn(&Envelope<E>) -> Option<Start<T>> + Send + Sync + 'static,
    ) -> &mut Self {
        self.route(true, vec![E::NAME], alone::<E>, move |event| {
            started(start(event))
        })
    }

    /// Starts a saga on an event `E` of the aggregate `A`, whatever name `A` reads it under.
    pub fn starts_on_event_of<A: Aggregate, E>(
        &mut self,
        start: impl Fn(&Envelope<E>) -> Option<Start<T>> + Send + Sync + 'static,
    ) -> &mut Self
    where
        E: Event + EventOf<A, Event = A::Event>,
    {
        self.route(true, names_in::<A, E>(), out_of::<A, E>, move |event| {
            started(start(event))
        })
    }

    /// Cancels a saga on an event `E`: everything is undone. The function returns the id of the saga. After
    /// the pivot, or after the end, the event is recorded and changes nothing.
    ///
    /// `E` is known by its own name only, see [`starts_on`](Self::starts_on).
    pub fn cancels_on<E: Event>(
        &mut self,
        cancel: impl Fn(&Envelope<E>) -> Option<String> + Send + Sync + 'static,
    ) -> &mut Self {
        self.route(false, vec![E::NAME], alone::<E>, move |event| {
            Ok(cancel(event).map(|id| Routed::Cancel { id }))
        })
    }

    /// Cancels a saga on an event `E` of the aggregate `A`, whatever name `A` reads it under.
    pub fn cancels_on_event_of<A: Aggregate, E>(
        &mut self,
        cancel: impl Fn(&Envelope<E>) -> Option<String> + Send + Sync + 'static,
    ) -> &mut Self
    where
        E: Event + EventOf<A, Event = A::Event>,
    {
        self.route(false, names_in::<A, E>(), out_of::<A, E>, move |event| {
            Ok(cancel(event).map(|id| Routed::Cancel { id }))
        })
    }

    fn route<E: 'static>(
        &mut self,
        starts: bool,
        names: Vec<&'static str>,
        read: fn(&RecordedEvent) -> Result<Vec<Envelope<E>>, String>,
        route: impl Fn(&Envelope<E>) -> Result<Option<Routed>, String> + Send + Sync + 'static,
    ) -> &mut Self {
        let route: Route = Box::new(move |event| {
            let mut routed = Vec::new();
            for event in read(event).map_err(Unrouted::Unreadable)? {
                routed.extend(route(&event).map_err(Unrouted::Failed)?);
            }
            Ok(routed)
        });
        self.inputs.push(Input {
            names,
            starts,
            route,
        });
        self
    }

    /// This definition starts no sagas. It only finishes those that it started. Register it together with its
    /// successor until [`Sagas::running`](crate::Sagas::running) counts none of its version.
    pub fn frozen(&mut self) -> &mut Self {
        self.frozen = true;
        self
    }

    /// The time limit for the whole saga, none by default. A saga that has not reached its pivot by then is
    /// undone. It counts from when the saga begins, which is when its event is handled.
    pub fn deadline(&mut self, time: Duration) -> &mut Self {
        self.deadline = Some(time);
        self
    }

    /// The retry policy of steps that have none of their own. Set it before you add steps.
    pub fn retry(&mut self, retry: StepRetry) -> &mut Self {
        self.retry = retry;
        self
    }

    /// The retry policy of undos that have none of their own. Set it before you add steps.
    pub fn undo_retry(&mut self, retry: StepRetry) -> &mut Self {
        self.undo_retry = retry;
        self
    }

    /// The time limit for one call, 30 seconds by default. Set it before you add steps.
    pub fn timeout(&mut self, time: Duration) -> &mut Self {
        self.timeout = time;
        self
    }

    /// When an undo has used up its attempts, undoes the other steps before the saga is parked. By default the
    /// saga is parked at once, because earlier steps may depend on the failed undo.
    pub fn continue_others(&mut self) -> &mut Self {
        self.continue_others = true;
        self
    }

    /// Adds a step that calls another system. The function is called at least once, each time with the same
    /// key.
    ///
    /// Its output is stored for later steps and for its undo.
    pub fn step<O, F, R>(&mut self, name: &'static str, call: F) -> NewStep<'_, T, O>
    where
        O: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(Cx<T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, Fail>> + Send + 'static,
    {
        let call: Call<T> = Arc::new(move |cx| {
            let call = call(cx);
            Box::pin(async move { store(&call.await?) })
        });
        self.new_step(name, Action::Call(call))
    }

    /// Adds a step that sends a command to an aggregate of the same store. The aggregate's events and the
    /// progress of the saga are one transaction, so the command takes effect exactly once. A rejection is
    /// [fatal](Fail::fatal).
    pub fn command<F>(&mut self, name: &'static str, command: F) -> NewStep<'_, T, ()>
    where
        F: Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        self.new_step(name, Action::Command(Box::new(command)))
    }

    fn new_step<O: Serialize + DeserializeOwned + 'static>(
        &mut self,
        name: &'static str,
        action: Action<T>,
    ) -> NewStep<'_, T, O> {
        let info = StepInfo {
            name,
            needs: Vec::new(),
            action: match action {
                Action::Command(_) => StepAction::Command(None),
                Action::Call(_) => StepAction::Call,
            },
            undo: None,
            pivot: false,
            timeout: self.timeout,
            undo_timeout: self.timeout,
            retry: self.retry,
            undo_retry: self.undo_retry,
            output: Fingerprint::of::<O>(Codec::Json).to_string(),
        };
        let functions = Functions {
            action,
            undo: UndoAction::None,
            reconcile: None,
            check: |value| O::deserialize(value).map(|_| ()).map_err(|e| e.to_string()),
        };
        NewStep {
            definition: self,
            info,
            functions,
            store: store::<O>,
            read: |value| O::deserialize(value).ok(),
        }
    }

    /// The command to send when all steps are done. Its events are stored in one transaction with the end of
    /// the saga.
    pub fn on_completed<F>(&mut self, command: F) -> &mut Self
    where
        F: Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        self.on_completed_of(None, command)
    }

    /// [`on_completed`](Self::on_completed) with a command of this type.
    pub(crate) fn on_completed_of<F>(&mut self, sends: Option<CommandType>, command: F) -> &mut Self
    where
        F: Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        let command: OnCompleted<T> = Box::new(command);
        self.on_completed = Some(End { command, sends });
        self
    }

    /// The command to send when everything is undone. Its events are stored in one transaction with the end
    /// of the saga.
    pub fn on_compensated<F>(&mut self, command: F) -> &mut Self
    where
        F: Fn(&Cx<T>, &Failure) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        self.on_compensated_of(None, command)
    }

    /// [`on_compensated`](Self::on_compensated) with a command of this type.
    pub(crate) fn on_compensated_of<F>(
        &mut self,
        sends: Option<CommandType>,
        command: F,
    ) -> &mut Self
    where
        F: Fn(&Cx<T>, &Failure) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        let command: OnCompensated<T> = Box::new(command);
        self.on_compensated = Some(End { command, sends });
        self
    }

    /// Checks the definition.
    ///
    /// # Errors
    /// [`InvalidDefinition`] for the first mistake.
    pub fn check(&self) -> Result<(), InvalidDefinition> {
        let saga = T::NAME;
        let category = category(saga);
        if StreamId::new(&inputs_of(&category), "id").is_err() {
            return Err(InvalidDefinition::Name { name: saga });
        }
        if self.steps.is_empty() {
            return Err(InvalidDefinition::NoSteps { saga });
        }
        let mut pivot = None;
        let mut seen: Vec<&str> = Vec::new();
        for (info, _) in &self.steps {
            let step = info.name;
            let bad = step.is_empty() || step.chars().any(char::is_control);
            if bad || [COMPLETED, COMPENSATED].contains(&step) {
                return Err(InvalidDefinition::Name { name: step });
            }
            if seen.contains(&step) {
                return Err(InvalidDefinition::Twice { saga, step });
            }
            seen.push(step);
            match pivot {
                Some(pivot) if info.pivot => {
                    return Err(InvalidDefinition::TwoPivots { saga, pivot, step });
                }
                Some(pivot) if info.has_undo() => {
                    return Err(InvalidDefinition::UndoPastPivot { saga, pivot, step });
                }
                _ if info.pivot => pivot = Some(step),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn info(&self) -> Info {
        let mut info = Info {
            name: T::NAME,
            version: T::VERSION,
            hash: String::new(),
            frozen: self.frozen,
            known: true,
            deadline: self.deadline,
            retry: self.retry,
            undo_retry: self.undo_retry,
            continue_others: self.continue_others,
            completed: self.on_completed.is_some(),
            compensated: self.on_compensated.is_some(),
            steps: self.steps.iter().map(|(info, _)| info.clone()).collect(),
        };
        info.hash = info.hash(&Fingerprint::of::<T>(Codec::Json).to_string());
        info
    }

    /// The version and the hash of the definition, such as `1:0123456789abcdef`. Instances are pinned to it.
    /// Compare it in a test, so that the test fails when somebody changes a released definition.
    pub fn fingerprint(&self) -> String {
        self.info().definition()
    }

    /// What the saga is declared to do, as data.
    pub fn outline(&self) -> SagaOutline {
        let names = |starts: bool| {
            let inputs = self.inputs.iter().filter(|input| input.starts == starts);
            each_once(inputs.flat_map(|input| &input.names))
        };
        SagaOutline {
            name: T::NAME,
            version: T::VERSION,
            frozen: self.frozen,
            starts_on: names(true),
            cancels_on: names(false),
            deadline: self.deadline,
            steps: self.steps.iter().map(|(info, _)| info.outline()).collect(),
            completed: self.on_completed.as_ref().map(End::action),
            compensated: self.on_compensated.as_ref().map(End::action),
        }
    }

    /// A Mermaid flowchart of the saga.
    pub fn mermaid(&self) -> String {
        diagram(&self.info(), None)
    }
}

impl<T: Saga> fmt::Debug for Definition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(|(info, _)| info.name).collect();
        f.debug_struct("Definition")
            .field("saga", &T::NAME)
            .field("version", &T::VERSION)
            .field("steps", &steps)
            .finish_non_exhaustive()
    }
}

/// A step that is not complete yet: finish it with [`undo`](NewStep::undo),
/// [`undo_command`](NewStep::undo_command), [`no_undo`](NewStep::no_undo) or [`pivot`](NewStep::pivot).
/// Otherwise the step is not added.
#[must_use = "say how the step is undone: `undo`, `undo_command`, `no_undo` or `pivot`"]
pub struct NewStep<'d, T: Saga, O> {
    definition: &'d mut Definition<T>,
    info: StepInfo,
    functions: Functions<T>,
    /// How an output is stored, and how it is read again.
    store: fn(&O) -> Result<Value, Fail>,
    read: Read<O>,
}

impl<T: Saga, O: 'static> NewStep<'_, T, O> {
    /// The time limit for one call.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.info.timeout = time;
        self
    }

    /// The time limit for one call of the undo.
    pub fn undo_timeout(mut self, time: Duration) -> Self {
        self.info.undo_timeout = time;
        self
    }

    /// The retry policy of the step.
    pub fn retry(mut self, retry: StepRetry) -> Self {
        self.info.retry = retry;
        self
    }

    /// The retry policy of the undo.
    pub fn undo_retry(mut self, retry: StepRetry) -> Self {
        self.info.undo_retry = retry;
        self
    }

    /// Declares that the step uses the output of another one, for diagrams and for the definition's hash.
    pub fn needs<P>(mut self, step: StepOutput<P>) -> Self {
        self.info.needs.push(step.name);
        self
    }

    /// Asks the provider whether the step was done. The runtime asks after an attempt with an unknown
    /// outcome, before it calls the step again. `Some` is the step's output. `None` says that it was not done.
    pub fn reconcile<F, R>(mut self, ask: F) -> Self
    where
        F: Fn(Cx<T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<O>, Fail>> + Send + 'static,
    {
        let store = self.store;
        self.functions.reconcile = Some(Box::new(move |cx| {
            let answer = ask(cx);
            Box::pin(async move { answer.await?.as_ref().map(store).transpose() })
        }));
        self
    }

    /// Undoes the step with a call. It runs when the step was done, and when its outcome is unknown.
    pub fn undo<F, R>(mut self, undo: F) -> StepOutput<O>
    where
        F: Fn(Cx<T>, Effect<O>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Fail>> + Send + 'static,
    {
        let read = self.read;
        self.functions.undo = UndoAction::Call(Box::new(move |cx, key, output| {
            let known = output.is_some();
            let output = output.as_ref().and_then(read);
            if known && output.is_none() {
                return Box::pin(std::future::ready(Err(Fail::fatal(
                    "the stored output of the step does not fit its type",
                ))));
            }
            Box::pin(undo(cx, Effect::new(key, output)))
        }));
        self.info.undo = Some(StepAction::Call);
        self.add()
    }

    /// Undoes the step with a command to an aggregate of the same store.
    pub fn undo_command<F>(self, command: F) -> StepOutput<O>
    where
        F: Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        self.undo_command_of(None, command)
    }

    /// [`undo_command`](Self::undo_command) with a command of this type.
    pub(crate) fn undo_command_of<F>(
        mut self,
        sends: Option<CommandType>,
        command: F,
    ) -> StepOutput<O>
    where
        F: Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync + 'static,
    {
        self.functions.undo = UndoAction::Command(Box::new(command));
        self.info.undo = Some(StepAction::Command(sends));
        self.add()
    }

    /// Says which command the step sends.
    pub(crate) const fn sends(mut self, command: Option<CommandType>) -> Self {
        self.info.action = StepAction::Command(command);
        self
    }

    /// The step needs no undo: it changes nothing, or its effect may remain. Also use it for steps after the
    /// pivot.
    pub fn no_undo(self) -> StepOutput<O> {
        self.add()
    }

    /// The step is the point of no return. After it the saga only goes forward: a later step that fails is
    /// retried, and then the saga is parked. Nothing is undone.
    pub fn pivot(mut self) -> StepOutput<O> {
        self.info.pivot = true;
        self.add()
    }

    fn add(self) -> StepOutput<O> {
        let (name, read) = (self.info.name, self.read);
        self.definition.steps.push((self.info, self.functions));
        StepOutput { name, read }
    }
}

impl<T: Saga, O> fmt::Debug for NewStep<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewStep({})", self.info.name)
    }
}

fn store<O: Serialize + DeserializeOwned>(output: &O) -> Result<Value, Fail> {
    proven(output)
        .map_err(|why| Fail::transient(format!("the output of the step cannot be stored: {why}")))
}

fn started<T: Saga>(start: Option<Start<T>>) -> Result<Option<Routed>, String> {
    let Some(start) = start else {
        return Ok(None);
    };
    let input = proven(&start.saga)
        .map_err(|why| format!("the data of the saga cannot be stored: {why}"))?;
    Ok(Some(Routed::Start {
        id: start.id,
        input,
    }))
}

/// The event by its own name.
fn alone<E: Event>(recorded: &RecordedEvent) -> Result<Vec<Envelope<E>>, String> {
    let events = recorded.decode::<E>().map_err(|e| e.to_string())?;
    Ok(events.into_iter().collect())
}

/// The names that the aggregate may read the event under.
fn names_in<A: Aggregate, E: Event>() -> Vec<&'static str> {
    let retired = A::Event::RETIRED_NAMES.iter().copied();
    retired.chain([E::NAME]).collect()
}

/// Every `E` that the aggregate reads in the stored event.
fn out_of<A: Aggregate, E: EventOf<A, Event = A::Event>>(
    recorded: &RecordedEvent,
) -> Result<Vec<Envelope<E>>, String> {
    let events = A::Event::decode(&recorded.name, recorded.stored_payload());
    let events = events.map_err(|e| e.to_string())?.into_iter();
    let wanted = events.filter_map(|event| E::from_event(event).ok());
    Ok(wanted.map(|event| recorded.envelope(event)).collect())
}
