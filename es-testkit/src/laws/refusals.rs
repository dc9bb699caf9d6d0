//! Counts the values that the user's types refuse. A law that runs on nearly none of them proves nothing.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

/// So many values must have been made before their share counts.
const ENOUGH: u32 = 20;

/// The values of each type that were made, and that it refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<BTreeMap<String, Count>>>);

#[derive(Debug, Default)]
struct Count {
    made: u32,
    refused: u32,
    last: String,
}

impl Refusals {
    /// The value, unless its type refused it.
    pub(super) fn count<T>(&self, what: impl Fn() -> String, read: Result<T, String>) -> Option<T> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(what()).or_default();
        count.made = count.made.saturating_add(1);
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                count.refused = count.refused.saturating_add(1);
                count.last = error;
                None
            }
        }
    }

    /// What to do where nearly all values of a type were refused.
    pub(super) fn problem(&self) -> Option<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (what, count) in &*counts {
            let Count {
                made,
                refused,
                last,
            } = count;
            if *made >= ENOUGH && refused.saturating_mul(10) > made.saturating_mul(9) {
                // Writing into a string cannot fail.
                let _ = writeln!(
                    text,
                    "{what}: its type refused {refused} of {made} values that were made from its shape.\n  \
                     the last time: {last}"
                );
            }
        }
        if text.is_empty() {
            return None;
        }
        text.push_str(
            "The laws say nothing about these. Give values that are taken: `values(\"NAME\" => [..])` with the name of a \
             field or of a scalar of the shape, a strategy for a command (`commands(Name = strategy)`), or the lock with \
             golden samples (`lock(\"..\")`).",
        );
        Some(text)
    }
}
