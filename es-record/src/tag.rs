//! Tags: values of events by which they are found across streams.

use crate::has_control;
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// A type whose values are tags, such as the id of a course. `#[derive(Tag)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tag",
    label = "`{Self}` does not implement `Tag`",
    note = "a tag is a type of your own: `#[derive(es_runtime::Tag)] #[tag(\"course\")] struct CourseId(String);`",
    note = "give the field that type, or keep `{Self}` and name it: `#[tag(as = CourseId)]`, with `impl From<{Self}> for CourseId`"
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
/// `Event::tags` of es-runtime returns one for each of the event's kinds, also where it has no value. So a
/// store sees that the program which writes the event knows the kind.
///
/// ```
/// use es_record::{EventTag, Tag};
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

    /// For stores: whether a kind has a usable name.
    pub fn is_kind(kind: &str) -> bool {
        let is_long = kind.len() > Self::MAX_KIND_BYTES;
        !kind.is_empty() && !is_long && !kind.contains(':') && !has_control(kind)
    }

    /// For stores: whether an event may have these tags.
    ///
    /// # Errors
    /// [`InvalidTags`] for the first bound that is broken.
    pub fn check(tags: &[Self]) -> Result<(), InvalidTags> {
        for Self { kind, values } in tags {
            if !Self::is_kind(kind) {
                return Err(InvalidTags::BadKind);
            }
            let is_long = |value: &String| value.len() > Self::MAX_VALUE_BYTES;
            let is_bad = |value: &String| value.is_empty() || has_control(value);
            if values.iter().any(|value| is_long(value) || is_bad(value)) {
                let kind = kind.to_string();
                return Err(InvalidTags::BadValue { kind });
            }
        }
        // The same one twice counts once, so only many are compared.
        if tags.iter().map(|tag| tag.values.len()).sum::<usize>() <= Self::MAX_TAGS {
            return Ok(());
        }
        match Self::texts(tags, |_| true).len() {
            0..=Self::MAX_TAGS => Ok(()),
            tags => Err(InvalidTags::TooMany { tags }),
        }
    }

    /// For stores: the tags of some kinds as they are stored, `kind:value`, each once. A kind ends at the first `:`, so two
    /// tags have two texts.
    pub fn texts(tags: &[Self], is_wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let wanted = tags.iter().filter(|tag| is_wanted(&tag.kind));
        let texts = wanted.flat_map(|tag| tag.values.iter().map(|value| text(&tag.kind, value)));
        texts.collect()
    }
}

/// Why an event cannot have some tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTags {
    /// A kind is empty, has a `:` or a control character, or has more than 64 bytes.
    #[error("a kind of tags with an unusable name")]
    BadKind,
    /// A value is empty, has a control character, or has more than 256 bytes.
    #[error(
        "a tag of kind `{kind}` that is empty, has a control character or has more than 256 bytes; use `Option` for a value that may \
         be absent, and a hash of a longer one"
    )]
    BadValue {
        /// The kind.
        kind: String,
    },
    /// There are more than [`EventTag::MAX_TAGS`].
    #[error("{tags} tags, more than 16")]
    TooMany {
        /// How many there are.
        tags: usize,
    },
}

pub(crate) fn text(kind: &str, value: &str) -> String {
    [kind, ":", value].concat()
}

/// Values are not shown.
impl fmt::Debug for EventTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} values)", self.kind, self.values.len())
    }
}
