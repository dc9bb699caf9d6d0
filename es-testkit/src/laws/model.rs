//! What a history leads to, step by step, without a store: what the laws compare with.

use super::{
    commands::AnyCommand,
    history::{History, Step, Stored},
    panics::caught,
};
use es_runtime::{Aggregate, Decoded, EventSet, EventTag, UniqueChange, UniqueValue};
use std::fmt::{Debug, Write as _};

/// The answer to one step.
pub(super) enum Answer<A: Aggregate> {
    Events(Vec<A::Event>),
    Rejected(String),
}

impl<A: Aggregate<Event: Debug>> Debug for Answer<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Events(events) => events.fmt(f),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
        }
    }
}

impl<A: Aggregate<Event: PartialEq + Debug>> PartialEq for Answer<A> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Events(one), Self::Events(two)) => same(one, two),
            (Self::Rejected(one), Self::Rejected(two)) => one == two,
            _ => false,
        }
    }
}

/// Why a history could not be followed to its end. One law is about each.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// Code of the user panicked.
    Panicked(String),
    /// An event cannot be stored and read back.
    Unstored(String),
    /// An event has a unique value or a tag that no store takes.
    Unfit(String),
}

/// A history that was followed to its end.
pub(super) struct Live<A: Aggregate> {
    pub(super) state: A,
    pub(super) answers: Vec<Answer<A>>,
    pub(super) stored: Vec<Stored>,
}

/// Values are the same when they are equal, or when neither is equal to itself and both print alike, as a NaN.
#[expect(clippy::eq_op, reason = "a value with a NaN is not equal to itself")]
pub(super) fn same<T: PartialEq + Debug>(one: &T, two: &T) -> bool {
    one == two || (one != one && two != two && format!("{one:?}") == format!("{two:?}"))
}

/// The text of a rejection, by which two are compared.
pub(super) fn rejection(error: &impl std::error::Error) -> String {
    format!("{error} ({error:?})")
}

pub(super) fn answer<A: Aggregate>(
    command: &dyn AnyCommand<A>,
    state: &A,
) -> Result<Answer<A>, Stop> {
    let decided = caught(|| command.decide(state))
        .map_err(|panic| Stop::Panicked(format!("`handle` panicked: {panic}")))?;
    Ok(match decided {
        Ok(events) => Answer::Events(events.into_vec()),
        Err(error) => Answer::Rejected(rejection(&error)),
    })
}

/// Follows a history.
pub(super) fn live<A: Aggregate>(history: &History<A>) -> Result<Live<A>, Stop> {
    follow(history, |_, _| ())
}

/// Follows a history, and shows each answer with the state after it.
pub(super) fn follow<A: Aggregate>(
    history: &History<A>,
    mut seen: impl FnMut(&Answer<A>, &A),
) -> Result<Live<A>, Stop> {
    let mut live = Live {
        state: A::initial(),
        answers: Vec::new(),
        stored: Vec::new(),
    };
    for step in &history.0 {
        let answer = match step {
            Step::Command(_, command) => answer(&**command, &live.state)?,
            Step::Event(stored) => {
                let events = decode::<A>(stored)?;
                apply(&mut live.state, &events)?;
                live.stored.push(stored.clone());
                Answer::Events(events)
            }
        };
        if let (Step::Command(..), Answer::Events(events)) = (step, &answer) {
            for event in events {
                fits(event)?;
                let stored = encode::<A>(event)?;
                apply(&mut live.state, &decode::<A>(&stored)?)?;
                live.stored.push(stored);
            }
        }
        seen(&answer, &live.state);
        live.answers.push(answer);
    }
    Ok(live)
}

fn apply<A: Aggregate>(state: &mut A, events: &[A::Event]) -> Result<(), Stop> {
    caught(|| {
        for event in events {
            state.apply_event(event);
        }
    })
    .map_err(|panic| Stop::Panicked(format!("`apply` panicked: {panic}")))
}

/// Whether stores take the unique values and tags of an event.
fn fits(event: &impl EventSet) -> Result<(), Stop> {
    let name = event.event_type().name;
    let (unique, tags) = caught(|| (event.unique(), event.tags())).map_err(|panic| {
        Stop::Panicked(format!(
            "the unique values or tags of `{name}` panicked: {panic}"
        ))
    })?;
    let advice = "Check the text in `handle` and reject the command, or give values that the application takes: \
        `values(\"FIELD\" => [..])`.";
    let most = UniqueChange::MAX_BYTES;
    for change in unique {
        match change.value {
            UniqueValue::Claimed(value) if value.len() > most => {
                let (rule, bytes) = (change.rule, value.len());
                return Err(Stop::Unfit(format!(
                    "event `{name}` claims a text of {bytes} bytes by the rule `{rule}`, more than {most}.\n{advice}"
                )));
            }
            _ => {}
        }
    }
    EventTag::check(&tags)
        .map_err(|reason| Stop::Unfit(format!("event `{name}` has {reason}.\n{advice}")))
}

/// The state that stored events lead to.
pub(super) fn replay<A: Aggregate>(stored: &[Stored]) -> Result<A, Stop> {
    let mut state = A::initial();
    for event in stored {
        apply(&mut state, &decode::<A>(event)?)?;
    }
    Ok(state)
}

fn encode<A: Aggregate>(event: &A::Event) -> Result<Stored, Stop> {
    let kind = event.event_type();
    let encoded = caught(|| event.encode(A::CODEC)).map_err(Stop::Panicked)?;
    match encoded {
        Ok(bytes) => Ok(Stored {
            name: kind.name,
            version: kind.version,
            codec: A::CODEC,
            bytes,
        }),
        Err(error) => {
            let name = kind.name;
            Err(Stop::Unstored(format!(
                "event `{name}` cannot be stored: {error}"
            )))
        }
    }
}

fn decode<A: Aggregate>(stored: &Stored) -> Result<Vec<A::Event>, Stop> {
    let decoded = caught(|| stored.decode().map(Decoded::<A::Event>::into_iter))
        .map_err(|panic| Stop::Panicked(format!("reading `{}` panicked: {panic}", stored.name)))?;
    match decoded {
        Ok(events) => Ok(events.collect()),
        Err(error) => Err(Stop::Unstored(format!(
            "event `{}` cannot be read back: {error}",
            stored.name
        ))),
    }
}

/// The history as a person reads it: each step, numbered, and what came of it.
pub(super) fn shown<A: Aggregate<Event: Debug>>(history: &History<A>) -> String {
    let mut answers = Vec::new();
    let stop = follow(history, |answer, _| {
        // Code of the user prints itself.
        let text = |event| caught(|| format!("{event:?}")).unwrap_or_default();
        let lines = match answer {
            Answer::Events(events) => events.iter().map(text).collect(),
            Answer::Rejected(_) => vec![format!("{answer:?}")],
        };
        answers.push(lines);
    });
    if let Err(Stop::Panicked(why) | Stop::Unstored(why) | Stop::Unfit(why)) = stop {
        answers.push(vec![why]);
    }
    let mut text = String::new();
    for (index, step) in history.0.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{:>3}. {step:?}", index.saturating_add(1));
        for line in answers.get(index).into_iter().flatten() {
            let _ = writeln!(text, "     -> {line}");
        }
    }
    if history.0.is_empty() {
        text.push_str("  nothing happens\n");
    }
    text
}
