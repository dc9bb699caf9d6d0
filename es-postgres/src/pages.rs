//! Statements that read a page of events. How many bytes a page may have is known to the server only
//! where it matters: adding them up costs a quarter of a microsecond a row, and saves sending rows that
//! would be thrown away.

use crate::rows::EVENT_COLUMNS;
use es_runtime::{ReadLimit, RecordedEvent};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A statement with and without a bound on the bytes of its payloads. Both take the same parameters.
pub(crate) struct Pages {
    plain: String,
    bounded: String,
    /// The bytes of a payload in the last page; until there is one, any number.
    usual: AtomicUsize,
}

impl Pages {
    /// For rows `from` somewhere in this `order`, at most `$3`, with payloads of about `$4` bytes.
    pub(crate) fn new(from: &str, order: &str) -> Self {
        let rows = |columns: &str| format!("SELECT {columns} {from} ORDER BY {order} LIMIT $3");
        // A payload that is larger than the bound counts as the bound, so that the row after one is sent.
        let size = "least(coalesce(octet_length(payload), 0), $4)::int";
        let before = format!(
            "*, sum({size}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - {size} AS before"
        );
        Self {
            plain: rows(EVENT_COLUMNS),
            // The first row that does not fit is sent too: so the reader sees that there are more.
            bounded: format!(
                "SELECT {EVENT_COLUMNS} FROM ({}) page WHERE before <= $4 ORDER BY {order}",
                rows(&before)
            ),
            usual: AtomicUsize::new(usize::MAX),
        }
    }

    pub(crate) fn sql(&self, limit: ReadLimit) -> &str {
        let usual = self.usual.load(Ordering::Relaxed);
        if usual.saturating_mul(limit.events) <= limit.bytes {
            &self.plain
        } else {
            &self.bounded
        }
    }

    /// Remembers how large the payloads of a page were.
    pub(crate) fn learn(&self, events: &[RecordedEvent]) {
        let bytes: usize = events.iter().map(|event| event.payload.len()).sum();
        if let Some(usual) = bytes.checked_div(events.len()) {
            self.usual.store(usual.max(1), Ordering::Relaxed);
        }
    }
}
