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
