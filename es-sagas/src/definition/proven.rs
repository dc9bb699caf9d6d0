//! Values as they are stored: the data of a saga and the outputs of its steps.

use crate::log::CHANGED;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A value as it is stored, proven to be read back as the same value. Later steps and the undo read what is
/// stored.
pub(crate) fn proven<V: Serialize + DeserializeOwned>(value: &V) -> Result<Value, String> {
    let stored = serde_json::to_value(value).map_err(|e| e.to_string())?;
    // serde quotes the value. It is left out, because errors are stored.
    let read = V::deserialize(&stored).map_err(|_| "its type does not read it back".to_owned())?;
    let again = serde_json::to_value(&read).map_err(|e| e.to_string())?;
    // A set has no order, and may be written in another one.
    if again == stored || unordered(&again) == unordered(&stored) {
        return Ok(stored);
    }
    Err(CHANGED.to_owned())
}

/// The value with all lists in one order.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(unordered).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), unordered(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap, HashSet};

    #[test]
    fn only_what_reads_back_is_stored() {
        let sets: Vec<HashSet<u32>> = vec![(0..50).collect(), (20..90).collect()];
        assert!(proven(&sets).is_ok());
        let map: HashMap<String, HashSet<u32>> =
            HashMap::from([("a".to_owned(), (0..9).collect())]);
        assert!(proven(&map).is_ok());
        assert!(proven(&(1.5, -0.0, f64::MAX, "text".to_owned(), ())).is_ok());
        assert!(proven(&f64::NAN).is_err());
        assert!(proven(&f64::INFINITY).is_err());
        assert!(
            proven(&BTreeMap::from([((1, 2), 3)])).is_err(),
            "keys are not text"
        );
        assert!(proven(&u128::MAX).is_err());
    }
}
