//! The retry policy of steps and undos.

use crate::key::Key;
use std::{num::NonZeroU32, time::Duration};

/// The retry policy of a step or an undo: how many attempts, and how long the pauses between them are.
///
/// The pause starts at `first` and grows by `factor` up to `longest`. Jitter of up to a quarter is
/// subtracted. It depends on the key and the attempt, so sagas that failed together do not retry together.
///
/// ```
/// use es_sagas::StepRetry;
/// use std::time::Duration;
///
/// let patient = StepRetry::times(8).first(Duration::from_millis(200)).longest(Duration::from_secs(30));
/// assert_eq!(patient.attempts.get(), 8);
///
/// // Called once. When the process dies during the call, the step is undone.
/// let once = StepRetry::times(1).interruptions(1);
/// assert_eq!(once.interruptions.get(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepRetry {
    /// The number of attempts, 5 by default for a step and 50 for an undo.
    pub attempts: NonZeroU32,
    /// The pause after the first failure, 200 ms by default.
    pub first: Duration,
    /// The factor by which each pause is longer than the one before it, 2 by default.
    pub factor: u32,
    /// The longest pause, 30 s by default.
    pub longest: Duration,
    /// How often the call may be interrupted by the death of its process, 10 by default. An interrupted call
    /// does not count as an attempt. It is made again, from the second interruption on after a pause. After
    /// this many interruptions the attempts count as used up, so that a call that crashes its process is not
    /// repeated for ever.
    pub interruptions: NonZeroU32,
}

impl StepRetry {
    /// A policy with this many attempts, at least one, and the default pauses.
    pub const fn times(attempts: u32) -> Self {
        Self {
            attempts: at_least_one(attempts),
            first: Duration::from_millis(200),
            factor: 2,
            longest: Duration::from_secs(30),
            interruptions: at_least_one(10),
        }
    }

    /// Sets the pause after the first failure.
    #[must_use]
    pub const fn first(mut self, pause: Duration) -> Self {
        self.first = pause;
        self
    }

    /// Sets the factor between pauses.
    #[must_use]
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the longest pause.
    #[must_use]
    pub const fn longest(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    /// Sets how many interruptions are allowed, at least one.
    #[must_use]
    pub const fn interruptions(mut self, interruptions: u32) -> Self {
        self.interruptions = at_least_one(interruptions);
        self
    }

    /// The pause after this many failures, `None` when there is no attempt left.
    pub(crate) fn pause(&self, failures: u32, key: Key) -> Option<Duration> {
        (failures < self.attempts.get()).then(|| self.wait(failures, key))
    }

    /// The pause after this many interruptions, `None` when the call must not be made again. After the first
    /// one there is no pause, because one crash says nothing about the call.
    pub(crate) fn pause_after_interruption(&self, times: u32, key: Key) -> Option<Duration> {
        (times < self.interruptions.get()).then(|| match times {
            0 | 1 => Duration::ZERO,
            more => self.wait(more - 1, key),
        })
    }

    fn wait(&self, failures: u32, key: Key) -> Duration {
        let factor = self.factor.saturating_pow(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(factor).min(self.longest);
        let [byte, ..] = key.as_bytes();
        let part = u32::from(byte.wrapping_add(u8::try_from(failures % 251).unwrap_or(0)));
        whole.saturating_sub(whole / (4 * 255) * part)
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::StepDirection;
    use es_runtime::StreamId;

    #[test]
    fn pauses_grow_to_a_bound_and_attempts_end() {
        let stream = StreamId::new("saga:order", "1").expect("an id");
        let key = Key::derive("", &stream, "charge", StepDirection::Do);
        let retry = StepRetry::times(40);
        for failures in 1..40 {
            let pause = retry.pause(failures, key).expect("one more attempt");
            let whole = Duration::from_millis(200)
                .saturating_mul(2_u32.saturating_pow(failures - 1))
                .min(retry.longest);
            assert!(pause <= whole && pause >= whole.mul_f64(0.74), "{pause:?}");
        }
        assert_eq!(retry.pause(40, key), None);
        assert_eq!(StepRetry::times(0).pause(1, key), None);
        let fragile = retry.interruptions(3);
        let pauses = [1, 2, 3].map(|times| fragile.pause_after_interruption(times, key));
        assert_eq!(pauses, [Some(Duration::ZERO), fragile.pause(1, key), None]);
    }
}
