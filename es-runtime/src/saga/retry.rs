//! How often and how fast a step is tried again.

use super::Key;
use std::{num::NonZeroU32, time::Duration};

/// Bounds the attempts of a step, and the pauses between them.
///
/// The pause doubles (by `factor`) from `first` up to `longest`, less up to a quarter that depends on
/// the key and the attempt, so that many sagas that failed together do not come back together.
///
/// ```
/// use es_runtime::saga::Retry;
/// use std::time::Duration;
///
/// let patient = Retry::times(8).first(Duration::from_millis(200)).longest(Duration::from_secs(30));
/// assert_eq!(patient.attempts.get(), 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, 5 by default for a step and 50 for an undo.
    pub attempts: NonZeroU32,
    /// The pause after the first failure, 200 ms by default.
    pub first: Duration,
    /// By how much each pause is longer than the one before it, 2 by default.
    pub factor: u32,
    /// The longest pause, 30 s by default.
    pub longest: Duration,
}

impl Retry {
    /// So many attempts, at least one, with the usual pauses.
    pub const fn times(attempts: u32) -> Self {
        Self {
            attempts: match NonZeroU32::new(attempts) {
                Some(attempts) => attempts,
                None => NonZeroU32::MIN,
            },
            first: Duration::from_millis(200),
            factor: 2,
            longest: Duration::from_secs(30),
        }
    }

    /// With this pause after the first failure.
    #[must_use]
    pub const fn first(mut self, pause: Duration) -> Self {
        self.first = pause;
        self
    }

    /// With this factor between pauses.
    #[must_use]
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// With this longest pause.
    #[must_use]
    pub const fn longest(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    /// The pause after this many failures, `None` when there is no attempt left.
    pub(crate) fn pause(&self, failures: u32, key: Key) -> Option<Duration> {
        if failures >= self.attempts.get() {
            return None;
        }
        let factor = self.factor.saturating_pow(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(factor).min(self.longest);
        let [byte, ..] = key.as_bytes();
        let part = u32::from(byte.wrapping_add(u8::try_from(failures % 251).unwrap_or(0)));
        Some(whole.saturating_sub(whole / 4 * part / 255))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StreamId, saga::Direction};

    #[test]
    fn pauses_grow_to_a_bound_and_attempts_end() {
        let stream = StreamId::new("saga:order", "1").expect("an id");
        let key = Key::derive("", &stream, "charge", Direction::Do);
        let retry = Retry::times(40);
        for failures in 1..40 {
            let pause = retry.pause(failures, key).expect("one more attempt");
            let whole = Duration::from_millis(200)
                .saturating_mul(2_u32.saturating_pow(failures - 1))
                .min(retry.longest);
            assert!(pause <= whole && pause >= whole.mul_f64(0.74), "{pause:?}");
        }
        assert_eq!(retry.pause(40, key), None);
        assert_eq!(Retry::times(0).pause(1, key), None);
    }
}
