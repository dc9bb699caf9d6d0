//! Keeps the write-ahead log small. SQLite begins it anew when all of it is in the database and nobody reads it
//! any more; while there is always a reader it only grows, and it keeps the size that it once had.

use crate::busy;
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

const MIB: u64 = 1024 * 1024;
/// What a log may keep: four times what SQLite lets it grow to before it writes it to the database.
pub(crate) const KEPT: u64 = 16 * MIB;

/// The log of a file, as the threads of its store know it.
pub(crate) struct Log {
    path: PathBuf,
    /// How many reads run.
    reads: AtomicUsize,
    /// Whether reads kept the writer from emptying it.
    is_held: AtomicBool,
}

impl Log {
    /// The log of the database in this file.
    pub(crate) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self {
            path: path.into(),
            reads: AtomicUsize::new(0),
            is_held: AtomicBool::new(false),
        }
    }

    /// A read begins.
    pub(crate) fn begin_read(&self) {
        self.reads.fetch_add(1, Ordering::AcqRel);
    }

    /// A read ends. Whether it was the last of those that held the log, so that the writer can empty it.
    pub(crate) fn end_read(&self) -> bool {
        self.reads.fetch_sub(1, Ordering::AcqRel) == 1 && self.is_held.swap(false, Ordering::AcqRel)
    }

    fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

/// What the writer does about the log.
pub(crate) struct Keeper {
    /// The size at which it tries to empty it.
    next: u64,
    /// How long a statement of the writer usually waits.
    busy_timeout: Duration,
}

impl Keeper {
    pub(crate) const fn new(busy_timeout: Duration) -> Self {
        Self {
            next: KEPT,
            busy_timeout,
        }
    }

    /// After a transaction. Where the log is large, it waits for readers of old states for a moment: longer for a
    /// larger log, and not again before it has grown by half.
    pub(crate) fn after_write(&mut self, connection: &Connection, log: &Log) {
        let bytes = log.bytes();
        if bytes > self.next {
            let moment = Duration::from_millis(bytes / MIB);
            self.empty(connection, log, bytes, moment.min(self.busy_timeout));
        }
    }

    /// After the last read that held the log.
    pub(crate) fn after_reads(&mut self, connection: &Connection, log: &Log) {
        let bytes = log.bytes();
        if bytes > KEPT {
            self.empty(connection, log, bytes, Duration::ZERO);
        }
    }

    fn empty(&mut self, connection: &Connection, log: &Log, bytes: u64, moment: Duration) {
        let emptied = busy::wait_at_most(connection, moment).and_then(|()| {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0))
        });
        // What follows waits as usual. Where this fails, the next statement says why.
        let _ = busy::wait_at_most(connection, self.busy_timeout);
        let is_empty = emptied.is_ok_and(|busy| busy == 0);
        self.next = if is_empty {
            KEPT
        } else {
            bytes.saturating_add(bytes / 2)
        };
        log.is_held.store(!is_empty, Ordering::Release);
    }
}
