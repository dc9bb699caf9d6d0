//! A store on JetStream. What is asked of it is SQL, as of every store: its messages are put into tables of SQLite in a
//! temporary file, and the statements read those.
//!
//! The tables are those of a store on SQLite, so nothing that reads a store exists twice. They are brought up to date before
//! each statement, unless the store is held.

mod denied;
mod messages;
mod numbering;
mod part;
mod tables;
mod tags;

pub use es_nats::transfer;

use crate::{
    Access, Error, Page, Query, Write, address, database::Database, need::Need, sqlite::Sqlite,
};
use denied::Denied;
use es_nats::{
    NatsStore,
    async_nats::ConnectOptions,
    transfer::{Mark, Record, TaggedEvent, Transfer},
};
use es_record::Position;
use es_runtime::{EventStore as _, ReadError, Snapshot, StorageError, StorageErrorKind, StreamId};
use numbering::Numbering;
use part::Part;
use std::ops::ControlFlow;
use tokio::runtime::{Builder, Runtime};

/// A store on JetStream with the tables that its messages were put into.
pub struct JetStream {
    runtime: Runtime,
    denied: Denied,
    store: NatsStore,
    transfer: Transfer,
    tables: Sqlite,
    numbering: Numbering,
    part: Part,
    /// The sequence of the last message that is in the tables.
    read_to: u64,
    /// What the stream of snapshots had when they were put into their table.
    snapshots: Option<(u64, u64)>,
    /// Values whose position is that of the next commit of a stream.
    waiting: Vec<(StreamId, String, String)>,
    /// Tags, each with an event whose commit comes later.
    tagged: Vec<(String, TaggedEvent)>,
    /// What is wrong with messages, where that is looked for and is no error.
    problems: Option<Vec<(String, String)>>,
    is_held: bool,
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn failed(error: StorageError) -> Error {
    match error.kind {
        StorageErrorKind::Busy => Error::Unexpected(
            "somebody else has written to the target meanwhile: begin again with an empty one",
        ),
        StorageErrorKind::Corrupt => Error::Damaged(error.to_string()),
        _ => Error::Server(error.to_string()),
    }
}

fn unread(error: ReadError) -> Error {
    match error {
        ReadError::Storage(error) => failed(error),
        other => Error::Damaged(other.to_string()),
    }
}

/// The version of the tables, negative while the store is filled.
const fn version_of(mark: &Mark) -> i64 {
    let version = crate::check::current(crate::Dialect::Sqlite);
    if mark.is_filling { -version } else { version }
}

impl JetStream {
    pub(crate) fn open(text: &str, access: Access) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (store, denied) = runtime.block_on(open(text, Some(access)))?;
        let transfer = store.transfer();
        let numbering = match access {
            Access::Read | Access::Check => Numbering::Places,
            Access::Move | Access::Fill => Numbering::Counted { last: 0 },
        };
        let mut opened = Self {
            runtime,
            denied,
            store,
            transfer,
            tables: Sqlite::scratch()?,
            numbering,
            part: if access == Access::Read {
                Part::default()
            } else {
                Part::whole()
            },
            read_to: 0,
            snapshots: None,
            waiting: Vec::new(),
            tagged: Vec::new(),
            problems: (access == Access::Check).then(Vec::new),
            is_held: false,
        };
        let begun = opened.begin();
        begun.map_err(|error| match error {
            Error::Server(why) => Error::CannotOpen {
                store: address::shown(text),
                why,
            },
            other => other,
        })?;
        Ok(opened)
    }

    /// Waits for what the servers are asked for.
    fn wait<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        failed: fn(E) -> Error,
    ) -> Result<T, Error> {
        let done = self.runtime.block_on(self.denied.or(call));
        done.map_err(Error::Server)?.map_err(failed)
    }

    /// The id under which its events have the numbers of their tables: that of the store that it is a copy of, or one that
    /// follows from its own.
    fn counted_id(&self, mark: &Mark) -> String {
        mark.copy_of
            .clone()
            .unwrap_or_else(|| numbering::counted_id(self.transfer.store_id()))
    }

    fn begin(&mut self) -> Result<(), Error> {
        let mark = self.marked()?;
        let id = match self.numbering {
            Numbering::Places => self.transfer.store_id().to_owned(),
            Numbering::Counted { .. } => self.counted_id(&mark),
        };
        tables::make(&self.tables.connection, &id, version_of(&mark))?;
        Ok(())
    }

    /// Which moves the stream is part of.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub fn marked(&self) -> Result<Mark, Error> {
        self.wait(self.transfer.marked(), failed)
    }

    /// Says which moves the stream is part of, on the server and in the tables.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub fn mark(&mut self, mark: &Mark) -> Result<(), Error> {
        self.wait(self.transfer.mark(mark), failed)?;
        let id = self.counted_id(mark);
        tables::rename(&self.tables.connection, &id, version_of(mark))?;
        Ok(())
    }

    /// Stores records. They are in the tables from the next statement on.
    ///
    /// # Errors
    ///
    /// Somebody else writes to the store, the server does not take a record, or does not answer.
    pub fn write_records(&self, records: &[Record]) -> Result<(), Error> {
        self.wait(self.transfer.write(records), failed)
    }

    /// Removes and stores snapshots.
    ///
    /// # Errors
    ///
    /// The server does not take one, or does not answer.
    pub fn write_snapshots(
        &mut self,
        removed: &[StreamId],
        stored: Vec<Snapshot>,
    ) -> Result<(), Error> {
        let written = self.transfer.write_snapshots(removed, stored);
        self.wait(written, failed)
    }

    /// The position on the server of the event with this number.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn position_of(&self, number: i64) -> Result<Position, Error> {
        self.numbering.position_of(&self.tables.connection, number)
    }

    /// The position on the server of a position of the tables, both as texts.
    ///
    /// # Errors
    ///
    /// There is no such event.
    pub fn position_text(&self, text: &str) -> Result<String, Error> {
        let number: Option<i64> = text.parse().ok();
        let number = number
            .ok_or_else(|| Error::Damaged(format!("`{text}` is no position of this store")))?;
        Ok(self.position_of(number)?.to_string())
    }

    /// Names of events that the server has no rules of, not even none.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub fn unregistered_names(&mut self) -> Result<Vec<String>, Error> {
        self.advance()?;
        Ok(tables::unregistered_names(&self.tables.connection)?)
    }

    /// What was found to be wrong with messages, where somebody looks for that.
    pub(crate) fn problems(&mut self) -> Result<Vec<(String, String)>, Error> {
        self.fetch()?;
        let mut found = self.problems.clone().unwrap_or_default();
        found.extend(tables::lost_ids(&self.tables.connection)?);
        for (kind, position) in tables::lost_tags(&self.tables.connection)? {
            let place = format!(
                "a tag of kind {kind} at position {}",
                crate::position::text(position)
            );
            let what = "another tag of the event names it, and no message has it, so queries find different events";
            found.push((place, what.to_owned()));
        }
        for name in tables::unregistered_names(&self.tables.connection)? {
            let what = "there is no message about its rules, so the next event of it would turn rules on for older ones";
            found.push((format!("event {name}"), what.to_owned()));
        }
        Ok(found)
    }

    fn found(&mut self, place: String, what: String) {
        self.problems.get_or_insert_default().push((place, what));
    }

    /// What the next statement reads.
    pub(crate) fn needs(&mut self, need: Need) {
        self.part.need = Some(need);
    }

    /// The position of the newest event, where positions are those of the server.
    pub(crate) fn head(&self) -> Option<Result<i64, Error>> {
        if let Numbering::Counted { .. } = self.numbering {
            return None;
        }
        let head = self.wait(self.store.head(), unread);
        Some(head.and_then(|head| match head {
            Position::START => Ok(0),
            head => self.numbering.number_of(&self.tables.connection, head),
        }))
    }

    /// The bytes that the stream takes on one server.
    pub(crate) fn bytes(&self) -> Result<i64, Error> {
        let bytes = self.wait(self.transfer.bytes(), unread)?;
        Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    /// Puts what has come since into the tables, up to the message that is the newest one now: writers may be faster than this.
    fn advance(&mut self) -> Result<(), Error> {
        let end = self.wait(self.transfer.last(), unread)?;
        while self.read_to < end {
            let mut page = match &self.problems {
                None => self.wait(self.transfer.read(self.read_to), unread)?,
                Some(_) => self.wait(self.transfer.inspect(self.read_to), unread)?,
            };
            page.records.retain(|(sequence, _)| *sequence <= end);
            page.problems
                .retain(|problem| *problem.messages.start() <= end);
            for problem in page.problems {
                let place = match (problem.messages.start(), problem.messages.end()) {
                    (first, last) if first == last => format!("message {first}"),
                    (first, last) => format!("messages {first} to {last}"),
                };
                self.found(place, problem.what);
            }
            self.take(&page.records)?;
            self.read_to = page.last.min(end);
            if page.is_at_end {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Puts the snapshots into their table, if they have changed.
    fn advance_snapshots(&mut self) -> Result<(), Error> {
        let seen = self.wait(self.transfer.snapshots_seen(), unread)?;
        if self.snapshots == Some(seen) {
            return Ok(());
        }
        tables::clear_snapshots(&self.tables.connection)?;
        let mut after = Some(0);
        while let Some(from) = after {
            let (page, next) = self.wait(self.transfer.snapshots(from), unread)?;
            self.take_snapshots(&page)?;
            after = next;
        }
        self.snapshots = Some(seen);
        Ok(())
    }

    fn prepare(&mut self, query: &Query) -> Result<(), Error> {
        if self.is_held || !tables::are_of_messages(&query.sql) {
            self.part.need = None;
            return Ok(());
        }
        self.fetch()?;
        if query.sql.contains("snapshots") {
            self.advance_snapshots()?;
        }
        Ok(())
    }
}

/// Opens the store itself, for a program that writes events to it, with the weaker settings that the location names.
///
/// # Errors
///
/// [`Error::CannotOpen`] says why, and what to do.
///
/// # Cancel safety
///
/// It creates nothing.
pub async fn open_store(location: &str) -> Result<NatsStore, Error> {
    open(location, None).await.map(|(store, _)| store)
}

async fn open(text: &str, access: Option<Access>) -> Result<(NatsStore, Denied), Error> {
    let mut address = address::parse(text)?;
    let (denied, connect) = Denied::listen(ConnectOptions::new().name("es"));
    let options = NatsStore::options().connect_options(connect);
    let options = match access {
        None => options.create(false),
        Some(Access::Fill) => options.filling(true),
        // Reading loses nothing, however the servers are set up.
        Some(Access::Read | Access::Move | Access::Check) => {
            address = address.to_read();
            options.read_only(true).one_replica().unchecked_syncs()
        }
    };
    let refused = |why: String| Error::CannotOpen {
        store: address.to_string(),
        why,
    };
    let opening = Box::pin(options.open_at(&address));
    let opened = denied.or(opening).await;
    let opened = opened.map_err(refused)?.map_err(|error| {
        let text = error.to_string();
        let hint = if text.contains("NatsOptions") {
            ". In a location these options are called `?monitoring=http://..`, `?one-replica`, `?unchecked-syncs` and \
             `?interval-syncs`"
        } else {
            ""
        };
        refused(text + hint)
    })?;
    Ok((opened, denied))
}

impl Database for JetStream {
    fn page(&mut self, query: &Query, at_most: usize) -> Result<Page, Error> {
        self.prepare(query)?;
        self.tables.page(query, at_most)
    }

    fn each(
        &mut self,
        query: &Query,
        each: &mut dyn FnMut(crate::Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.prepare(query)?;
        self.tables.each(query, each)
    }

    fn hold(&mut self) -> Result<(), Error> {
        self.advance()?;
        self.advance_snapshots()?;
        self.is_held = true;
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), Error> {
        self.is_held = false;
        Ok(())
    }

    fn others(&mut self) -> Result<Option<String>, Error> {
        // The servers do not tell who would write next.
        Ok(None)
    }

    fn write(&mut self, _: &[Write], _: bool) -> Result<(), Error> {
        Err(Error::Place(
            "a store on JetStream takes no statements".to_owned(),
        ))
    }

    fn jetstream(&mut self) -> Option<&mut JetStream> {
        Some(self)
    }
}

impl Drop for JetStream {
    fn drop(&mut self) {
        self.runtime.block_on(self.store.close());
    }
}
