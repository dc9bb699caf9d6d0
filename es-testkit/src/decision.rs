//! Given these events, when this decision is made, then these events follow, or this rejection.

#![allow(clippy::panic, reason = "an assertion of a test panics")]

use crate::{diff, history, ready::ready, written};
use es_decisions::{__private::stored, Decide, Decided, DecisionError, Decisions};
use es_runtime::{
    Aggregate, AnyStore, Append, AsId, Event, EventStore, Events, MemoryStore, ReadLimit,
    RecordedEvent, StreamId, StreamRange,
};
use std::{fmt::Debug, future::IntoFuture};

/// Aggregates with a history, and events with tags, waiting for a decision. They are in a store in memory, which finds
/// events by their tags as any store does: an event without a tag is missing in a fold here too.
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
///
/// [`given_event`](DecisionTest::given_event) and [`then_event`](DecisionThen::then_event) are about events with tags:
///
/// ```
/// use es_decisions::{Decide, Decision, Emitted, Fold};
/// use es_runtime::{Apply, Event, Tag};
/// use es_testkit::decision::DecisionTest;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Tag, Clone, Serialize, Deserialize, Debug, PartialEq)]
/// #[tag("room")]
/// struct RoomId(String);
///
/// #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// #[event("room.booked")]
/// struct Booked {
///     #[tag]
///     room: RoomId,
/// }
///
/// #[derive(Fold, Clone, Default)]
/// #[fold("occupied", by(RoomId), events(Booked))]
/// struct Occupied(bool);
///
/// impl Apply<Booked> for Occupied {
///     fn apply(&mut self, _: &Booked) { self.0 = true; }
/// }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the room is occupied")]
/// struct RoomOccupied;
///
/// #[derive(Decision)]
/// #[decision("book", error = RoomOccupied, reads(occupied: Occupied(room)), emits(Booked))]
/// struct Book { room: RoomId }
///
/// impl Decide for Book {
///     fn decide(&self, read: &BookReads) -> Result<Emitted<Self>, RoomOccupied> {
///         if read.occupied.0 {
///             return Err(RoomOccupied);
///         }
///         Ok(Emitted::new().event(Booked { room: self.room.clone() }))
///     }
/// }
///
/// let room = |room: &str| RoomId(room.into());
/// DecisionTest::new()
///     .given_event(Booked { room: room("101") })
///     .when(Book { room: room("102") })
///     .then_event(Booked { room: room("102") })
///     .then_nothing_else()
///     .when(Book { room: room("101") })
///     .then_rejected(RoomOccupied);
/// ```
#[derive(Clone, Debug)]
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
    #[must_use = "a test tests nothing without `when` and `then`"]
    pub fn new() -> Self {
        Self {
            store: AnyStore::new(MemoryStore::new()),
        }
    }

    /// With these events on the aggregate with this id: one event, or `events![..]`.
    ///
    /// # Panics
    /// When the id is no stream id, or an event cannot be stored and read back by the aggregate's codec.
    #[must_use = "a test tests nothing without `when` and `then`"]
    #[track_caller]
    pub fn given<A: Aggregate>(self, id: impl AsId<A::Id>, events: impl Into<Events<A>>) -> Self {
        self.append(history::append::<A>(id, events));
        self
    }

    /// With this event, on the stream that its tag names.
    ///
    /// # Panics
    /// When it has no such tag, or cannot be stored and read back.
    #[must_use = "a test tests nothing without `when` and `then`"]
    #[track_caller]
    pub fn given_event<E: Event>(self, event: E) -> Self {
        self.append(history::append_event(event));
        self
    }

    #[track_caller]
    fn append(&self, append: Append) {
        if let Err(error) = ready(self.store.append(append)) {
            panic!("{error}");
        }
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
        let (stream, expected) = (history::stream::<A>(id), expected.into());
        if let Err(error) = &self.decided {
            panic!("the decision failed: {error}\nexpected on {stream}: {expected:#?}");
        }
        let at = self.unseen.iter().position(|(unseen, _)| *unseen == stream);
        let new = at.map_or(0, |at| self.unseen.swap_remove(at).1);
        let stored = newest(&self.before.store, &stream, new);
        written::assert_events(&stream, &expected, &stored);
        self
    }

    /// Asserts that this event is the next one on the stream that its tag names.
    ///
    /// # Panics
    /// When another event follows on it, or none, or the decision failed.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an event is written out in a test"
    )]
    #[track_caller]
    pub fn then_event<E: Event + Debug + PartialEq>(mut self, expected: E) -> Self {
        if let Err(error) = &self.decided {
            panic!("the decision failed: {error}\nexpected: {expected:#?}");
        }
        let stream = match stored(&expected) {
            Ok((stream, _)) => stream,
            Err(error) => panic!("{error}"),
        };
        let mut unseen = self.unseen.iter_mut();
        let of_stream = unseen.find(|(unseen, new)| *unseen == stream && *new > 0);
        let Some((_, new)) = of_stream else {
            panic!("there is no further new event on {stream}\nexpected: {expected:#?}");
        };
        let next = newest(&self.before.store, &stream, *new).into_iter().next();
        *new -= 1;
        let Some(next) = next else {
            panic!("the store in memory has lost events of {stream}")
        };
        let actual = (*next.name == *E::NAME).then(|| E::from_payload(next.stored_payload()));
        match actual {
            Some(Ok(actual)) => assert!(
                actual == expected,
                "another event than expected on {stream}\n{}",
                diff::values(&expected, &actual)
            ),
            Some(Err(error)) => panic!("{error}"),
            None => panic!(
                "`{}` follows on {stream}\nexpected: {expected:#?}",
                next.name
            ),
        }
        self
    }

    /// Asserts that no other stream got an event. The next `when` decides on what is stored now.
    ///
    /// # Panics
    /// When another one did, or the decision failed.
    #[track_caller]
    pub fn then_nothing_else(self) -> DecisionTest {
        if let Err(error) = &self.decided {
            panic!("the decision failed: {error}");
        }
        let unseen = self.unseen.iter().filter(|(_, new)| *new > 0);
        let unseen: Vec<_> = unseen.map(|(stream, _)| stream).collect();
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

/// The last so many events of a stream, in their order.
#[track_caller]
fn newest(store: &AnyStore, stream: &StreamId, new: u64) -> Vec<RecordedEvent> {
    let limit = ReadLimit::events(usize::try_from(new).unwrap_or(usize::MAX));
    if new == 0 {
        return Vec::new();
    }
    let read = store.read_stream(stream, StreamRange::backward(u64::MAX), limit);
    let Ok(mut read) = ready(read) else {
        panic!("the store in memory cannot be read")
    };
    read.reverse();
    read
}
