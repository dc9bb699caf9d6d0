//! Keeps the write-ahead log small. SQLite begins it anew when all of it is in the database and nobody reads it
//! any more; while there is always a reader it only grows, and it keeps the size that it once had.

use crate::busy;
use rusqlite::Connection;
use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

const MIB: u64 = 1024 * 1024;
/// What a log may keep: four times what SQLite lets it grow to before it writes it to the database.
pub(crate) const KEPT: u64 = 16 * MIB;

/// With so many pages SQLite would write the log to the database by itself, in the commit of some transaction. The
/// writer does it after it has answered.
const CHECKPOINT: i32 = 1000;

thread_local! {
    /// How many pages the log had after the last transaction of this thread.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Counts the pages after each transaction of this connection, instead of SQLite's own look at them.
pub(crate) fn count_pages(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        PAGES.set(pages);
        Ok(())
    }));
}

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
    /// How many pages the log had after a transaction, since it was written to the database.
    pages: i32,
    /// How long a statement of the writer usually waits.
    busy_timeout: Duration,
}

impl Keeper {
    pub(crate) const fn new(busy_timeout: Duration) -> Self {
        Self {
            next: KEPT,
            pages: 0,
            busy_timeout,
        }
    }

    /// After a transaction, on its thread.
    pub(crate) fn note_pages(&mut self) {
        match PAGES.take() {
            0 => {}
            pages => self.pages = pages,
        }
    }

    /// Whether the log should be written to the database.
    pub(crate) const fn is_due(&self) -> bool {
        self.pages >= CHECKPOINT
    }

    /// After a transaction. Writes the log to the database, as far as readers let it. Where the log is large, it waits
    /// for readers of old states for a moment: longer for a larger log, and not again before it has grown by half.
    pub(crate) fn after_write(&mut self, connection: &Connection, log: &Log) {
        self.note_pages();
        let bytes = log.bytes();
        if bytes > self.next {
            let moment = Duration::from_millis(bytes / MIB);
            self.empty(connection, log, bytes, moment.min(self.busy_timeout));
        } else if self.is_due() {
            self.pages = 0;
            // Where this fails, the next statement says why.
            let sql = "PRAGMA wal_checkpoint(PASSIVE)";
            let _ = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
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
