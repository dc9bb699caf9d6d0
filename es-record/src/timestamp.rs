//! When an event was recorded.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

/// A moment in UTC with microseconds, written as ISO 8601.
///
/// It is the time at which the store recorded an event, in the years 1970 to 9999. Do not order events by it,
/// because clocks jump.
///
/// ```
/// use es_record::Timestamp;
///
/// let moment: Timestamp = "1997-01-18T09:30:00.000250Z".parse()?;
/// assert_eq!(moment.to_string(), "1997-01-18T09:30:00.000250Z");
/// # Ok::<(), es_record::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00Z, from 0 to [`LAST`].
    micros: i64,
}

/// The last second of the year 9999. The ends are whole seconds, so that the text of each moment is read back
/// as the same moment.
const LAST: i64 = 253_402_300_799_000_000;

impl Timestamp {
    /// The present time of the system's clock.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// The moment this many microseconds after 1970-01-01T00:00Z, `None` outside of the years 1970 to 9999.
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        (0..=LAST).contains(&micros).then_some(Self { micros })
    }

    /// The moment this much later, at most the last moment of year 9999.
    ///
    /// ```
    /// use es_record::Timestamp;
    /// use std::time::Duration;
    ///
    /// let moment: Timestamp = "1997-01-18T09:30:00Z".parse()?;
    /// assert_eq!(moment.after(Duration::from_secs(90)).to_string(), "1997-01-18T09:31:30.000000Z");
    /// # Ok::<(), es_record::InvalidTimestamp>(())
    /// ```
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self::nearest(self.unix_micros().saturating_add(micros))
    }

    /// The duration since an `earlier` moment, zero when that moment is later.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.unix_micros().saturating_sub(earlier.unix_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// This moment, or the nearest one of the years 1970 to 9999.
    fn nearest(micros: i64) -> Self {
        let micros = micros.clamp(0, LAST);
        Self { micros }
    }

    /// Microseconds since 1970-01-01T00:00Z.
    pub fn unix_micros(self) -> i64 {
        self.micros
    }
}

impl From<SystemTime> for Timestamp {
    /// A time outside of the years 1970 to 9999 becomes the nearest end of that range.
    fn from(time: SystemTime) -> Self {
        let after = time.duration_since(SystemTime::UNIX_EPOCH);
        let micros = after.unwrap_or_default().as_micros();
        Self::nearest(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        Self::UNIX_EPOCH + Duration::from_micros(timestamp.micros.unsigned_abs())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_micros((*self).into()).fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = humantime::parse_rfc3339(text).map_err(|_| InvalidTimestamp)?;
        Ok(Self::from(time))
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

/// A text that is not a moment in UTC in ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a moment in ISO 8601, such as 1997-01-18T09:30:00.000250Z")]
pub struct InvalidTimestamp;
