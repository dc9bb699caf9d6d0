//! One input of one instance: what follows from it, as a part of a transaction.

use super::{
    kind::{Decided, Instance, Manager},
    reactions::Rejected,
    state::{Loaded, load},
    stored::{ProcessCause, ProcessOutcome, STEPPED, Stepped},
};
use crate::SagaError;
use es_runtime::{
    Append, AppendId, Codec, ExpectedVersion, Metadata, NewEvent, ReadError, ReadLimit,
    RecordedEvent, StreamId, StreamRange, Timestamp, command::DecideError,
};
use es_runtime::{WorkChange, WorkQueue};

/// How the reaction to an input went.
enum Answer {
    Of(Decided, Option<String>, Vec<Append>),
    Park(String),
}

/// What follows from one input of one instance, until it is stored.
pub(super) struct Decision {
    /// The record and the instance's own events, then those of the aggregates.
    pub(super) appends: Vec<Append>,
    pub(super) row: WorkChange,
    /// The streams on whose state it was decided, those of aggregates that rejected among them.
    pub(super) looked_at: Vec<StreamId>,
}

/// Decides on one input; `None` when it is not due any more.
///
/// `beside` is what else is stored in the same transaction for the same event. With `cannot` the
/// instance is parked for that reason instead of asked.
pub(super) async fn decide<S: WorkQueue>(
    store: &S,
    manager: &dyn Manager,
    instance: &StreamId,
    input: &Input<'_>,
    now: Timestamp,
    beside: &[Append],
    cannot: Option<&str>,
) -> Result<Option<Decision>, SagaError> {
    let loaded = load(store, manager, instance).await?;
    let Some(cause) = input.cause(&loaded, now) else {
        return Ok(None);
    };
    let Loaded {
        mut state,
        user,
        version,
        metadata,
    } = loaded;
    let mut looked_at = vec![instance.clone()];
    let record = |cause, outcome| (Stepped::new(cause, outcome), Vec::new(), Vec::new());
    let (step, events, appends) = if state.ended {
        record(cause, ProcessOutcome::TooLate {})
    } else if input.is_new() && !state.waiting.is_empty() {
        record(cause, ProcessOutcome::Waits {})
    } else {
        let answer = match cannot {
            Some(why) => Answer::Park(why.to_owned()),
            None => answer(store, user, instance, &cause, input, beside, &mut looked_at).await?,
        };
        match answer {
            Answer::Of(decided, rejected, appends) => {
                let mut step = Stepped::new(cause, ProcessOutcome::Reacted {});
                let timers = decided.timers.into_iter();
                step.timers = timers
                    .map(|(name, after)| (name, after.map(|after| now.after(after))))
                    .collect();
                step.commands = appends.iter().map(|a| a.stream.to_string()).collect();
                step.rejected = rejected;
                step.ended = decided.ended;
                (step, decided.events, appends)
            }
            Answer::Park(why) => record(cause, ProcessOutcome::Parked { why }),
        }
    };
    state.apply(&step);
    let metadata = match input {
        Input::New(event) => Metadata::following(event),
        Input::Due(_) => metadata,
    };
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
        looked_at,
    }))
}

/// An input of an instance whose stream this program cannot read: it waits behind what is there, for a
/// program that can.
pub(super) fn keep(instance: &StreamId, event: &RecordedEvent) -> Result<Append, SagaError> {
    let step = Stepped::new(ProcessCause::event(event), ProcessOutcome::Waits {});
    let mut append = append_of(instance, 0, &step, Metadata::following(event))?;
    append.expected = ExpectedVersion::Any;
    append.append_id = Some(AppendId::from(event.event_id));
    Ok(append)
}

/// Where an input comes from.
pub(super) enum Input<'e> {
    /// The feed.
    New(&'e RecordedEvent),
    /// What is due: an input that waits, or a timer.
    Due(ProcessCause),
}

impl Input<'_> {
    const fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }

    /// What it is; `None` when it is not due any more.
    fn cause(&self, loaded: &Loaded, now: Timestamp) -> Option<ProcessCause> {
        match self {
            Self::New(event) => Some(ProcessCause::event(event)),
            Self::Due(cause) => loaded.state.due(now).filter(|due| due == cause),
        }
    }
}

/// The append of a record behind that version.
pub(super) fn append_of(
    instance: &StreamId,
    version: u64,
    step: &Stepped,
    metadata: Metadata,
) -> Result<Append, SagaError> {
    let payload = Codec::Json.encode(step).map_err(|e| SagaError::NotNow {
        instance: instance.clone(),
        reason: format!("event `{STEPPED}` cannot be stored: {e}"),
    })?;
    let expected = ExpectedVersion::at(version);
    Ok(Append::new(instance.clone(), expected)
        .with_metadata(metadata)
        .with_event(NewEvent::json(STEPPED, 1, payload)))
}

/// Asks the user's code, then the aggregates, and after a rejection the user's code once more.
async fn answer<S: WorkQueue>(
    store: &S,
    user: Result<Box<dyn Instance>, String>,
    instance: &StreamId,
    cause: &ProcessCause,
    input: &Input<'_>,
    beside: &[Append],
    looked_at: &mut Vec<StreamId>,
) -> Result<Answer, SagaError> {
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
            (_, None) => Err("the event that it waits with is not in the store".to_owned()),
        },
    };
    let mut decided = match first {
        Ok(decided) => decided,
        Err(why) => return Ok(Answer::Park(why)),
    };
    let rejected = match ask_all(store, &mut decided, instance, beside, looked_at).await? {
        Asked::All(appends) => return Ok(Answer::Of(decided, None, appends)),
        Asked::Wrong(why) => return Ok(Answer::Park(why)),
        Asked::Rejected(rejected) => rejected,
    };
    let instead = match &user {
        Ok(user) => user.rejected(instance, &rejected),
        Err(why) => Err(why.clone()),
    };
    let text = rejected.to_string();
    let mut decided = match instead {
        Ok(Some(decided)) => decided,
        Ok(None) => return Ok(Answer::Park(text)),
        Err(why) => return Ok(Answer::Park(format!("{text}; then {why}"))),
    };
    match ask_all(store, &mut decided, instance, beside, looked_at).await? {
        Asked::All(appends) => Ok(Answer::Of(decided, Some(text), appends)),
        Asked::Wrong(why) => Ok(Answer::Park(format!("{text}; then {why}"))),
        Asked::Rejected(again) => Ok(Answer::Park(format!("{text}; then {again}"))),
    }
}

enum Asked {
    All(Vec<Append>),
    Rejected(Rejected),
    Wrong(String),
}

/// Has all commands decided by their aggregates.
async fn ask_all<S: WorkQueue>(
    store: &S,
    decided: &mut Decided,
    instance: &StreamId,
    beside: &[Append],
    looked_at: &mut Vec<StreamId>,
) -> Result<Asked, SagaError> {
    let mut appends: Vec<Append> = Vec::new();
    for command in std::mem::take(&mut decided.commands) {
        let stream = command.stream().cloned();
        if let Some(stream) = &stream {
            looked_at.push(stream.clone());
            let mut known = appends.iter().chain(beside).map(|append| &append.stream);
            if known.any(|known| known == stream) || stream == instance {
                return Ok(Asked::Wrong(format!(
                    "two commands to {stream} follow from one input; send one"
                )));
            }
        }
        match command.decide(store).await {
            Ok(append) => appends.push(append),
            Err(DecideError::Rejected(reason)) => {
                return Ok(Asked::Rejected(Rejected::new(stream, reason)));
            }
            Err(DecideError::Unread(error @ ReadError::Storage(_))) => return Err(error.into()),
            Err(DecideError::Unread(damaged)) => return Ok(Asked::Wrong(damaged.to_string())),
            Err(DecideError::Failed(reason)) => return Ok(Asked::Wrong(reason)),
        }
    }
    Ok(Asked::All(appends))
}

/// The event of an input that waits.
async fn reread<S: WorkQueue>(
    store: &S,
    cause: &ProcessCause,
) -> Result<Option<RecordedEvent>, SagaError> {
    let Some((stream, version)) = cause.place() else {
        return Ok(None);
    };
    let range = StreamRange::forward(version.saturating_sub(1));
    let page = store
        .read_stream(&stream, range, ReadLimit::events(1))
        .await?;
    Ok(page.into_iter().find(|event| event.version == version))
}
