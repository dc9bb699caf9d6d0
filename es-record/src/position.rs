//! The position of an event among all events of a store.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The position of an event in the order of the whole store.
///
/// Compare positions and keep them as checkpoints. Do not compute with them: each store chooses the
/// numbers, and there may be gaps.
///
/// ```
/// use es_record::Position;
///
/// let position = Position::from_parts([0, 0, 42]);
/// assert!(Position::START < position);
/// assert_eq!(position.to_string().parse(), Ok(position));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position([u64; 3]);

impl Position {
    /// Before the first event.
    pub const START: Self = Self([0; 3]);

    /// For stores: the position with these three numbers, the most significant first.
    pub const fn from_parts(parts: [u64; 3]) -> Self {
        Self(parts)
    }

    /// For stores: the three numbers, the most significant first.
    pub const fn to_parts(self) -> [u64; 3] {
        self.0
    }

    /// How many positions come after this one, up to `later`. `None` where they cannot be counted.
    ///
    /// ```
    /// use es_record::Position;
    ///
    /// let later = Position::from_parts([0, 0, 7]);
    /// assert_eq!(Position::from_parts([0, 0, 4]).until(later), Some(3));
    /// assert_eq!(Position::from_parts([1, 0, 4]).until(later), None);
    /// // A commit and an event in it.
    /// assert_eq!(Position::START.until(Position::from_parts([0, 9, 1])), None);
    /// ```
    pub const fn until(self, later: Self) -> Option<u64> {
        match (self.0, later.0) {
            ([a, b, from], [c, d, to]) if a == c && b == d || from == 0 && d == 0 => {
                Some(to.saturating_sub(from))
            }
            _ => None,
        }
    }

    /// Whether both may be positions of one store: they have as many numbers. The start is one of every store.
    ///
    /// Programs and clients keep positions, also after the store has moved to another kind of database, where the same events have
    /// other ones.
    ///
    /// ```
    /// use es_record::Position;
    ///
    /// let [of_sqlite, of_jetstream] = [[0, 0, 17], [0, 812, 1]].map(Position::from_parts);
    /// assert!(of_sqlite.is_like(Position::from_parts([0, 0, 4])) && of_sqlite.is_like(Position::START));
    /// assert!(!of_sqlite.is_like(of_jetstream));
    /// ```
    pub const fn is_like(self, other: Self) -> bool {
        let (mine, others) = (self.numbers(), other.numbers());
        mine == 0 || others == 0 || mine == others
    }

    const fn numbers(self) -> u8 {
        match self.0 {
            [0, 0, 0] => 0,
            [0, 0, _] => 1,
            [0, _, _] => 2,
            _ => 3,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [0, 0, low] => write!(f, "{low}"),
            [0, middle, low] => write!(f, "{middle}.{low}"),
            [high, middle, low] => write!(f, "{high}.{middle}.{low}"),
        }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let mut parts = [0; 3];
        let mut given = text.rsplit('.');
        for part in parts.iter_mut().rev() {
            let Some(digits) = given.next() else { break };
            if digits.starts_with('+') {
                return Err(InvalidPosition);
            }
            *part = digits.parse().map_err(|_| InvalidPosition)?;
        }
        match given.next() {
            None => Ok(Self(parts)),
            Some(_) => Err(InvalidPosition),
        }
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for Position {
    type Error = InvalidPosition;

    fn try_from(text: String) -> Result<Self, InvalidPosition> {
        text.parse()
    }
}

/// A text that is not the text of a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is one to three whole numbers joined by dots")]
pub struct InvalidPosition;
