//! Tags: values of events by which they are found across streams.

use std::{borrow::Cow, fmt};

/// A type whose values are tags, such as the id of a course. `#[derive(Tag)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tag",
    label = "`{Self}` does not implement `Tag`",
    note = "add `#[derive(es_runtime::Tag)]` and `#[tag(\"kind\")]` to `{Self}`, or name such a type: `#[tag(as = CourseId)]`"
)]
pub trait Tag {
    /// What kind of value it is: 1 to 64 bytes without `:` and control characters. Kinds of all types share one
    /// space of names.
    const KIND: &'static str;

    /// The value: 1 to 256 bytes without control characters. Values are compared byte by byte.
    fn value(&self) -> Cow<'_, str>;
}

/// The tags of one kind that an event has.
///
/// [`Event::tags`](crate::Event::tags) returns one for each of the event's kinds, also where it has no value. So a
/// store sees that the program which writes the event knows the kind.
///
/// ```
/// use es_runtime::{EventTag, Tag};
/// use std::borrow::Cow;
///
/// struct CourseId(String);
///
/// impl Tag for CourseId {
///     const KIND: &'static str = "course";
///
///     fn value(&self) -> Cow<'_, str> {
///         Cow::Borrowed(&self.0)
///     }
/// }
///
/// let tag = EventTag::of(&CourseId("c1".into()));
/// assert_eq!(tag, EventTag::new("course").with("c1"));
/// assert!(!format!("{tag:?}").contains("c1"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventTag {
    /// The kind.
    pub kind: Cow<'static, str>,
    /// The values. A repeated one counts once.
    pub values: Vec<String>,
}

impl EventTag {
    /// The bytes that a kind may have.
    pub const MAX_KIND_BYTES: usize = 64;
    /// The bytes that a value may have.
    pub const MAX_VALUE_BYTES: usize = 256;
    /// The tags that one event may have.
    pub const MAX_TAGS: usize = 16;

    /// No value yet of this kind.
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: kind.into(),
            values: Vec::new(),
        }
    }

    /// With one more value.
    #[must_use]
    pub fn with(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The tag that a value is.
    pub fn of<T: Tag>(tag: &T) -> Self {
        Self::new(T::KIND).with(tag.value())
    }
}

/// Values are not shown.
impl fmt::Debug for EventTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} values)", self.kind, self.values.len())
    }
}
