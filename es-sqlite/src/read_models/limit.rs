//! Ends statements of handlers that take too long: while one runs, nothing else is written.

use rusqlite::{Connection, ErrorCode};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// So many steps of SQLite's machine lie between two looks at the clock.
const STEPS: i32 = 10_000;
/// No statement of a handler runs.
const NEVER: u64 = u64::MAX;

pub(super) struct Limit {
    start: Instant,
    each: Duration,
    /// When the statement must end, in nanoseconds after `start`.
    end: Arc<AtomicU64>,
    was_over: bool,
}

impl Limit {
    /// For the statements of this connection.
    pub(super) fn of(connection: &Connection, each: Duration) -> rusqlite::Result<Self> {
        let start = Instant::now();
        let end = Arc::new(AtomicU64::new(NEVER));
        let at = Arc::clone(&end);
        connection.progress_handler(
            STEPS,
            Some(move || nanos(start.elapsed()) > at.load(Ordering::Relaxed)),
        )?;
        Ok(Self {
            start,
            each,
            end,
            was_over: false,
        })
    }

    /// Runs statements of a handler. What it ends says so in its error, and SQLite has rolled back the
    /// transaction if it was writing.
    pub(super) fn run<T>(
        &mut self,
        statement: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let end = self.start.elapsed().saturating_add(self.each);
        self.end.store(nanos(end), Ordering::Relaxed);
        let done = statement();
        self.end.store(NEVER, Ordering::Relaxed);
        done.map_err(|error| {
            if error.sqlite_error_code() != Some(ErrorCode::OperationInterrupted) {
                return error;
            }
            self.was_over = true;
            rusqlite::Error::ToSqlConversionFailure(self.message().into())
        })
    }

    /// Why a statement was ended since the last time that this was asked.
    pub(super) fn take_message(&mut self) -> Option<String> {
        std::mem::take(&mut self.was_over).then(|| self.message())
    }

    fn message(&self) -> String {
        format!(
            "a statement of a handler took longer than {:?} and was ended; nothing else is written while it runs",
            self.each
        )
    }
}

/// Less than [`NEVER`].
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(NEVER - 1, |nanos| nanos.min(NEVER - 1))
}
