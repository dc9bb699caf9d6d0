//! The clock that leases and due times are compared with: that of the server that leads the stream.
//!
//! The answer to a question about the stream has the server's time. Between two of them the time goes on with the
//! monotonic clock of this machine, so what its system clock says does not matter, nor whether somebody sets it.

use crate::{failure::Failure, shared::Shared};
use es_runtime::{StorageError, StorageErrorKind, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// For how long an answer is good. Clocks of computers differ by less than a millisecond after it.
const GOOD: Duration = Duration::from_secs(10);

/// The server's time at a moment of this machine.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: Timestamp,
    at: Instant,
    /// When the server was asked last.
    asked: Instant,
}

impl Reading {
    fn time_at(&self, moment: Instant) -> Timestamp {
        self.time.after(moment.saturating_duration_since(self.at))
    }
}

/// The server's clock, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    reading: Mutex<Option<Reading>>,
}

impl ServerClock {
    /// The time, `None` when it was not asked for long.
    fn time(&self) -> Option<Timestamp> {
        let now = Instant::now();
        let reading = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let good = |reading: &Reading| now.saturating_duration_since(reading.asked) < GOOD;
        reading.filter(good).map(|reading| reading.time_at(now))
    }

    /// Takes an answer. The server's clock has shown `time` at a moment between these two.
    fn took(&self, time: Timestamp, sent: Instant, received: Instant) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = time.after(received.saturating_duration_since(sent));
        // A reading that may be right is kept: so the time does not go back without need.
        let kept = reading.filter(|reading| {
            let known = reading.time_at(received);
            time <= known && known <= latest
        });
        *reading = Some(match kept {
            Some(kept) => Reading {
                asked: received,
                ..kept
            },
            None => Reading {
                time,
                at: received,
                asked: received,
            },
        });
    }
}

#[derive(Deserialize)]
struct Info {
    /// When the server has answered.
    #[serde(rename = "ts")]
    time: String,
    state: State,
}

#[derive(Deserialize)]
struct State {
    last_seq: u64,
}

impl Shared {
    /// The time that leases and due times are compared with.
    pub(crate) async fn now(&self) -> Result<Timestamp, StorageError> {
        if let Some(clock) = &self.set_clock {
            return Ok(clock());
        }
        if let Some(time) = self.server_clock.time() {
            return Ok(time);
        }
        self.end_of_stream().await?;
        self.server_clock.time().ok_or_else(|| {
            let what = "the server's answer with its time took too long to be used";
            StorageError::new(StorageErrorKind::Unreachable, what)
        })
    }

    /// The last sequence of the stream. The answer has the server's time, too.
    pub(crate) async fn end_of_stream(&self) -> Result<u64, StorageError> {
        let ask = || async {
            let sent = Instant::now();
            let info: Info = self.wire.info_once(&json!({})).await?;
            Ok::<_, Failure>((info, sent, Instant::now()))
        };
        let (info, sent, received) = self.wire.in_time(ask).await?;
        let time = info.time.parse().map_err(|error| {
            let what = format!("the server's time cannot be read: {error}");
            StorageError::new(StorageErrorKind::Other, what)
        })?;
        self.server_clock.took(time, sent, received);
        Ok(info.state.last_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milli: i64) -> Timestamp {
        Timestamp::from_unix_micros(milli * 1_000).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_the_servers() {
        let clock = ServerClock::default();
        assert_eq!(clock.time(), None);
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(4)).await;
        clock.took(at(5_000), sent, Instant::now());
        assert_eq!(clock.time(), Some(at(5_000)));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(clock.time(), Some(at(5_100)));

        // An answer that took some time leaves a time that may be right.
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(50)).await;
        clock.took(at(5_110), sent, Instant::now());
        assert_eq!(clock.time(), Some(at(5_150)));
        // One that shows that it is wrong does not.
        let sent = Instant::now();
        clock.took(at(4_000), sent, sent);
        assert_eq!(clock.time(), Some(at(4_000)));
        tokio::time::advance(GOOD).await;
        assert_eq!(clock.time(), None, "it is asked again");
    }
}
