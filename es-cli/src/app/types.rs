//! What an application knows of its streams, without type parameters: the verbs are compiled once, and not for each
//! aggregate.

use crate::events::StoredEvent;
use es_runtime::{
    Aggregate, Codec, DecodeError, EventSet, EventTag, Snapshot, StoredPayload, UniqueChange,
};
use std::{
    fmt::Debug,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// For names of events, their rules of unique values.
pub(super) type Rules = &'static [(&'static str, &'static [&'static str])];

/// The types of the streams of one aggregate.
pub(super) trait Streams: Send + Sync {
    /// Begins to read a stream.
    fn read(&self) -> Box<dyn Reading>;
    /// What an event is read as, whatever came before it: no state is folded. It is with payloads where they are wanted.
    ///
    /// # Errors
    /// Why it cannot be decoded, without quoting it.
    fn decode(&self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String>;
    /// The rules of unique values that its events have a say in.
    fn unique_rules(&self) -> Rules;
    /// Whether snapshots of it may be there.
    fn has_snapshots(&self) -> bool;
}

/// A stream that is being read, event by event.
pub(super) trait Reading {
    /// What the next event is read as, with payloads where they are wanted.
    ///
    /// # Errors
    /// Why it cannot be decoded or applied, without quoting it. The state is unknown from then on.
    fn event(&mut self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String>;
    /// The state after the events so far, where it is known.
    fn state(&self) -> Option<&dyn Debug>;
    /// Whether a snapshot holds this state; `None` where loads would drop it, or the state is not known.
    fn holds(&self, snapshot: &Snapshot) -> Option<bool>;
}

/// An event that a stored one is read as.
pub(super) struct ReadAs {
    pub(super) name: &'static str,
    pub(super) version: u16,
    /// In JSON, as this program would write it.
    pub(super) payload: Option<String>,
    pub(super) unique: Vec<UniqueChange>,
    pub(super) tags: Vec<EventTag>,
}

pub(super) struct AggregateTypes<A>(PhantomData<fn() -> A>);

impl<A> Default for AggregateTypes<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

struct State<A>(Option<A>);

impl<A: Aggregate + Debug> Streams for AggregateTypes<A> {
    fn read(&self) -> Box<dyn Reading> {
        Box::new(State(Some(A::initial())))
    }

    fn decode(&self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        EventTypes::<A::Event>::default().event(event, with_payloads)
    }

    fn unique_rules(&self) -> Rules {
        A::Event::UNIQUE_RULES
    }

    fn has_snapshots(&self) -> bool {
        A::SNAPSHOTS.is_some()
    }
}

impl<A: Aggregate + Debug> Reading for State<A> {
    fn event(&mut self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        // After an error the state is gone.
        let state = self.0.take();
        let events = decode::<A::Event>(event)?;
        if let Some(mut state) = state {
            for event in &events {
                survive("applying it", || state.apply_event(event))?;
            }
            self.0 = Some(state);
        }
        Ok(read_as(&events, with_payloads))
    }

    fn state(&self) -> Option<&dyn Debug> {
        self.0.as_ref().map(|state| state as &dyn Debug)
    }

    fn holds(&self, snapshot: &Snapshot) -> Option<bool> {
        let (policy, state) = (A::SNAPSHOTS?, self.0.as_ref()?);
        policy.holds(snapshot, state, A::CODEC)
    }
}

pub(super) struct EventTypes<S>(PhantomData<fn() -> S>);

impl<S> Default for EventTypes<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<S: EventSet> Streams for EventTypes<S> {
    fn read(&self) -> Box<dyn Reading> {
        Box::new(Self::default())
    }

    fn decode(&self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        Self::default().event(event, with_payloads)
    }

    fn unique_rules(&self) -> Rules {
        S::UNIQUE_RULES
    }

    fn has_snapshots(&self) -> bool {
        false
    }
}

impl<S: EventSet> Reading for EventTypes<S> {
    fn event(&mut self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        Ok(read_as(&decode::<S>(event)?, with_payloads))
    }

    fn state(&self) -> Option<&dyn Debug> {
        None
    }

    fn holds(&self, _: &Snapshot) -> Option<bool> {
        None
    }
}

fn decode<S: EventSet>(event: &StoredEvent) -> Result<Vec<S>, String> {
    let Ok(version) = u16::try_from(event.schema_version) else {
        return Err("the schema version is not a number from 1 to 65535".to_owned());
    };
    let stored = StoredPayload::new(version, &event.content_type, &event.payload);
    let decoded = survive("decoding it", || S::decode(&event.event, stored))?;
    let decoded = decoded.map_err(|error: DecodeError| error.to_string())?;
    Ok(decoded.into_iter().collect())
}

fn read_as<S: EventSet>(events: &[S], with_payloads: bool) -> Vec<ReadAs> {
    let read = events.iter().map(|event| {
        let kind = event.event_type();
        ReadAs {
            name: kind.name,
            version: kind.version,
            payload: with_payloads.then(|| payload_of(event)).flatten(),
            unique: event.unique(),
            tags: event.tags(),
        }
    });
    read.collect()
}

fn payload_of<S: EventSet>(event: &S) -> Option<String> {
    let payload = survive("encoding it", || event.encode(Codec::Json));
    String::from_utf8(payload.ok()?.ok()?).ok()
}

/// What code of the application returns, unless it panics. The panic hook has the message.
pub(super) fn survive<T>(what: &str, code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| format!("{what} panicked"))
}
