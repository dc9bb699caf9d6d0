//! Unique values: what an event says about a value that only one stream may have.

use std::{borrow::Cow, fmt, time::Duration};

/// What an event does to the value that its stream has by a rule: it claims one, gives it back, or neither.
///
/// `Event::unique` of es-runtime returns one for each of the event's rules, also where the event
/// leaves the value as it is. So a store sees that the program which writes the event knows the rule.
///
/// Values are compared byte by byte. Normal forms, such as lower case, are the program's business.
///
/// ```
/// use es_record::{UniqueChange, UniqueValue};
/// use std::time::Duration;
///
/// let claim = UniqueChange::claim("customer.email", "alice@example.com")
///     .keeping(Duration::from_secs(3600));
/// assert_eq!(claim.value, UniqueValue::Claimed("alice@example.com".into()));
/// assert!(!format!("{claim:?}").contains("alice"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UniqueChange {
    /// The name of the rule. Rules of all aggregates share one space of names.
    pub rule: Cow<'static, str>,
    /// What happens to the value of the stream.
    pub value: UniqueValue,
    /// How long the earlier value of the stream stays reserved for it, once it is replaced or released. Zero
    /// by default: another stream may claim it at once.
    pub keep: Duration,
}

impl UniqueChange {
    /// The bytes that a value may have.
    pub const MAX_BYTES: usize = 512;

    /// The stream claims this value, and gives an earlier one back.
    pub fn claim(rule: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self::new(rule, UniqueValue::Claimed(value.into()))
    }

    /// The stream gives its value back.
    pub fn release(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(rule, UniqueValue::Released)
    }

    /// The stream keeps the value that it has, or has none.
    pub fn unchanged(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(rule, UniqueValue::Unchanged)
    }

    /// With the time for which an earlier value stays reserved.
    #[must_use]
    pub const fn keeping(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    fn new(rule: impl Into<Cow<'static, str>>, value: UniqueValue) -> Self {
        Self {
            rule: rule.into(),
            value,
            keep: Duration::ZERO,
        }
    }
}

/// What happens to the value that a stream has by a rule. `Debug` does not show the value.
///
/// The enum is exhaustive on purpose: a store must do each of the three.
#[derive(Clone, PartialEq, Eq)]
pub enum UniqueValue {
    /// The stream claims this value.
    Claimed(String),
    /// The stream gives its value back.
    Released,
    /// Nothing.
    Unchanged,
}

impl fmt::Debug for UniqueValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claimed(_) => "Claimed(..)",
            Self::Released => "Released",
            Self::Unchanged => "Unchanged",
        })
    }
}
