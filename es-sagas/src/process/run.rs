//! Decides on one input of one instance. The decision becomes part of a transaction.

use super::{
    kind::{Decided, Instance, Manager},
    reactions::{Due, Rejected},
    state::{LoadedProcess, load},
};
use crate::{
    engine::commit::is_rejected_for_good,
    error::SagaError,
    log::{ProcessCause, ProcessOutcome, STEPPED, Stepped, cut, stored_step},
};
use es_runtime::{
    AnyStore, Append, AppendError, AppendId, Appended, CommitError, EventStore, ExpectedVersion,
    Metadata, NewEvent, Position, ReadError, ReadLimit, RecordedEvent, StreamId, StreamRange,
    Timestamp, WorkChange, command::DecideError,
};

/// The reaction to an input, or the reason to park the instance.
enum Reaction {
    Of(Decided, Option<String>, Vec<Append>),
    Park(String),
}

/// What follows from one input of one instance.
pub(super) struct Decision {
    /// The record and the events of the instance, then the events of the aggregates.
    pub(super) appends: Vec<Append>,
    pub(super) row: WorkChange,
    /// The streams on whose state the decision is based, including aggregates that rejected a command.
    pub(super) streams_read: Vec<StreamId>,
}

/// Why the store rejected an earlier commit of decisions on this input. It would reject the same one again.
pub(super) enum RejectedCommit {
    /// Another stream has a unique value that a command claims: its aggregate counts as having rejected it.
    Command(Rejected),
    /// The instance is parked for this reason.
    Parks(String),
}

impl RejectedCommit {
    /// What the next decision has to know after this error. `None` where the commit is not rejected for good, or where not
    /// even the record is stored that parks the instance.
    pub(super) fn after(error: &CommitError, before: Option<&Self>) -> Option<Self> {
        if !is_rejected_for_good(error) {
            return None;
        }
        match (error, before) {
            (_, Some(Self::Parks(_))) => None,
            (CommitError::Append(taken @ AppendError::Taken { stream, .. }), None) => {
                let rejected = Rejected::new(Some(stream.clone()), taken.to_string());
                Some(Self::Command(rejected))
            }
            _ => Some(Self::Parks(error.to_string())),
        }
    }
}

/// Decides on one input. `None` when it is no longer due.
///
/// `siblings` are the other appends of the same event in the same transaction.
pub(super) async fn decide(
    store: &AnyStore,
    manager: &dyn Manager,
    instance: &StreamId,
    input: &Input<'_>,
    now: Timestamp,
    siblings: &[Append],
    rejected_commit: Option<&RejectedCommit>,
) -> Result<Option<Decision>, SagaError> {
    let loaded = load(store, manager, instance).await?;
    let Some(cause) = input.cause(&loaded, now) else {
        return Ok(None);
    };
    let LoadedProcess {
        mut state,
        user,
        version,
        metadata,
    } = loaded;
    let mut streams_read = vec![instance.clone()];
    let record = |cause, outcome| (Stepped::new(cause, outcome), Vec::new(), Vec::new());
    let (step, events, appends) = if state.ended {
        record(cause, ProcessOutcome::TooLate {})
    } else if input.is_new() && !state.waiting.is_empty() {
        record(cause, ProcessOutcome::Waits {})
    } else {
        let answer = answer(
            store,
            user,
            instance,
            (&cause, input),
            siblings,
            rejected_commit,
            &mut streams_read,
        );
        match answer.await? {
            Reaction::Of(decided, rejected, appends) => {
                let mut step = Stepped::new(cause, ProcessOutcome::Reacted {});
                for (name, due) in decided.timers {
                    let at = due.map(|due| match due {
                        Due::After(time) => now.after(time),
                        Due::At(at) => at,
                    });
                    if matches!(due, Some(Due::At(_))) {
                        step.timers_at.insert(name.clone());
                    }
                    step.timers.insert(name, at);
                }
                step.commands = appends.iter().map(|a| a.stream.to_string()).collect();
                step.rejected = rejected.map(cut);
                step.ended = decided.ended;
                match stored_step(&step) {
                    Ok(_) => (step, decided.events, appends),
                    Err(why) => record(step.cause, ProcessOutcome::Parked { why }),
                }
            }
            Reaction::Park(why) => record(cause, ProcessOutcome::Parked { why: cut(why) }),
        }
    };
    let metadata = match input {
        Input::New(event) => event.following(),
        Input::Due(_) => metadata,
    };
    state.apply(&step);
    let mut own = append_of(instance, version, &step, metadata.clone())?.with_events(events);
    if let Input::New(event) = input {
        own.append_id = Some(AppendId::from(event.event_id));
    }
    let appends = appends
        .into_iter()
        .filter(|append| !append.events.is_empty())
        .map(|append| append.with_metadata(metadata.clone()));
    Ok(Some(Decision {
        appends: std::iter::once(own).chain(appends).collect(),
        row: state.row(instance, now),
        streams_read,
    }))
}

/// Stores an input of an instance whose stream this program cannot read, for a program that can.
pub(super) fn store_unread(
    instance: &StreamId,
    event: &RecordedEvent,
) -> Result<Append, SagaError> {
    let step = Stepped::new(ProcessCause::event(event), ProcessOutcome::Waits {});
    let mut append = append_of(instance, 0, &step, event.following())?;
    append.expected = ExpectedVersion::Any;
    append.append_id = Some(AppendId::from(event.event_id));
    Ok(append)
}

/// The source of an input.
pub(super) enum Input<'e> {
    /// The feed.
    New(&'e RecordedEvent),
    /// A waiting input, or a timer.
    Due(ProcessCause),
}

impl Input<'_> {
    const fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// The cause, `None` when it is no longer due.
    fn cause(&self, loaded: &LoadedProcess, now: Timestamp) -> Option<ProcessCause> {
        match self {
            Self::New(event) => Some(ProcessCause::event(event)),
            Self::Due(cause) => loaded.state.due(now).filter(|due| due == cause),
        }
    }
}

/// An append of a record after that version.
pub(super) fn append_of(
    instance: &StreamId,
    version: u64,
    step: &Stepped,
    metadata: Metadata,
) -> Result<Append, SagaError> {
    let stored = stored_step(step).map_err(|reason| SagaError::Unstorable {
        instance: instance.clone(),
        event: STEPPED,
        reason,
    })?;
    let expected = ExpectedVersion::at(version);
    Ok(Append::new(instance.clone(), expected)
        .with_metadata(metadata)
        .with_event(stored))
}

/// Calls the user's code, then the aggregates, and after a rejection the user's code again.
async fn answer(
    store: &AnyStore,
    user: Result<Box<dyn Instance>, String>,
    instance: &StreamId,
    (cause, input): (&ProcessCause, &Input<'_>),
    siblings: &[Append],
    rejected_commit: Option<&RejectedCommit>,
    streams_read: &mut Vec<StreamId>,
) -> Result<Reaction, SagaError> {
    let taken = match rejected_commit {
        Some(RejectedCommit::Parks(why)) => return Ok(Reaction::Park(why.clone())),
        Some(RejectedCommit::Command(rejected)) => Some(rejected),
        None => None,
    };
    let mut user = user;
    let waited = match input {
        Input::New(_) => None,
        Input::Due(_) => reread(store, cause).await?,
    };
    let event = match input {
        Input::New(event) => Some(*event),
        Input::Due(_) => waited.as_ref(),
    };
    let first = match &user {
        Err(why) => Err(why.clone()),
        Ok(user) => match (cause, event) {
            (ProcessCause::Timer { name, .. }, _) => user.timer(instance, name),
            (_, Some(event)) => user.react(instance, event),
            (_, None) => Err("the event of the waiting input is not in the store".to_owned()),
        },
    };
    let mut decided = match first {
        Ok(decided) => decided,
        Err(why) => return Ok(Reaction::Park(why)),
    };
    let rejected =
        match decide_commands(store, &mut decided, instance, siblings, streams_read).await? {
            Decisions::All(appends) => match taken.filter(|taken| taken.is_of(&appends)) {
                Some(taken) => taken.clone(),
                None => {
                    return Ok(match prove(&mut user, instance, &decided.events) {
                        Ok(()) => Reaction::Of(decided, None, appends),
                        Err(why) => Reaction::Park(why),
                    });
                }
            },
            Decisions::Wrong(why) => return Ok(Reaction::Park(why)),
            Decisions::Rejected(rejected) => rejected,
        };
    let instead = match &user {
        Ok(user) => user.rejected(instance, &rejected),
        Err(why) => Err(why.clone()),
    };
    let text = rejected.to_string();
    let mut decided = match instead {
        Ok(Some(decided)) => decided,
        Ok(None) => return Ok(Reaction::Park(text)),
        Err(why) => return Ok(Reaction::Park(format!("{text}; then {why}"))),
    };
    match decide_commands(store, &mut decided, instance, siblings, streams_read).await? {
        Decisions::All(appends) => Ok(match prove(&mut user, instance, &decided.events) {
            Ok(()) => Reaction::Of(decided, Some(text), appends),
            Err(why) => Reaction::Park(format!("{text}; then {why}")),
        }),
        Decisions::Wrong(why) => Ok(Reaction::Park(format!("{text}; then {why}"))),
        Decisions::Rejected(again) => Ok(Reaction::Park(format!("{text}; then {again}"))),
    }
}

/// Applies the own events that follow, so that none is stored that could not be applied when the instance is
/// loaded again. The state is not used afterwards.
fn prove(
    user: &mut Result<Box<dyn Instance>, String>,
    instance: &StreamId,
    events: &[NewEvent],
) -> Result<(), String> {
    let Ok(user) = user else { return Ok(()) };
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let as_stored = Appended::new(
        count,
        count,
        Position::START,
        Timestamp::from_unix_micros(0).unwrap_or_else(Timestamp::now),
    );
    let append = Append::new(instance.clone(), ExpectedVersion::Any).with_events(events.to_vec());
    for event in append.recorded(&as_stored) {
        let applied = user.apply(&event);
        applied.map_err(|why| format!("event `{}` of its own stream: {why}", event.name))?;
    }
    Ok(())
}

enum Decisions {
    All(Vec<Append>),
    Rejected(Rejected),
    Wrong(String),
}

/// Lets the aggregates decide all commands.
async fn decide_commands(
    store: &AnyStore,
    decided: &mut Decided,
    instance: &StreamId,
    siblings: &[Append],
    streams_read: &mut Vec<StreamId>,
) -> Result<Decisions, SagaError> {
    let mut appends: Vec<Append> = Vec::new();
    for command in std::mem::take(&mut decided.commands) {
        let stream = command.stream().cloned();
        if let Some(stream) = &stream {
            streams_read.push(stream.clone());
            let mut known = appends.iter().chain(siblings).map(|append| &append.stream);
            if known.any(|known| known == stream) || stream == instance {
                return Ok(Decisions::Wrong(format!(
                    "two commands to {stream} follow from one input; send only one to each aggregate"
                )));
            }
        }
        match command.decide(store).await {
            Ok(append) => appends.push(append),
            Err(DecideError::Rejected(reason)) => {
                return Ok(Decisions::Rejected(Rejected::new(stream, reason)));
            }
            Err(DecideError::Unread(error @ ReadError::Storage(_))) => return Err(error.into()),
            Err(DecideError::Unread(damaged)) => return Ok(Decisions::Wrong(damaged.to_string())),
            Err(DecideError::Failed(reason)) => return Ok(Decisions::Wrong(reason)),
        }
    }
    Ok(Decisions::All(appends))
}

/// The event of a waiting input.
async fn reread(
    store: &AnyStore,
    cause: &ProcessCause,
) -> Result<Option<RecordedEvent>, SagaError> {
    let Some((stream, version)) = cause.event_address() else {
        return Ok(None);
    };
    let range = StreamRange::forward(version.saturating_sub(1));
    let page = store
        .read_stream(&stream, range, ReadLimit::events(1))
        .await?;
    Ok(page.into_iter().find(|event| event.version == version))
}
