//! Positions as one number, which is what statements compare.
//!
//! SQLite and PostgreSQL count events. JetStream names a commit and an event in it: such a place is one number, too, above all
//! that are counted. So both have the order of the store, and a number says which of them it is.

use es_record::Position;

/// The number from which on numbers are places.
pub(crate) const PLACES: i64 = 1 << 62;
/// Bits of a place for the number in the commit: a commit has at most 65,535 events.
const BITS: u32 = 16;
const MOST: u64 = (1 << BITS) - 1;
const SEQUENCES: u64 = 1 << (62 - BITS);

/// A position as one number. `None` where no store has it.
///
/// ```
/// use es_tables::position;
///
/// let counted = position::number("17".parse()?);
/// let place = position::number("812.1".parse()?);
/// assert_eq!(counted, Some(17));
/// assert!(place > counted);
/// assert_eq!(place.map(position::text).as_deref(), Some("812.1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn number(position: Position) -> Option<i64> {
    match position.to_parts() {
        [0, 0, number] => i64::try_from(number).ok().filter(|number| *number < PLACES),
        [0, sequence, number] if number <= MOST && sequence < SEQUENCES => {
            Some(PLACES | i64::try_from(sequence << BITS | number).ok()?)
        }
        _ => None,
    }
}

/// The position with a number.
pub fn of(number: i64) -> Position {
    let number = u64::try_from(number).unwrap_or(0);
    match number.checked_sub(PLACES.unsigned_abs()) {
        Some(place) => Position::from_parts([0, place >> BITS, place & MOST]),
        None => Position::from_parts([0, 0, number]),
    }
}

/// The position with a number, as a text.
pub fn text(number: i64) -> String {
    of(number).to_string()
}

/// Whether a number is a place, so that the events between two of them cannot be counted.
pub const fn is_place(number: i64) -> bool {
    number >= PLACES
}

/// The numbers that so many events take, at most, where the store ends at this number.
pub fn span(head: i64, events: i64) -> i64 {
    if is_place(head) {
        events.saturating_mul(1 << BITS)
    } else {
        events
    }
}

/// The number after which the first event comes, where the store ends at this number.
pub const fn start(head: i64) -> i64 {
    if is_place(head) { PLACES } else { 0 }
}

/// The number that somebody means who names a position, where the store ends at this number: on JetStream a number without a
/// dot is a commit. It is the first event of that, or the last one.
pub fn meant(position: Position, head: i64, is_last: bool) -> Option<i64> {
    match position.to_parts() {
        [0, 0, sequence] if is_place(head) && sequence > 0 => {
            let event = if is_last { MOST } else { 1 };
            number(Position::from_parts([0, sequence, event]))
        }
        _ => number(position),
    }
}
