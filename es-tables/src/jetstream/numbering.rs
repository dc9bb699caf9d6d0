//! Positions of JetStream name a commit and an event in it. In the tables a position is one number.

use crate::{
    Error,
    position::{self, number},
};
use es_record::{EventId, Position};
use rusqlite::{Connection, OptionalExtension as _};

/// How events are numbered in the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbering {
    /// By their place: the sequence of the commit and the number in it.
    Places,
    /// From 1 on, as SQLite and PostgreSQL number them. So a store that is moved has the numbers that it would have there.
    Counted {
        /// The last number.
        last: i64,
    },
}

fn no_position(position: Position) -> Error {
    Error::Damaged(format!("`{position}` is no position of this store"))
}

fn place(position: Position) -> Result<i64, Error> {
    number(position).ok_or_else(|| no_position(position))
}

/// A number of SQLite. Sequences do not come near its end.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Numbering {
    /// The number of the first event of a commit with this sequence and so many events. `kept` is the one that it had in the
    /// store that it was copied from.
    pub(crate) fn first_of(
        &mut self,
        connection: &Connection,
        sequence: u64,
        events: usize,
        kept: Option<u64>,
    ) -> Result<i64, Error> {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        match self {
            Self::Places => place(Position::from_parts([0, sequence, 1])),
            Self::Counted { last } => {
                let next = last.saturating_add(1);
                let first = match kept.map(i64::try_from) {
                    None => next,
                    Some(Ok(kept)) if kept >= next => kept,
                    Some(_) => {
                        return Err(Error::Damaged(format!(
                            "message {sequence} names a position that another event has"
                        )));
                    }
                };
                let mut statement =
                    connection.prepare_cached("INSERT INTO commits VALUES (?1, ?2, ?3)")?;
                statement.execute((first, signed(sequence), events))?;
                *last = first.saturating_add(events).saturating_sub(1);
                Ok(first)
            }
        }
    }

    /// The number of the event at a position, 0 for the start.
    pub(crate) fn number_of(
        self,
        connection: &Connection,
        position: Position,
    ) -> Result<i64, Error> {
        match (self, position.to_parts()) {
            (Self::Places, _) => place(position),
            (Self::Counted { .. }, [0, 0, 0]) => Ok(0),
            (Self::Counted { .. }, [_, sequence, number]) => {
                let mut statement = connection.prepare_cached(
                    "SELECT position FROM commits WHERE sequence = ?1 AND events >= ?2",
                )?;
                let number = signed(number);
                let found =
                    statement.query_row((signed(sequence), number), |row| row.get::<_, i64>(0));
                let first = found.optional()?.ok_or_else(|| no_position(position))?;
                Ok(first.saturating_add(number).saturating_sub(1))
            }
        }
    }

    /// The position of an event as a text of the tables.
    pub(crate) fn text_of(
        self,
        connection: &Connection,
        position: Position,
    ) -> Result<String, Error> {
        match self {
            Self::Places => Ok(position.to_string()),
            Self::Counted { .. } => Ok(self.number_of(connection, position)?.to_string()),
        }
    }

    /// The position of the event with this number, the start for 0.
    pub(crate) fn position_of(
        self,
        connection: &Connection,
        number: i64,
    ) -> Result<Position, Error> {
        if let Self::Places = self {
            return Ok(position::of(number));
        }
        if number == 0 {
            return Ok(Position::START);
        }
        let mut statement = connection.prepare_cached(
            "SELECT position, sequence, events FROM commits WHERE position <= ?1 ORDER BY position DESC LIMIT 1",
        )?;
        let found = statement.query_row([number], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
            ))
        });
        let place = found.optional()?.and_then(|(first, sequence, events)| {
            let inside = number - first;
            let number = u64::try_from(inside + 1).ok().filter(|_| inside < events)?;
            Some(Position::from_parts([
                0,
                u64::try_from(sequence).ok()?,
                number,
            ]))
        });
        place.ok_or_else(|| Error::Damaged(format!("there is no event at position {number}")))
    }
}

/// The id of a store under which its events have counted numbers: its own with another version of a UUID. So a copy with
/// counted positions is not taken for the store.
pub(crate) fn counted_id(store: &str) -> String {
    let Ok(id) = store.parse::<EventId>() else {
        return store.to_owned();
    };
    let mut bytes = *id.as_bytes();
    if let Some(version) = bytes.get_mut(6) {
        *version = *version & 0x0f | 0x80;
    }
    EventId::from_bytes(bytes).to_string()
}
