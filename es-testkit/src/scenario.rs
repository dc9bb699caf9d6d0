//! Given these events, when this command comes, then these events follow, or this rejection.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::diff;
use es_runtime::{Aggregate, Command, EventSet, Events, command::HandledBy};
use std::fmt::Debug;

/// Starts from an aggregate without events.
///
/// ```
/// use es_runtime::{Aggregate, Apply, Event, Events, Handle};
/// use es_testkit::given_nothing;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("door.opened")]
/// struct Opened {}
///
/// #[derive(Clone)]
/// struct Open;
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the door is open")]
/// struct AlreadyOpen;
///
/// #[derive(Aggregate, Default, Debug)]
/// #[aggregate("door", id = u32, error = AlreadyOpen, events(Opened))]
/// struct Door {
///     open: bool,
/// }
///
/// impl Apply<Opened> for Door {
///     fn apply(&mut self, _: &Opened) {
///         self.open = true;
///     }
/// }
///
/// impl Handle<Open> for Door {
///     fn handle(&self, _: Open) -> Result<Events<Self>, AlreadyOpen> {
///         if self.open { Err(AlreadyOpen) } else { Ok(Opened {}.into()) }
///     }
/// }
///
/// given_nothing::<Door>()
///     .when(Open)
///     .then(Opened {})
///     .when(Open)
///     .then_rejected(AlreadyOpen);
/// ```
#[must_use = "a scenario tests nothing without `when` and `then`"]
pub fn given_nothing<A: Aggregate>() -> Scenario<A> {
    Scenario {
        state: A::initial(),
        version: 0,
    }
}

/// Starts from an aggregate with these events: one event, or `events![..]`.
///
/// # Panics
/// When an event cannot be stored and read back by the aggregate's codec.
#[must_use = "a scenario tests nothing without `when` and `then`"]
#[track_caller]
pub fn given<A: Aggregate>(events: impl Into<Events<A>>) -> Scenario<A> {
    given_nothing().and(events)
}

/// An aggregate with a history, waiting for a command.
#[derive(Clone, Debug)]
pub struct Scenario<A> {
    state: A,
    version: u64,
}

impl<A: Aggregate> Scenario<A> {
    /// Adds more events.
    ///
    /// # Panics
    /// When an event cannot be stored and read back by the aggregate's codec, or when the state of an
    /// aggregate with snapshots is not equal to what a snapshot of it restores.
    #[must_use = "a scenario tests nothing without `when` and `then`"]
    #[track_caller]
    pub fn and(mut self, events: impl Into<Events<A>>) -> Self {
        for event in &events.into() {
            for event in stored_and_read::<A>(event) {
                self.state.apply_event(&event);
            }
            self.version += 1;
        }
        let stored = A::SNAPSHOTS.map(|policy| policy.encode(&self.state, A::CODEC));
        if let Some(Err(error)) = stored {
            panic!("the state cannot be kept in a snapshot: {error}");
        }
        self
    }

    /// Sends a command.
    pub fn when<C>(self, command: C) -> Then<A>
    where
        C: Command + HandledBy<A>,
    {
        let decided = command.handled_by(&self.state);
        Then {
            before: self,
            decided,
        }
    }

    /// The state after these events.
    pub fn state(&self) -> &A {
        &self.state
    }

    /// The number of events.
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// The result of a command, to compare with what is expected.
#[must_use = "say what the answer should be: `then`, `then_nothing` or `then_rejected`"]
pub struct Then<A: Aggregate> {
    before: Scenario<A>,
    decided: Result<Events<A>, A::Error>,
}

impl<A: Aggregate> Then<A> {
    /// Asserts that exactly these events follow: one event, or `events![..]`. They become part of the history.
    ///
    /// # Panics
    /// When other events follow, or the command was rejected.
    #[track_caller]
    pub fn then(self, expected: impl Into<Events<A>>) -> Scenario<A>
    where
        A::Event: Debug + PartialEq,
    {
        let expected = expected.into();
        match self.decided {
            Ok(events) => {
                assert!(
                    events == expected,
                    "other events than expected\n{}",
                    diff::values(&expected, &events)
                );
                self.before.and(events)
            }
            Err(error) => {
                panic!("the command was rejected: {error}\nexpected: {expected:#?}")
            }
        }
    }

    /// Asserts that the command is accepted and no event follows.
    ///
    /// # Panics
    /// When an event follows, or the command was rejected.
    #[track_caller]
    pub fn then_nothing(self) -> Scenario<A>
    where
        A::Event: Debug + PartialEq,
    {
        self.then(Events::none())
    }

    /// Asserts that the command is rejected with exactly this error. The history stays the same.
    ///
    /// # Panics
    /// When the command was accepted, or rejected with another error.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an error is written out in a test"
    )]
    #[track_caller]
    pub fn then_rejected(self, expected: A::Error) -> Scenario<A>
    where
        A::Event: Debug,
        A::Error: PartialEq,
    {
        match self.decided {
            Ok(events) => {
                panic!("the command was accepted\nexpected: {expected:?}\n  actual: {events:#?}")
            }
            Err(error) => assert!(
                error == expected,
                "another rejection than expected\nexpected: {expected:?}\n  actual: {error:?}"
            ),
        }
        self.before
    }

    /// The result of the command, for your own assertions.
    ///
    /// # Errors
    /// The aggregate's rejection.
    pub fn into_result(self) -> Result<Events<A>, A::Error> {
        self.decided
    }
}

/// The event as it comes back from a store, so that a test fails when part of it is lost.
#[track_caller]
fn stored_and_read<A: Aggregate>(event: &A::Event) -> es_runtime::Decoded<A::Event> {
    let kind = event.event_type();
    let stored = event.encode(A::CODEC).map(|bytes| {
        let payload = es_runtime::StoredPayload::new(kind.version, A::CODEC.content_type(), &bytes);
        A::Event::decode(kind.name, payload)
    });
    match stored {
        Ok(Ok(event)) => event,
        Ok(Err(error)) => panic!("event `{}` cannot be read back: {error}", kind.name),
        Err(error) => panic!("event `{}` cannot be stored: {error}", kind.name),
    }
}
