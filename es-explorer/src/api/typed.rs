//! Events as the application reads them, and the state after each.
//!
//! A state is what all earlier events fold to. So what comes before a page is read again for it, up to a limit: a request
//! stays bounded.

use crate::{Application, Reading, State, TypedEvent, answer::Failure};
use es_tables::{
    Store,
    events::{StoredEvent, page_of_stream},
};
use serde_json::{Value, json};

/// So many events before a page are folded.
const FOLDED: i64 = 10_000;
/// And so many bytes of payloads.
const FOLDED_BYTES: usize = 64 << 20;
/// So many are read at a time, at most.
const PAGE: usize = 1_000;
/// A list has so many bytes of each state.
pub(super) const STATE_IN_LIST: usize = 8 << 10;
/// And the screen of an event so many.
pub(super) const STATE_ALONE: usize = 256 << 10;

/// A stream that is shown with the types of the application.
pub(super) struct Typed<'a> {
    application: Option<&'a dyn Application>,
    reading: Option<Box<dyn Reading>>,
    has_type: bool,
    /// The state has not been folded: too much comes before.
    is_far: bool,
    /// The first event that could not be read. The state is not known after it.
    unreadable: Option<i64>,
}

/// What an event is read as.
pub(super) enum Form {
    /// Nobody knows.
    Untyped,
    /// Why it cannot be read.
    Unreadable(String),
    /// With the state after it, where it is known.
    Read(TypedEvent, Option<State>),
}

impl<'a> Typed<'a> {
    /// Folds what comes before a version.
    pub(super) fn begin(
        store: &mut Store<'_>,
        application: Option<&'a dyn Application>,
        (aggregate, id): (&str, &str),
        version: i64,
    ) -> Result<Self, Failure> {
        let is_far = version > FOLDED;
        let reading = application.and_then(|application| application.read(aggregate));
        let mut typed = Self {
            application,
            reading,
            has_type: false,
            is_far,
            unreadable: None,
        };
        let (mut after, mut bytes) = (0_i64, 0_usize);
        while typed.reading.is_some() && !typed.is_far && after.saturating_add(1) < version {
            let left = usize::try_from(version - 1 - after).unwrap_or(PAGE);
            let (events, is_cut) = page_of_stream(store, aggregate, id, after, PAGE.min(left))?;
            let Some(last) = events.last() else { break };
            after = last.version;
            for event in events.iter().filter(|event| event.version < version) {
                bytes = bytes.saturating_add(event.payload.len());
                typed.is_far = bytes > FOLDED_BYTES;
                if typed.is_far {
                    break;
                }
                typed.fold(event);
            }
            if !is_cut {
                break;
            }
        }
        Ok(typed)
    }

    /// What the next event is read as, where its state is known.
    fn fold(&mut self, event: &StoredEvent) -> Option<Result<TypedEvent, String>> {
        let reading = self.reading.as_mut().filter(|_| !self.is_far)?;
        let read = reading.event(event);
        if read.is_err() {
            self.unreadable.get_or_insert(event.version);
        }
        Some(read)
    }

    /// What an event is read as, with the state after it in so many bytes.
    pub(super) fn form(&mut self, event: &StoredEvent, most: usize) -> Form {
        let read = self.fold(event).or_else(|| self.application?.decode(event));
        self.has_type |= read.is_some();
        match read {
            None => Form::Untyped,
            Some(Err(why)) => Form::Unreadable(why),
            Some(Ok(read)) => Form::Read(read, self.state(most)),
        }
    }

    /// The state after the events so far, where it is known.
    pub(super) fn state(&self, most: usize) -> Option<State> {
        let reading = self.reading.as_ref().filter(|_| !self.is_far)?;
        reading.state(most)
    }

    /// Which forms there are, once the events are read.
    pub(super) fn status(&self) -> Value {
        json!({
            "has_application": self.application.is_some_and(Application::has_types),
            "has_type": self.has_type,
            "has_state": self.reading.is_some(),
            "is_far": self.reading.is_some() && self.is_far,
            "folded": FOLDED,
            "unreadable": self.unreadable,
        })
    }
}
