//! The stored form: the events of one batch that have one tag.

use crate::{record::position, transfer::TaggedEvent, wire::StoredMessage};
use es_runtime::{Position, StorageError, TagQuery};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The body of a message of a tag.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(super) events: Vec<Line>,
}

/// One event with the tag.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// So many messages after this one its commit comes, 0 where it comes before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) offset: u64,
    /// The sequence of its commit where that comes before this message, as in a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<u64>,
    /// Its number in the commit, from 1.
    pub(super) number: u64,
    pub(super) event: String,
    /// Its other tags. So one subject is enough to see which events have several.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) with: BTreeSet<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Line {
    /// The position of the event, in the message with this sequence.
    fn position(&self, message: u64) -> Option<Position> {
        let sequence = match (self.commit, self.offset) {
            (Some(commit), 0) if commit < message => commit,
            (None, 1..) => message.saturating_add(self.offset),
            _ => return None,
        };
        Some(position(sequence, self.number))
    }
}

/// An event that has a tag.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) position: Position,
    pub(crate) event: String,
    /// All of its tags, as they are stored.
    pub(crate) tags: BTreeSet<String>,
}

impl Tagged {
    pub(super) fn is_found_by(&self, query: &TagQuery) -> bool {
        query.finds(&self.event, &self.tags)
    }
}

/// The events that a message of this tag points at, in order.
///
/// # Errors
/// [`Corrupt`](es_runtime::StorageErrorKind::Corrupt): it is no such message.
pub(crate) fn tagged(text: &str, message: &StoredMessage) -> Result<Vec<Tagged>, StorageError> {
    let what = "about a tag";
    let body: Body = message.json(what)?;
    let tagged = body.events.into_iter().map(|mut line| {
        line.with.insert(text.to_owned());
        Ok(Tagged {
            position: line
                .position(message.sequence)
                .ok_or_else(|| message.damaged(what))?,
            event: line.event,
            tags: line.with,
        })
    });
    tagged.collect()
}

/// The body of a message about events whose commits are there already.
pub(crate) fn carried(events: &[TaggedEvent]) -> Body {
    let lines = events.iter().map(|tagged| {
        let [_, commit, number] = tagged.position.to_parts();
        Line {
            offset: 0,
            commit: Some(commit),
            number,
            event: tagged.event.clone(),
            with: tagged.others.clone(),
        }
    });
    Body {
        events: lines.collect(),
    }
}
