//! Given these aggregates, when this decision is made, then these events follow on each, or this rejection.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use es_decisions::{Decide, Decided, DecisionError, Decisions};
use es_runtime::{
    Aggregate, AnyStore, Append, AsId, EventStore, Events, ExpectedVersion, MemoryStore, ReadLimit,
    StreamId, StreamRange, command::encode_events,
};
use std::{
    fmt::Debug,
    future::{Future, IntoFuture},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Aggregates with a history, waiting for a decision. They are in a store in memory.
///
/// ```
/// use es_decisions::{Decide, Decision, Emitted};
/// use es_runtime::{Aggregate, Apply, Event, Events, events};
/// use es_testkit::decision::DecisionTest;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("seat.taken")]
/// struct Taken { by: String }
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("guest.seated")]
/// struct Seated {}
///
/// #[derive(Aggregate, Clone, Default)]
/// #[aggregate("seat", id = u32, error = SeatTaken, events(Taken))]
/// struct Seat { taken: bool }
///
/// #[derive(Aggregate, Clone, Default)]
/// #[aggregate("guest", id = String, error = SeatTaken, events(ignore(Seated)))]
/// struct Guest {}
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the seat is taken")]
/// struct SeatTaken;
///
/// impl Apply<Taken> for Seat {
///     fn apply(&mut self, _: &Taken) { self.taken = true; }
/// }
///
/// #[derive(Decision)]
/// #[decision("sit-down", error = SeatTaken, reads(seat: Seat(seat), guest: Guest(guest)))]
/// struct SitDown { seat: u32, guest: String }
///
/// impl Decide for SitDown {
///     fn decide(&self, read: &SitDownReads) -> Result<Emitted<Self>, SeatTaken> {
///         if read.seat.taken {
///             return Err(SeatTaken);
///         }
///         let taken: Events<Seat> = Taken { by: self.guest.clone() }.into();
///         let seated: Events<Guest> = Seated {}.into();
///         Ok(Emitted::new().on(self.seat, taken).on(&self.guest, seated))
///     }
/// }
///
/// let sit_down = |guest: &str| SitDown { seat: 7, guest: guest.into() };
/// DecisionTest::new()
///     .when(sit_down("ann"))
///     .then::<Seat>(7, Taken { by: "ann".into() })
///     .then::<Guest>("ann", Seated {})
///     .then_nothing_else()
///     .when(sit_down("bob"))
///     .then_rejected(SeatTaken);
/// DecisionTest::new()
///     .given::<Seat>(7, Taken { by: "eve".into() })
///     .when(sit_down("ann"))
///     .then_rejected(SeatTaken);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a test tests nothing without `when` and `then`"]
pub struct DecisionTest {
    store: AnyStore,
}

impl Default for DecisionTest {
    fn default() -> Self {
        Self::new()
    }
}

impl DecisionTest {
    /// No aggregate has an event.
    pub fn new() -> Self {
        Self {
            store: AnyStore::new(MemoryStore::new()),
        }
    }

    /// With these events on the aggregate with this id: one event, or `events![..]`.
    ///
    /// # Panics
    /// When the id is no stream id, or an event cannot be stored and read back by the aggregate's codec.
    #[track_caller]
    pub fn given<A: Aggregate>(self, id: impl AsId<A::Id>, events: impl Into<Events<A>>) -> Self {
        let stream = stream_of::<A>(id);
        let encoded = match encode_events(&stream, &events.into()) {
            Ok(encoded) => encoded,
            Err(error) => panic!("{error}"),
        };
        let append = Append::new(stream, ExpectedVersion::Any).with_events(encoded);
        if let Err(error) = ready(self.store.append(append)) {
            panic!("{error}");
        }
        self
    }

    /// Makes a decision.
    #[track_caller]
    pub fn when<D: Decide>(self, decision: D) -> DecisionThen<D> {
        let decided = ready(
            Decisions::new(self.store.clone())
                .execute(decision)
                .into_future(),
        );
        let unseen = decided.as_ref().map_or_else(
            |_| Vec::new(),
            |decided| {
                let streams = decided.streams.iter();
                streams
                    .map(|written| (written.stream.clone(), written.events))
                    .collect()
            },
        );
        DecisionThen {
            before: self,
            decided,
            unseen,
        }
    }
}

/// The result of a decision, to compare with what is expected.
#[must_use = "say what the answer should be: `then` and `then_nothing_else`, or `then_rejected`"]
pub struct DecisionThen<D: Decide> {
    before: DecisionTest,
    decided: Result<Decided<D>, DecisionError<D::Error>>,
    /// The streams with new events that no `then` named.
    unseen: Vec<(StreamId, u64)>,
}

impl<D: Decide> DecisionThen<D> {
    /// Asserts that exactly these events follow on this aggregate: one event, or `events![..]`.
    ///
    /// # Panics
    /// When other events follow on it, or the decision failed.
    #[track_caller]
    pub fn then<A: Aggregate>(
        mut self,
        id: impl AsId<A::Id>,
        expected: impl Into<Events<A>>,
    ) -> Self
    where
        A::Event: Debug + PartialEq,
    {
        let (stream, expected) = (stream_of::<A>(id), expected.into());
        if let Err(error) = &self.decided {
            panic!("the decision failed: {error}\nexpected on {stream}: {expected:#?}");
        }
        let at = self.unseen.iter().position(|(unseen, _)| *unseen == stream);
        let new = at.map_or(0, |at| self.unseen.swap_remove(at).1);
        let actual = newest::<A>(&self.before.store, &stream, new);
        assert!(
            actual == expected,
            "other events than expected on {stream}\nexpected: {expected:#?}\n  actual: {actual:#?}"
        );
        self
    }

    /// Asserts that no other aggregate got an event. The next `when` decides on what is stored now.
    ///
    /// # Panics
    /// When another one did, or the decision failed.
    #[track_caller]
    pub fn then_nothing_else(self) -> DecisionTest {
        if let Err(error) = &self.decided {
            panic!("the decision failed: {error}");
        }
        let unseen: Vec<_> = self.unseen.iter().map(|(stream, _)| stream).collect();
        assert!(unseen.is_empty(), "there are new events on {unseen:?} too");
        self.before
    }

    /// Asserts that the decision is rejected with exactly this error. Nothing is stored then.
    ///
    /// # Panics
    /// When it was accepted, rejected with another error, or failed in another way.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an error is written out in a test"
    )]
    #[track_caller]
    pub fn then_rejected(self, expected: D::Error) -> DecisionTest
    where
        D::Error: PartialEq,
    {
        match self.decided {
            Ok(decided) => {
                panic!("the decision was accepted\nexpected: {expected:?}\n  actual: {decided:?}")
            }
            Err(DecisionError::Rejected(error)) => assert!(
                error == expected,
                "another rejection than expected\nexpected: {expected:?}\n  actual: {error:?}"
            ),
            Err(error) => panic!("the decision failed: {error}\nexpected: {expected:?}"),
        }
        self.before
    }

    /// The result of the decision, for your own assertions.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn into_result(self) -> Result<Decided<D>, DecisionError<D::Error>> {
        self.decided
    }
}

#[track_caller]
fn stream_of<A: Aggregate>(id: impl AsId<A::Id>) -> StreamId {
    match StreamId::of::<A>(id) {
        Ok(stream) => stream,
        Err(error) => panic!("{error}"),
    }
}

/// The last so many events of a stream.
#[track_caller]
fn newest<A: Aggregate>(store: &AnyStore, stream: &StreamId, new: u64) -> Events<A> {
    let mut events = Events::none();
    let limit = ReadLimit::events(usize::try_from(new).unwrap_or(usize::MAX));
    if new == 0 {
        return events;
    }
    let read = store.read_stream(stream, StreamRange::backward(u64::MAX), limit);
    let Ok(read) = ready(read) else {
        panic!("the store in memory cannot be read")
    };
    for recorded in read.iter().rev() {
        match recorded.decode::<A::Event>() {
            Ok(decoded) => decoded
                .into_iter()
                .for_each(|of| events.push_event(of.event)),
            Err(error) => panic!("{error}"),
        }
    }
    events
}

/// The output of a future that waits for nothing, as those of the store in memory.
#[track_caller]
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the store in memory waits"),
    }
}
