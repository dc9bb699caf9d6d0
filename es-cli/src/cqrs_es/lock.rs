//! What a schema lock says of the events that are written.

use crate::error::Error;
use es_schema_lock::{Lock, LockEntry};
use serde_json::Value;
use std::{collections::HashMap, fs, path::Path};

/// The events that the application can read, with the names of the fields that each needs.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<(String, u16), Vec<String>>);

impl Known {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |what: String| Error::Usage(format!("{}: {what}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let lock: Lock = text.parse().map_err(|error| wrong(format!("{error}")))?;
        let mut known = HashMap::new();
        for line in lock.lines() {
            if let LockEntry::Version { version, .. } = &line.entry {
                let fields = line.entry.required_fields();
                known.insert((line.name.clone(), *version), fields);
            }
        }
        Ok(Self(known))
    }

    /// Whether there is such an event.
    pub(crate) fn has(&self, event: &str, version: u16) -> bool {
        self.0.contains_key(&(event.to_owned(), version))
    }

    /// A field that the payload should have.
    pub(crate) fn missing<'k>(
        &'k self,
        event: &str,
        version: u16,
        payload: &Value,
    ) -> Option<&'k str> {
        let fields = self.0.get(&(event.to_owned(), version))?;
        let missing = fields
            .iter()
            .find(|field| payload.get(field.as_str()).is_none());
        missing.map(String::as_str)
    }
}
