//! How a step says that it did not work, and what an undo is told of the step.

use crate::key::Key;
use std::{error::Error, fmt, time::Duration};

/// Why a step, or its undo, did not work. Every error turns into a transient one with `?`.
///
/// The difference decides what is undone: `fatal` is the provider's word that the effect did *not*
/// happen, so it is not undone. After `transient` nobody knows; it is tried again with the same
/// key, and when the attempts are used up the effect is undone, since it may have happened.
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
/// Its text is stored in the saga's stream and shown to operators: no passwords, no payloads. What is longer
/// than 4,000 characters is cut off.
#[derive(Clone, PartialEq, Eq)]
pub struct Fail {
    fatal: bool,
    message: String,
    retry_after: Option<Duration>,
}

impl Fail {
    /// It did not happen, and trying again would not help.
    pub fn fatal(message: impl fmt::Display) -> Self {
        Self {
            fatal: true,
            message: cut(message.to_string()),
            retry_after: None,
        }
    }

    /// It may or may not have happened; trying again may help.
    pub fn transient(message: impl fmt::Display) -> Self {
        Self {
            fatal: false,
            message: cut(message.to_string()),
            retry_after: None,
        }
    }

    /// Not before so much time has passed, such as a provider's `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Whether it is known that the effect did not happen.
    pub const fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// What was said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The least pause that was asked for.
    pub(crate) const fn pause(&self) -> Option<Duration> {
        self.retry_after
    }
}

fn cut(mut message: String) -> String {
    const LONGEST: usize = 4_000;
    if let Some((end, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(end);
        message.push('…');
    }
    message
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

/// What an undo is told of the step that it takes back: its key, and its output where that is known.
///
/// The output is not known when the step was cut off by a crash or a timeout, or its attempts were
/// used up: it may never have reached the provider, or reach it later. So an undo must succeed for a
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

    /// The key under which the step was done.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The step's output, `None` when its outcome is unknown.
    pub const fn known(&self) -> Option<&T> {
        self.output.as_ref()
    }

    /// The same with a borrowed output.
    pub const fn as_ref(&self) -> Effect<&T> {
        Effect {
            key: self.key,
            output: self.output.as_ref(),
        }
    }
}
