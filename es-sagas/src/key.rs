//! Idempotency keys. They are derived, so every attempt in every process has the same key.

use es_runtime::StreamId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The idempotency key of a step or an undo of one saga. Pass it to the provider.
///
/// It is the same in every attempt. A step and its undo have different keys, and so have two stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(uuid::Uuid);

/// Whether a call does a step or undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepDirection {
    /// The step itself.
    Do,
    /// The undo of the step.
    Undo,
}

impl StepDirection {
    /// `do` or `undo`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

impl Key {
    /// The namespace of all keys of this crate, generated once.
    const SPACE: uuid::Uuid = uuid::uuid!("6f1f6cf4-6c0e-4d0b-9d5e-55a1a7f1c3b2");

    /// The key of a step in one direction.
    pub(crate) fn derive(space: &str, instance: &StreamId, step: &str, to: StepDirection) -> Self {
        // Only `space` can contain control characters, so different parts never give the same text.
        let parts = [
            space,
            instance.aggregate(),
            instance.id(),
            step,
            to.as_str(),
        ];
        Self(uuid::Uuid::new_v5(
            &Self::SPACE,
            parts.join("\n").as_bytes(),
        ))
    }

    /// The 16 bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_in_every_part_and_never_change() {
        let one = StreamId::new("saga:order", "1").expect("an id");
        let two = StreamId::new("saga:order", "2").expect("an id");
        let key = Key::derive("here", &one, "charge", StepDirection::Do);
        assert_eq!(key.to_string(), "adfbcaea-4210-5561-ac3f-62f424272d08");
        let others = [
            Key::derive("there", &one, "charge", StepDirection::Do),
            Key::derive("here", &two, "charge", StepDirection::Do),
            Key::derive("here", &one, "reserve", StepDirection::Do),
            Key::derive("here", &one, "charge", StepDirection::Undo),
        ];
        assert!(others.iter().all(|other| *other != key));
    }
}
