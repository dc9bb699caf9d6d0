//! Where no events are: messages of work items and guards may be many after the last event. They are passed over once, not
//! each time somebody asks for the end or reads on.

use es_runtime::Position;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// No event is after the position in the messages up to the sequence.
#[derive(Clone, Copy, Debug)]
struct Range {
    after: Position,
    up_to: u64,
}

#[derive(Debug, Default)]
struct Ranges {
    /// After the last event.
    end: Option<Range>,
    /// After what a reader has read.
    read: Option<Range>,
}

/// What is known of such messages.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    ranges: Mutex<Ranges>,
}

impl Quiet {
    fn ranges(&self) -> MutexGuard<'_, Ranges> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of the last event, and up to which sequence there is no later one.
    pub(crate) fn end(&self) -> Option<(Position, u64)> {
        self.ranges().end.map(|end| (end.after, end.up_to))
    }

    /// `last` is the position of the last event in the messages up to the sequence.
    pub(crate) fn ends(&self, last: Position, up_to: u64) {
        let mut ranges = self.ranges();
        if ranges.end.is_none_or(|end| end.up_to < up_to) {
            ranges.end = Some(Range { after: last, up_to });
        }
    }

    /// A reader has found no event after this position in the messages up to the sequence.
    pub(crate) fn passed(&self, after: Position, up_to: u64) {
        let mut ranges = self.ranges();
        let is_less = |range: Range| range.after == after && range.up_to >= up_to;
        if !ranges.read.is_some_and(is_less) {
            ranges.read = Some(Range { after, up_to });
        }
    }

    /// The first sequence that may have an event after this position, as far as is known.
    pub(crate) fn next(&self, after: Position) -> Option<u64> {
        let ranges = self.ranges();
        let known = [ranges.read, ranges.end].into_iter().flatten();
        let known = known.filter(|range| range.after == after);
        let up_to = known.map(|range| range.up_to).max();
        up_to.map(|up_to| up_to.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_sequence_counts() {
        let at = |sequence| Position::from_parts([0, sequence, 1]);
        let quiet = Quiet::default();
        assert_eq!((quiet.end(), quiet.next(at(3))), (None, None));
        quiet.ends(at(3), 8);
        quiet.ends(at(2), 5);
        assert_eq!(quiet.end(), Some((at(3), 8)));
        quiet.passed(at(3), 6);
        assert_eq!((quiet.next(at(3)), quiet.next(at(2))), (Some(9), None));
        quiet.passed(at(3), 12);
        quiet.passed(at(3), 10);
        assert_eq!(quiet.next(at(3)), Some(13));
        quiet.passed(at(20), 20);
        assert_eq!((quiet.next(at(3)), quiet.next(at(20))), (Some(9), Some(21)));
    }
}
