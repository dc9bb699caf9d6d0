//! Putting messages into the tables.

use super::JetStream;
use crate::Error;
use es_nats::transfer::{CommitRecord, Record, ValueHolder};
use es_record::{Position, Timestamp};
use es_runtime::{AppendId, Appended, Snapshot, StreamId, WorkItem};
use rusqlite::{Connection, OptionalExtension as _};

impl JetStream {
    /// Puts messages into the tables, all of them or none.
    pub(super) fn take(&mut self, records: &[(u64, Record)]) -> Result<(), Error> {
        // Without a journal there is no way back, so whoever sees an error drops all of it.
        self.tables.connection.execute_batch("BEGIN")?;
        for (sequence, record) in records {
            self.record(*sequence, record)?;
        }
        self.take_tags(records.last().map_or(0, |(sequence, _)| *sequence))?;
        Ok(self.tables.connection.execute_batch("COMMIT")?)
    }

    fn record(&mut self, sequence: u64, record: &Record) -> Result<(), Error> {
        match record {
            Record::Commit(commit) => self.commit(sequence, commit),
            Record::AppendId {
                stream,
                id,
                appended,
            } => {
                let connection = &self.tables.connection;
                let position = self.numbering.number_of(connection, appended.position)?;
                append(connection, stream, id, appended, position)?;
                used(connection, stream, id)
            }
            Record::UsedId {
                stream,
                id,
                sequence: of,
            } => {
                used(&self.tables.connection, stream, id)?;
                if self.problems.is_some() && !self.is_commit(*of, stream, id)? {
                    let place = format!("message {sequence}, append {id} of {stream}");
                    self.found(place, format!("message {of} is no commit with that id"));
                }
                Ok(())
            }
            Record::Name {
                event,
                rules,
                walks,
            } => self.name(event, rules, walks),
            Record::Value {
                rule,
                value,
                holder,
            } => self.value(rule, value, holder.as_ref()),
            Record::Cursor {
                consumer,
                position,
                inputs,
            } => self.cursor(consumer, *position, inputs.as_deref()),
            Record::Work(item) => self.work(item),
            Record::Tagged { tag, events } => {
                // Their commits may come after this message.
                let events = events.iter().cloned();
                self.tagged.extend(events.map(|event| (tag.clone(), event)));
                Ok(())
            }
            // What is not known to this crate must not get lost in a copy: the crate of the store refuses unknown messages.
            _ => Ok(()),
        }
    }

    fn commit(&mut self, sequence: u64, commit: &CommitRecord) -> Result<(), Error> {
        let connection = &self.tables.connection;
        let count = commit.events.len();
        let first = self
            .numbering
            .first_of(connection, sequence, count, commit.number)?;
        let (aggregate, id) = (commit.stream.aggregate(), commit.stream.id());
        let time = commit.recorded_at.to_string();
        let mut insert = connection.prepare_cached(
            "INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        let mut position = first;
        let mut twice = Vec::new();
        for (event, version) in commit.events.iter().zip(commit.first..) {
            let inserted = insert.execute((
                position,
                aggregate,
                id,
                number(version),
                &event.name,
                event.schema_version,
                &time,
                event.id.to_string(),
                &commit.metadata,
                &event.content_type,
                &event.payload,
            ))?;
            if inserted == 0 && self.part.is_whole() {
                twice.push((position, version));
            }
            position = position.saturating_add(1);
        }
        if let Some((append_id, request)) = &commit.append {
            let events = u64::try_from(count).unwrap_or(u64::MAX);
            let version = commit.first.saturating_add(events).saturating_sub(1);
            let appended = Appended::new(version, events, Position::START, commit.recorded_at);
            let appended = appended.with_request(request.clone());
            append(
                connection,
                &commit.stream,
                append_id,
                &appended,
                position.saturating_sub(1),
            )?;
        }
        let mut update = connection.prepare_cached(
            "UPDATE es_unique_values SET position = ?3 WHERE rule = ?1 AND value = ?2",
        )?;
        let waiting = std::mem::take(&mut self.waiting);
        for (stream, rule, value) in waiting {
            if stream == commit.stream {
                update.execute((rule, value, first))?;
            } else {
                self.waiting.push((stream, rule, value));
            }
        }
        drop(update);
        drop(insert);
        for (position, version) in twice {
            let place = format!(
                "position {}, {}",
                crate::position::text(position),
                commit.stream
            );
            let what = format!("version {version} is there twice: two writers have won");
            if self.problems.is_none() {
                return Err(Error::Damaged(format!("{place}: {what}")));
            }
            self.found(place, what);
        }
        Ok(())
    }

    /// Whether a commit of a stream has this sequence and append id.
    fn is_commit(&self, sequence: u64, stream: &StreamId, id: &AppendId) -> Result<bool, Error> {
        let position = self.numbering.number_of(
            &self.tables.connection,
            Position::from_parts([0, sequence, 1]),
        )?;
        let mut select = self.tables.connection.prepare_cached(
            "SELECT 1 FROM appends a JOIN events e ON e.aggregate = a.aggregate AND e.aggregate_id = a.aggregate_id \
             AND e.version = a.first_version WHERE a.aggregate = ?1 AND a.aggregate_id = ?2 AND a.append_id = ?3 \
             AND e.position = ?4",
        )?;
        let found = select.exists((stream.aggregate(), stream.id(), id.as_str(), position))?;
        Ok(found)
    }

    /// Puts the tags of events up to a sequence into their table.
    fn take_tags(&mut self, up_to: u64) -> Result<(), Error> {
        let connection = &self.tables.connection;
        let mut insert =
            connection.prepare_cached("INSERT OR REPLACE INTO es_tags VALUES (?1, ?2, ?3, ?4)")?;
        let mut later = Vec::new();
        for (tag, tagged) in std::mem::take(&mut self.tagged) {
            let [_, sequence, _] = tagged.position.to_parts();
            if sequence > up_to {
                later.push((tag, tagged));
                continue;
            }
            let number = self.numbering.number_of(connection, tagged.position);
            // The message of the tag stays where the event is erased.
            if self.transfer.is_erased(sequence) && !is_there(connection, number.as_ref().ok())? {
                continue;
            }
            let number = number?;
            let others = serde_json::Value::from_iter(tagged.others).to_string();
            insert.execute((tag, number, tagged.event, others))?;
        }
        self.tagged = later;
        Ok(())
    }

    fn work(&self, item: &WorkItem) -> Result<(), Error> {
        let connection = &self.tables.connection;
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO es_work VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, ?10, ?11)",
        )?;
        insert.execute((
            item.instance.aggregate(),
            item.instance.id(),
            &item.definition,
            item.status.as_str(),
            &item.phase,
            &item.reason,
            item.due_at.map(Timestamp::unix_micros),
            number(item.epoch),
            &item.owner,
            item.lease_until.map(Timestamp::unix_micros),
            item.updated_at.unix_micros(),
        ))?;
        Ok(())
    }

    fn name(
        &self,
        event: &str,
        rules: &[String],
        walks: &[(String, Position)],
    ) -> Result<(), Error> {
        let connection = &self.tables.connection;
        connection.execute("INSERT OR REPLACE INTO names VALUES (?1)", [event])?;
        connection.execute("DELETE FROM es_rules WHERE event = ?1", [event])?;
        for rule in rules {
            connection.execute("INSERT INTO es_rules VALUES (?1, ?2)", [rule, event])?;
        }
        connection.execute("DELETE FROM es_tag_walks WHERE event = ?1", [event])?;
        for (kind, position) in walks {
            let number = self.numbering.number_of(connection, *position)?;
            let row = (event, kind, number);
            connection.execute("INSERT INTO es_tag_walks VALUES (?1, ?2, ?3)", row)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        rule: &str,
        value: &str,
        holder: Option<&ValueHolder>,
    ) -> Result<(), Error> {
        let connection = &self.tables.connection;
        let Some(holder) = holder else {
            let mut delete = connection
                .prepare_cached("DELETE FROM es_unique_values WHERE rule = ?1 AND value = ?2")?;
            delete.execute((rule, value))?;
            return Ok(());
        };
        let (aggregate, id) = (holder.stream.aggregate(), holder.stream.id());
        let position = if let Some(position) = holder.position {
            self.numbering.number_of(connection, position)?
        } else {
            // A stream that gives a value back has claimed it before.
            let mut select = connection.prepare_cached(
                "SELECT position FROM es_unique_values WHERE rule = ?1 AND value = ?2 AND aggregate = ?3 \
                 AND aggregate_id = ?4",
            )?;
            let known = select.query_row((rule, value, aggregate, id), |row| row.get(0));
            if let Some(known) = known.optional()? {
                known
            } else {
                let stream = holder.stream.clone();
                self.waiting
                    .push((stream, rule.to_owned(), value.to_owned()));
                0
            }
        };
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO es_unique_values VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let free_at = holder.free_at.map(Timestamp::unix_micros);
        insert.execute((rule, value, aggregate, id, position, free_at))?;
        Ok(())
    }

    fn cursor(
        &self,
        consumer: &str,
        position: Position,
        inputs: Option<&str>,
    ) -> Result<(), Error> {
        let connection = &self.tables.connection;
        let text = |position: Position| self.numbering.text_of(connection, position);
        let inputs = inputs.map(|inputs| {
            positions_of(inputs, &|position| {
                let position: Position = position.parse().map_err(|_| {
                    Error::Damaged("a cursor has a position that is none".to_owned())
                })?;
                text(position)
            })
        });
        let row = (consumer, text(position)?, inputs.transpose()?);
        connection.execute("INSERT OR REPLACE INTO es_cursors VALUES (?1, ?2, ?3)", row)?;
        Ok(())
    }

    pub(super) fn take_snapshots(&self, snapshots: &[Snapshot]) -> Result<(), Error> {
        let connection = &self.tables.connection;
        connection.execute_batch("BEGIN")?;
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for snapshot in snapshots {
            // One of another history is no snapshot of this store, and it is made again.
            let Ok(position) = self.numbering.text_of(connection, snapshot.position) else {
                continue;
            };
            insert.execute((
                snapshot.stream.aggregate(),
                snapshot.stream.id(),
                number(snapshot.version),
                position,
                snapshot.fingerprint.to_string(),
                &snapshot.content_type,
                &snapshot.state,
            ))?;
        }
        drop(insert);
        Ok(connection.execute_batch("COMMIT")?)
    }

    /// The inputs of a cursor with the positions of the server instead of those of the tables.
    ///
    /// # Errors
    ///
    /// They are not what sagas write, or name an event that is not there.
    pub fn inputs_of(&self, inputs: &str) -> Result<String, Error> {
        positions_of(inputs, &|text| self.position_text(text))
    }
}

/// The inputs of a cursor with other positions: those of the names of events.
fn positions_of(
    inputs: &str,
    other: &dyn Fn(&str) -> Result<String, Error>,
) -> Result<String, Error> {
    let damaged = || Error::Damaged("the inputs of a cursor are not what sagas write".to_owned());
    let mut inputs: serde_json::Value = serde_json::from_str(inputs).map_err(|_| damaged())?;
    let names = inputs
        .get_mut("names")
        .and_then(|names| names.as_object_mut());
    for (_, position) in names.ok_or_else(damaged)? {
        if let Some(text) = position.as_str() {
            *position = other(text)?.into();
        }
    }
    Ok(inputs.to_string())
}

/// Whether there is an event with this number.
fn is_there(connection: &Connection, number: Option<&i64>) -> Result<bool, Error> {
    let mut select = connection.prepare_cached("SELECT 1 FROM events WHERE position = ?1")?;
    Ok(select.exists([number])?)
}

fn used(connection: &Connection, stream: &StreamId, id: &AppendId) -> Result<(), Error> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO used_ids VALUES (?1, ?2, ?3)")?;
    insert.execute((stream.aggregate(), stream.id(), id.as_str()))?;
    Ok(())
}

fn append(
    connection: &Connection,
    stream: &StreamId,
    id: &AppendId,
    appended: &Appended,
    position: i64,
) -> Result<(), Error> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO appends VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let (version, events) = (number(appended.version), number(appended.events));
    insert.execute((
        stream.aggregate(),
        stream.id(),
        id.as_str(),
        version.saturating_sub(events).saturating_add(1),
        version,
        events,
        position,
        appended.recorded_at.to_string(),
        &appended.request,
    ))?;
    Ok(())
}

/// A number of SQLite. Versions and counts do not come near its end.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
