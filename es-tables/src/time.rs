//! Moments that people type, and ages that they read.

use crate::Error;
use es_record::Timestamp;
use std::time::{Duration, SystemTime};

/// Reads `2026-11-03`, `2026-11-03T14:00:00Z`, `2026-11-03 14:00:00`, all in UTC, or an age such as `2h` or
/// `3days`.
///
/// # Errors
///
/// The text is none. The answer says how one is written.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(age) = humantime::parse_duration(text) {
        let then = SystemTime::now().checked_sub(age);
        return then
            .map(Timestamp::from)
            .ok_or_else(|| "that is too long ago".to_owned());
    }
    let midnight = format!("{text}T00:00:00Z");
    [text, &midnight]
        .into_iter()
        .find_map(|text| humantime::parse_rfc3339_weak(text).ok())
        .map(Timestamp::from)
        .ok_or_else(|| {
            "a time is a day such as 2026-11-03, a moment in UTC such as 2026-11-03T14:00:00Z, or an age such \
             as 15min, 2h or 3days"
                .to_owned()
        })
}

/// Microseconds since 1970 as a moment.
///
/// # Errors
///
/// The number is out of range.
pub fn of_micros(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_unix_micros(micros)
        .ok_or_else(|| Error::Damaged(format!("{micros} is no time in microseconds since 1970")))
}

/// Whole seconds between two moments in microseconds, 0 for the future.
pub fn seconds_between(then: i64, now: i64) -> i64 {
    now.saturating_sub(then).max(0) / 1_000_000
}

/// Seconds for people.
pub fn age(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    // Minutes are enough for what is hours ago.
    let shown = if seconds >= 3600 {
        seconds / 60 * 60
    } else {
        seconds
    };
    humantime::format_duration(Duration::from_secs(shown)).to_string()
}
