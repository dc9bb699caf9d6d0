//! Writing tags. Their rows come tag by tag, and a message of a tag names all other tags of its events. So the rows are gathered
//! first.

use super::JetStream;
use crate::Error;
use es_nats::transfer::{Mark, Record, TaggedEvent};
use rusqlite::Connection;

/// Events of one message. Each read of the tag fetches its last message.
const EVENTS: usize = 256;
/// Bytes of names and tags in one message. A single event may have more.
const BYTES: usize = 64 * 1024;
/// Messages that are written together.
const MESSAGES: usize = 250;

const GATHERED: &str = "
    CREATE TABLE IF NOT EXISTS gathered_tags (
        tag TEXT NOT NULL, position INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (tag, position)
    ) STRICT, WITHOUT ROWID;
";

/// What is written needs the tags of an event.
const INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS gathered_tags_at ON gathered_tags (position);
    CREATE INDEX IF NOT EXISTS es_tags_at ON es_tags (position);
";

/// Whether messages that are there cannot stay as they are: one does not name a gathered tag of its event, or one is about a later
/// event with the same tag.
const IS_ANEW: &str = "
    SELECT EXISTS (
        SELECT 1 FROM gathered_tags g JOIN es_tags t ON t.tag = g.tag AND t.position >= g.position
    ) OR EXISTS (
        SELECT 1 FROM gathered_tags g JOIN es_tags t ON t.position = g.position
        WHERE NOT EXISTS (SELECT 1 FROM json_each(t.others) o WHERE o.value = g.tag)
    )
";

const OTHERS: &str = "
    SELECT tag FROM gathered_tags WHERE position = ?1 AND tag <> ?2
    UNION SELECT tag FROM es_tags WHERE position = ?1 AND tag <> ?2
";

/// Messages that wait to be written.
#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// The tag of the next message, and its events.
    tag: String,
    events: Vec<TaggedEvent>,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, tag: &str, event: TaggedEvent) {
        let size: usize = event.event.len() + event.others.iter().map(String::len).sum::<usize>();
        let is_full = self.events.len() >= EVENTS || self.bytes + size > BYTES;
        if self.tag != tag || is_full {
            self.end();
            tag.clone_into(&mut self.tag);
        }
        self.bytes += size;
        self.events.push(event);
    }

    /// Ends a message.
    fn end(&mut self) {
        let events = std::mem::take(&mut self.events);
        self.bytes = 0;
        if !events.is_empty() {
            let tag = self.tag.clone();
            self.records.push(Record::Tagged { tag, events });
        }
    }
}

impl JetStream {
    /// Takes rows of tags: their texts, and the numbers and names of the events. [`write_tags`](Self::write_tags) writes
    /// them.
    ///
    /// # Errors
    ///
    /// The temporary file is full.
    pub fn gather_tags<'r>(
        &mut self,
        rows: impl IntoIterator<Item = (&'r str, i64, &'r str)>,
    ) -> Result<(), Error> {
        let connection = &self.tables.connection;
        connection.execute_batch(GATHERED)?;
        connection.execute_batch("BEGIN")?;
        let mut insert = connection
            .prepare_cached("INSERT OR REPLACE INTO gathered_tags VALUES (?1, ?2, ?3)")?;
        for row in rows {
            insert.execute(row)?;
        }
        drop(insert);
        Ok(connection.execute_batch("COMMIT")?)
    }

    /// Writes the tags that were gathered. Where a kind was turned on for events that were copied before, they do not fit those that
    /// are there: then all are written anew.
    ///
    /// # Errors
    ///
    /// Somebody else writes to the store, the server does not take a message, or does not answer. Some of them may be written.
    pub fn write_tags(&mut self) -> Result<(), Error> {
        self.tables.connection.execute_batch(GATHERED)?;
        if is(
            &self.tables.connection,
            "SELECT NOT EXISTS (SELECT 1 FROM gathered_tags)",
        )? {
            return Ok(());
        }
        self.advance()?;
        self.tables.connection.execute_batch(INDEXES)?;
        if is(&self.tables.connection, IS_ANEW)? {
            self.begin_anew()?;
        }
        let connection = &self.tables.connection;
        let mut all =
            connection.prepare("SELECT tag, position, event FROM gathered_tags ORDER BY 1, 2")?;
        let mut others = connection.prepare(OTHERS)?;
        let mut rows = all.query([])?;
        let mut waiting = Waiting::default();
        while let Some(row) = rows.next()? {
            let (tag, number, event): (String, i64, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let with = others.query_map((number, &tag), |row| row.get(0))?;
            let event = TaggedEvent {
                position: self.numbering.position_of(connection, number)?,
                event,
                others: with.collect::<rusqlite::Result<_>>()?,
            };
            waiting.add(&tag, event);
            if waiting.records.len() >= MESSAGES {
                self.write_records(&waiting.records)?;
                waiting.records.clear();
            }
        }
        waiting.end();
        self.write_records(&waiting.records)?;
        Ok(connection.execute_batch("DELETE FROM gathered_tags")?)
    }

    /// No message of a tag that is there counts any more.
    fn begin_anew(&mut self) -> Result<(), Error> {
        let last = self.wait(self.transfer.last(), super::unread)?;
        let mark = Mark {
            tags_from: Some(last.saturating_add(1)),
            ..self.marked()?
        };
        self.mark(&mark)?;
        let sql = "INSERT OR REPLACE INTO gathered_tags SELECT tag, position, event FROM es_tags; DELETE FROM es_tags;";
        Ok(self.tables.connection.execute_batch(sql)?)
    }
}

fn is(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    connection.query_row(sql, [], |row| row.get(0))
}
