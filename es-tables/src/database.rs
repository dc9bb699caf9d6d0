//! What a database does for a store: it answers statements a page at a time, and writes where it may.

use crate::{Error, Query, Row, Write};
use std::ops::ControlFlow;

/// A database that answers statements. It writes only where it was opened for that.
pub(crate) trait Database: Send {
    /// Runs a statement, and reads at most so many rows, fewer where they are large.
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error>;

    /// Calls `each` with the rows of an answer until it breaks. Some are in memory at a time.
    fn each(
        &mut self,
        query: &Query,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// From now on all pages are of one moment, until [`let_go`](Database::let_go).
    fn hold(&mut self) -> Result<(), Error>;

    fn let_go(&mut self) -> Result<(), Error>;

    /// Who else has the database open, `None` for nobody. On SQLite nobody can open it from then on.
    fn others(&mut self) -> Result<Option<String>, Error>;

    /// Runs statements in one transaction.
    fn write(&mut self, writes: &[Write], is_synced: bool) -> Result<(), Error>;

    /// The store on JetStream, where it is one.
    #[cfg(feature = "nats")]
    fn jetstream(&mut self) -> Option<&mut crate::jetstream::JetStream> {
        None
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading. The connection cannot write.
    Read,
    /// Reading all of it, to write it somewhere else. On JetStream events then have the positions that they get on SQLite and
    /// PostgreSQL: they count the events.
    Move,
    /// Reading all of it, to look for damage. On JetStream a message that cannot be read is no error then, but reported.
    Check,
    /// Filling it, by [`Store::write`](crate::Store::write). Nobody else may have an SQLite file open meanwhile.
    Fill,
}

/// The rows that are in memory at a time.
pub const PAGE: usize = 500;
/// The bytes of them, a little more at most.
pub const PAGE_BYTES: usize = 4 << 20;

/// A part of an answer. Whoever reads one goes on while `is_cut` is set: [`Store::each_row`](crate::Store::each_row) does it by key.
pub struct Page {
    /// The rows, in the order of the statement.
    pub rows: Vec<Row>,
    /// Whether there may be more rows.
    pub is_cut: bool,
    at_most: usize,
    bytes: usize,
}

impl Page {
    pub(crate) fn new(at_most: usize) -> Self {
        Self {
            rows: Vec::new(),
            is_cut: at_most == 0,
            at_most,
            bytes: 0,
        }
    }

    /// Takes a row. Returns whether there is room for another one.
    pub(crate) fn take(&mut self, row: Row) -> bool {
        self.bytes += row.size();
        self.rows.push(row);
        self.is_cut = self.rows.len() >= self.at_most || self.bytes >= PAGE_BYTES;
        !self.is_cut
    }
}
