//! Helpers of stores to read rows.

use super::{ReadDirection, ReadError, ReadLimit};
use crate::{InvalidStreamId, Position, RecordedEvent, StreamId};
use std::sync::Arc;

/// The version and the position of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLocation {
    /// Its version in the stream.
    pub version: u64,
    /// Its position in the store.
    pub position: Position,
}

impl RowLocation {
    /// The error for a damaged row. `what` must not quote the row.
    pub fn damaged(self, stream: &StreamId, what: impl Into<String>) -> ReadError {
        ReadError::Corrupt {
            stream: stream.clone(),
            version: self.version,
            position: self.position,
            what: what.into(),
        }
    }

    /// Checks that this row follows the row with the version `previous`. Versions have no gaps, so a
    /// missing row is an error.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when this row does not follow the version `previous`.
    ///
    /// ```
    /// use es_runtime::{ReadDirection, Position, StreamId, store::author::RowLocation};
    ///
    /// let order = StreamId::new("order", "4711")?;
    /// let third = RowLocation { version: 3, position: Position::from_parts([0, 0, 9]) };
    /// assert!(third.follows(&order, 2, ReadDirection::Forward).is_ok());
    /// assert!(third.follows(&order, 1, ReadDirection::Forward).is_err());
    /// assert!(third.follows(&order, 4, ReadDirection::Backward).is_ok());
    /// # Ok::<(), es_runtime::InvalidStreamId>(())
    /// ```
    pub fn follows(
        self,
        stream: &StreamId,
        previous: u64,
        direction: ReadDirection,
    ) -> Result<(), ReadError> {
        let expected = match direction {
            ReadDirection::Forward => previous.checked_add(1),
            ReadDirection::Backward => previous.checked_sub(1),
        };
        if expected == Some(self.version) {
            return Ok(());
        }
        let what = format!("it does not follow version {previous}");
        Err(self.damaged(stream, what))
    }
}

/// Shares texts that are the same in many rows, so that a page does not store them many times.
#[derive(Debug, Default)]
pub struct Repeated {
    texts: Vec<Arc<str>>,
    stream: Option<StreamId>,
}

impl Repeated {
    /// The greatest number of texts that are shared. A page rarely has more.
    const KEPT: usize = 64;

    /// The text, shared with earlier rows.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.iter().find(|known| &***known == text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.texts.len() < Self::KEPT {
            self.texts.push(Arc::clone(&new));
        }
        new
    }

    /// The stream, shared with the previous row.
    ///
    /// # Errors
    /// [`InvalidStreamId`] when the texts do not make a stream id.
    pub fn stream(&mut self, aggregate: &str, id: &str) -> Result<StreamId, InvalidStreamId> {
        if let Some(known) = &self.stream {
            if known.aggregate() == aggregate && known.id() == id {
                return Ok(known.clone());
            }
        }
        let stream = StreamId::new(aggregate, id)?;
        self.stream = Some(stream.clone());
        Ok(stream)
    }
}

/// Collects events up to a limit.
#[derive(Debug)]
pub struct Page {
    /// The collected events.
    pub events: Vec<RecordedEvent>,
    bytes: usize,
    limit: ReadLimit,
    is_cut: bool,
}

impl Page {
    /// An empty page.
    pub const fn new(limit: ReadLimit) -> Self {
        Self {
            events: Vec::new(),
            bytes: 0,
            limit,
            is_cut: false,
        }
    }

    /// Whether the page has the greatest number of events.
    pub fn is_full(&self) -> bool {
        self.events.len() >= self.limit.events
    }

    /// Whether an event did not fit.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Adds an event if it fits, and returns whether it does.
    pub fn take(&mut self, event: RecordedEvent) -> bool {
        let size = event.payload.len();
        let fits = self.limit.admits(self.events.len(), self.bytes, size);
        if fits {
            self.bytes = self.bytes.saturating_add(size);
            self.events.push(event);
        } else {
            self.is_cut = true;
        }
        fits
    }
}
