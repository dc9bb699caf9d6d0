//! Clocks that were wrong for a moment.
//!
//! A time that was set while the clock was ahead comes too late, by years perhaps. What was written later than
//! now shows it. Which of the two clocks is wrong is not known at first, so such a time is looked at again after
//! a while. If it is still ahead, it begins anew.

use es_runtime::Timestamp;
use std::time::Duration;

/// Differences up to this are usual between clocks.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(60);
/// How long a clock may be behind without an effect.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Whether something was set at a time that is still to come.
pub(crate) fn is_ahead(set: Option<Timestamp>, now: Timestamp) -> bool {
    set.is_some_and(|set| set > now.after(TOLERANCE))
}

/// When to look at something that is due at `at`.
pub(crate) fn look_at(at: Timestamp, set: Option<Timestamp>, now: Timestamp) -> Timestamp {
    if is_ahead(set, now) {
        at.min(now.after(LOOK_AGAIN))
    } else {
        at
    }
}

/// The time when it begins anew, `None` when the clock was right.
pub(crate) fn corrected(
    at: Option<Timestamp>,
    set: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let (at, set) = at.zip(set.filter(|set| is_ahead(Some(*set), now)))?;
    Some(now.after(at.since(set)))
}
