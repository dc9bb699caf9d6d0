//! Queries by tags.

use crate::{Tag, tag::text};
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// Finds events of some names that have all of some tags.
///
/// ```
/// use es_record::{Tag, TagQuery};
/// # use std::borrow::Cow;
/// # struct CourseId(String);
/// # impl Tag for CourseId {
/// #     const KIND: &'static str = "course";
/// #     fn value(&self) -> Cow<'_, str> { (&*self.0).into() }
/// # }
/// # struct StudentId(String);
/// # impl Tag for StudentId {
/// #     const KIND: &'static str = "student";
/// #     fn value(&self) -> Cow<'_, str> { (&*self.0).into() }
/// # }
///
/// let (course, student) = (CourseId("c1".into()), StudentId("s1".into()));
/// let query = TagQuery::of(&course, ["student.subscribed", "course.defined"])?.and(&student);
/// assert!(query.kinds().eq(["course", "student"]));
/// assert!(TagQuery::of(&course, Vec::<&str>::new()).is_err());
/// # Ok::<(), es_record::TagQueryEmpty>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TagQuery {
    /// Kinds, and the stored texts.
    tags: Vec<(Cow<'static, str>, String)>,
    events: Vec<Cow<'static, str>>,
}

/// A query by tags names no event, so it would find none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a query by tags names no event; name those that it is about")]
pub struct TagQueryEmpty;

impl TagQuery {
    /// Finds events of these stored names that have this tag. A reader that also reads retired names lists them too.
    ///
    /// # Errors
    /// [`TagQueryEmpty`] without a name.
    pub fn of<T: Tag>(
        tag: &T,
        events: impl IntoIterator<Item: Into<Cow<'static, str>>>,
    ) -> Result<Self, TagQueryEmpty> {
        let events: BTreeSet<_> = events.into_iter().map(Into::into).collect();
        let (tags, events) = (Vec::new(), events.into_iter().collect::<Vec<_>>());
        if events.is_empty() {
            return Err(TagQueryEmpty);
        }
        Ok(Self { tags, events }.and(tag))
    }

    /// Those of them that have this tag too.
    #[must_use]
    pub fn and<T: Tag>(mut self, tag: &T) -> Self {
        let text = text(T::KIND, &tag.value());
        self.tags.push((Cow::Borrowed(T::KIND), text));
        self
    }

    /// The stored names, sorted.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|name| &**name)
    }

    /// For stores: its names, each with each of its kinds.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let events = self.events();
        events.flat_map(|event| self.kinds().map(move |kind| (event, kind)))
    }

    /// The kinds of its tags.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(kind, _)| &**kind)
    }

    /// For stores: the tags as they are stored, `kind:value`.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(_, text)| text.as_str())
    }

    /// For stores: whether it finds an event of this name with these tags, as they are stored.
    pub fn finds(&self, name: &str, tags: &BTreeSet<String>) -> bool {
        self.events().any(|known| known == name) && self.texts().all(|text| tags.contains(text))
    }
}

/// Values are not shown.
impl fmt::Debug for TagQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds().collect();
        f.debug_struct("TagQuery")
            .field("kinds", &kinds)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
