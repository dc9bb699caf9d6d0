//! What a user writes: a fold, which is a state that is rebuilt from the events with some tags.

use es_runtime::{Apply, DecodeError, RecordedEvent, TagQuery};

/// A state that is rebuilt from the events of any streams that have some tags. `#[derive(Fold)]` implements it, and
/// calls your [`Apply`] impls.
///
/// A [decision](crate::Decision) reads it. Without the derive implement [`Readable`](crate::Readable) too:
///
/// ```
/// use es_decisions::{Fold, ReadFold, Readable, Sees};
/// use es_runtime::{DecodeError, Event, EventType, RecordedEvent, Tag, TagQuery};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Tag, Serialize, Deserialize)]
/// #[tag("course")]
/// struct CourseId(String);
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("student.subscribed")]
/// struct StudentSubscribed {
///     #[tag]
///     course: CourseId,
/// }
///
/// #[derive(Clone)]
/// struct Seats {
///     taken: u32,
/// }
///
/// impl Fold for Seats {
///     const NAME: &'static str = "seats";
///     const KINDS: &'static [&'static str] = &[CourseId::KIND];
///
///     fn events() -> Vec<&'static str> {
///         vec![StudentSubscribed::NAME]
///     }
///
///     fn apply_stored(&mut self, _: &TagQuery, stored: &RecordedEvent) -> Result<bool, DecodeError> {
///         let mut is_applied = false;
///         for _ in stored.decode::<StudentSubscribed>()? {
///             self.taken += 1;
///             is_applied = true;
///         }
///         Ok(is_applied)
///     }
/// }
///
/// impl Readable for Seats {
///     type Read = ReadFold<Self>;
///     type Key<'a> = &'a CourseId;
///     const SEES: Sees = Sees::tagged(Self::KINDS, &[(EVENTS, &[])]);
///
///     fn read(course: &CourseId) -> ReadFold<Self> {
///         ReadFold::of(TagQuery::of(course, Self::events()), Self { taken: 0 })
///     }
/// }
///
/// const EVENTS: &[EventType] =
///     &[EventType { name: StudentSubscribed::NAME, version: StudentSubscribed::VERSION }];
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fold",
    label = "`{Self}` does not implement `Fold`",
    note = "add `#[derive(es_decisions::Fold, Clone, Default)]` and `#[fold(\"name\", by(..), events(..))]` to `{Self}`"
)]
pub trait Fold: Sized + Send + 'static {
    /// Its name, for errors.
    const NAME: &'static str;
    /// The kinds of the tags that it is read by.
    const KINDS: &'static [&'static str];

    /// Whether it is made of the newest event alone.
    ///
    /// A read looks for the newest stored event that [`apply_stored`](Fold::apply_stored) applies, and applies it to the
    /// initial state. So what is read does not grow with the number of events.
    const LAST: bool = false;

    /// The stored names of the events that it is made of.
    fn events() -> Vec<&'static str>;

    /// Applies a stored event that `query` finds, and returns whether something was applied: a stored event may be
    /// read as none, or as several. Where [`LAST`](Fold::LAST) is set, it applies the last one of them.
    ///
    /// # Errors
    /// [`DecodeError`] when this program cannot read it.
    fn apply_stored(
        &mut self,
        query: &TagQuery,
        event: &RecordedEvent,
    ) -> Result<bool, DecodeError>;
}

/// [`Apply`] for an event of a fold, with a message for it.
#[diagnostic::on_unimplemented(
    message = "fold `{Self}` does not say how to apply event `{E}`",
    label = "no `Apply<{E}>` for `{Self}`",
    note = "write `impl Apply<{E}> for {Self} {{ fn apply(&mut self, event: &{E}) {{ .. }} }}`",
    note = "if the state does not need it, remove it from `events(..)`"
)]
pub trait FoldsEvent<E> {
    /// Calls [`Apply::apply`].
    fn fold(&mut self, event: &E);
}

#[diagnostic::do_not_recommend]
impl<F: Apply<E>, E> FoldsEvent<E> for F {
    fn fold(&mut self, event: &E) {
        self.apply(event);
    }
}
