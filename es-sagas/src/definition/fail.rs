//! The error of a step, and the argument of an undo.

use crate::{key::Key, log::cut};
use std::{error::Error, fmt, time::Duration};

/// The error of a step or an undo. The operator `?` turns every error into a transient one.
///
/// The kind of the error decides whether the step is undone:
///
/// - [`fatal`](Fail::fatal): the effect did *not* happen. The step is not retried and not undone.
/// - [`transient`](Fail::transient): the outcome is unknown. The step is retried with the same key. When its
///   attempts are used up it is undone, because the effect may have happened.
///
/// ```
/// use es_sagas::Fail;
///
/// fn charge(answer: u16) -> Result<(), Fail> {
///     match answer {
///         200 => Ok(()),
///         402 => Err(Fail::fatal("the card was declined")),
///         code => Err(Fail::transient(format!("the provider answered {code}"))),
///     }
/// }
/// assert!(charge(402).unwrap_err().is_fatal());
/// assert!(!charge(503).unwrap_err().is_fatal());
/// ```
///
/// The text is stored in the saga's stream and shown to operators, so it must not contain passwords or
/// payloads. Text after the first 4,000 characters is cut off.
#[derive(Clone, PartialEq, Eq)]
pub struct Fail {
    fatal: bool,
    message: String,
    retry_after: Option<Duration>,
}

impl Fail {
    /// The effect did not happen, and a retry would not help.
    pub fn fatal(message: impl fmt::Display) -> Self {
        Self {
            fatal: true,
            message: cut(message.to_string()),
            retry_after: None,
        }
    }

    /// The effect may have happened, and a retry may help.
    pub fn transient(message: impl fmt::Display) -> Self {
        Self {
            fatal: false,
            message: cut(message.to_string()),
            retry_after: None,
        }
    }

    /// The shortest pause before the next attempt, such as a provider's `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Whether it is known that the effect did not happen.
    pub const fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The shortest pause before the next attempt.
    pub(crate) const fn pause(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl<E: Error> From<E> for Fail {
    fn from(error: E) -> Self {
        Self::transient(error)
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.fatal { "fatal" } else { "transient" };
        write!(f, "Fail({kind}: {})", self.message)
    }
}

/// The step that an undo reverses: its key, and its output if that is known.
///
/// The output is unknown when a crash or a timeout interrupted the step, or when its attempts were used up.
/// Then the call may never have reached the provider, or may reach it later. So an undo must succeed for a
/// key that the provider has never seen, and the provider must reject that key afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect<T> {
    key: Key,
    output: Option<T>,
}

impl<T> Effect<T> {
    pub(crate) const fn new(key: Key, output: Option<T>) -> Self {
        Self { key, output }
    }

    /// The idempotency key with which the step was called.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The output of the step, `None` when its outcome is unknown.
    pub const fn known(&self) -> Option<&T> {
        self.output.as_ref()
    }

    /// The same effect with a borrowed output.
    pub const fn as_ref(&self) -> Effect<&T> {
        Effect {
            key: self.key,
            output: self.output.as_ref(),
        }
    }
}
