//! What a handler returns: no event, one or several.

use crate::{Aggregate, EventSet};
use std::ops::Deref;

/// The events that a handler returns, in order.
///
/// One event converts with `.into()`. Use [`events!`](crate::events!) for several and [`Events::none`]
/// for none.
///
/// ```
#[doc = include_str!("../../docs/jar.rs")]
/// let one: Events<Jar> = Filled { drops: 3 }.into();
/// let several: Events<Jar> = events![Filled { drops: 9 }, Spilled {}];
/// let counted: Events<Jar> = (1..=3).map(|drops| Filled { drops }).collect();
/// assert_eq!((one.len(), several.len(), counted.len()), (1, 2, 3));
/// assert!(Events::<Jar>::none().is_empty());
/// ```
pub struct Events<A: Aggregate> {
    list: Vec<A::Event>,
}

impl<A: Aggregate> Events<A> {
    /// No events: the command is accepted and nothing changes.
    pub const fn none() -> Self {
        Self { list: Vec::new() }
    }

    /// Appends an event.
    pub fn push(&mut self, event: impl EventOf<A, Event = A::Event>) {
        self.list.push(event.into_event());
    }

    /// Appends an event that is already a value of the aggregate's event enum.
    pub fn push_event(&mut self, event: A::Event) {
        self.list.push(event);
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The events in order.
    pub fn iter(&self) -> std::slice::Iter<'_, A::Event> {
        self.list.iter()
    }

    /// The events as a vector.
    pub fn into_vec(self) -> Vec<A::Event> {
        self.list
    }
}

impl<A: Aggregate> Default for Events<A> {
    fn default() -> Self {
        Self::none()
    }
}

impl<A: Aggregate<Event: Clone>> Clone for Events<A> {
    fn clone(&self) -> Self {
        Self {
            list: self.list.clone(),
        }
    }
}

impl<A: Aggregate<Event: std::fmt::Debug>> std::fmt::Debug for Events<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}

impl<A: Aggregate<Event: PartialEq>> PartialEq for Events<A> {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl<A: Aggregate, E: EventSet + EventOf<A, Event = A::Event>> From<E> for Events<A> {
    fn from(event: E) -> Self {
        Self {
            list: vec![event.into_event()],
        }
    }
}

impl<A: Aggregate, E: EventOf<A, Event = A::Event>> From<Vec<E>> for Events<A> {
    fn from(events: Vec<E>) -> Self {
        events.into_iter().collect()
    }
}

/// An event that an aggregate lists, or its event enum. `#[derive(Aggregate)]` implements it for both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of aggregate `{A}`",
    label = "`{A}` does not list `{Self}`",
    note = "add `{Self}` to the `events(..)` of the aggregate that this code is in; to return several events write `events![a, b]`"
)]
pub trait EventOf<A>: Sized {
    /// The aggregate's event enum.
    type Event;

    /// The event as the aggregate's event enum.
    fn into_event(self) -> Self::Event;

    /// The event out of the aggregate's event enum.
    ///
    /// # Errors
    /// The event, when it is another one.
    fn from_event(event: Self::Event) -> Result<Self, Self::Event>;
}

impl<A: Aggregate, E: EventOf<A, Event = A::Event>> FromIterator<E> for Events<A> {
    fn from_iter<I: IntoIterator<Item = E>>(events: I) -> Self {
        Self {
            list: events.into_iter().map(EventOf::into_event).collect(),
        }
    }
}

impl<A: Aggregate, E: EventOf<A, Event = A::Event>> Extend<E> for Events<A> {
    fn extend<I: IntoIterator<Item = E>>(&mut self, events: I) {
        self.list
            .extend(events.into_iter().map(EventOf::into_event));
    }
}

impl<A: Aggregate> IntoIterator for Events<A> {
    type Item = A::Event;
    type IntoIter = std::vec::IntoIter<A::Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a, A: Aggregate> IntoIterator for &'a Events<A> {
    type Item = &'a A::Event;
    type IntoIter = std::slice::Iter<'a, A::Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Creates [`Events`] from events of any types that the aggregate lists. `events![]` has no events.
///
/// ```
#[doc = include_str!("../../docs/jar.rs")]
/// fn shake(jar: &Jar) -> Events<Jar> {
///     if jar.drops == 0 { events![] } else { events![Filled { drops: 1 }, Spilled {}] }
/// }
/// assert_eq!(shake(&Jar { drops: 0 }).len(), 0);
/// assert_eq!(shake(&Jar { drops: 1 }).len(), 2);
/// ```
#[macro_export]
macro_rules! events {
    () => { $crate::Events::none() };
    ($($event:expr),+ $(,)?) => {{
        let mut events = $crate::Events::none();
        $(events.push($event);)+
        events
    }};
}

/// Collects events and applies each to a copy of the state.
///
/// Use it in a handler that needs the state between two of its own events. The aggregate itself does
/// not change until the events are stored.
///
/// ```
#[doc = include_str!("../../docs/jar.rs")]
/// fn fill(jar: &Jar, drops: u32) -> Events<Jar> {
///     let mut recorder = Recorder::of(jar);
///     recorder.record(Filled { drops });
///     if recorder.drops > 10 {
///         recorder.record(Spilled {});
///     }
///     recorder.into_events()
/// }
///
/// let jar = Jar { drops: 8 };
/// assert_eq!(fill(&jar, 2).len(), 1);
/// assert_eq!(fill(&jar, 3).len(), 2);
/// ```
pub struct Recorder<A: Aggregate> {
    state: A,
    events: Events<A>,
}

impl<A: Aggregate + Clone> Recorder<A> {
    /// Starts from the state that the handler was given.
    pub fn of(state: &A) -> Self {
        Self {
            state: state.clone(),
            events: Events::none(),
        }
    }
}

impl<A: Aggregate> Recorder<A> {
    /// Records one event and applies it to the copy.
    pub fn record(&mut self, event: impl EventOf<A, Event = A::Event>) -> &mut Self {
        let event = event.into_event();
        self.state.apply_event(&event);
        self.events.list.push(event);
        self
    }

    /// The recorded events, for the handler to return.
    pub fn into_events(self) -> Events<A> {
        self.events
    }
}

impl<A: Aggregate> Deref for Recorder<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}
