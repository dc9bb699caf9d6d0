//! Retries of commands after conflicts with other writers.

use std::{num::NonZeroU32, time::Duration};

/// The number of attempts of one command, and the waits between them.
///
/// After its first conflict a command waits for others of the same repository that had one, for as long as they go on.
/// The wait before a further attempt *n* + 1 is a random part of `first` doubled *n* - 1 times, at most `longest` ("full
/// jitter", see <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
///
/// ```
/// use es_runtime::RetryPolicy;
/// use std::time::Duration;
///
/// let patient = RetryPolicy::default().with_longest(Duration::from_secs(1));
/// assert_eq!(patient.attempts.get(), 20);
/// assert_eq!(RetryPolicy::never().attempts.get(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The number of attempts, 20 by default.
    pub attempts: NonZeroU32,
    /// The longest wait before the second attempt, 2 ms by default.
    pub first: Duration,
    /// The longest wait between attempts, and for a queue in which nothing goes on. 250 ms by default. A queue that takes
    /// the place of such a one is waited for twice as long, at most eight times.
    pub longest: Duration,
}

const LONGEST: Duration = Duration::from_millis(250);

impl RetryPolicy {
    /// One attempt. The caller receives every conflict.
    pub const fn never() -> Self {
        Self {
            attempts: NonZeroU32::MIN,
            first: Duration::ZERO,
            longest: LONGEST,
        }
    }

    /// With this number of attempts.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = attempts;
        self
    }

    /// With this longest wait before the second attempt.
    #[must_use]
    pub const fn with_first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// With this longest wait before any attempt.
    #[must_use]
    pub const fn with_longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// The wait after this many failed attempts: a random part of the longest.
    pub fn wait(&self, failed: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        let most = self.first.saturating_mul(doubled).min(self.longest);
        most.mul_f64(fastrand::f64())
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(19),
            first: Duration::from_millis(2),
            longest: LONGEST,
        }
    }
}
