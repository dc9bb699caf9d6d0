//! Who, why and what for: what is stored beside an event's payload.

use super::EventId;
use crate::{Codec, CodecError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt};

/// What is known about a write besides its events.
///
/// ```
/// use es_runtime::Metadata;
///
/// let metadata = Metadata::new()
///     .with_user("alice")
///     .with_correlation("checkout-4711")
///     .with("channel", "web");
/// assert_eq!(metadata.get::<String>("channel"), Some("web".to_owned()));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// One id for everything that follows from one request, `None` for the root itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The event that this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The trace it belongs to, a [W3C traceparent](https://www.w3.org/TR/trace-context/).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The application's own values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, serde_json::Value>,
}

impl Metadata {
    /// Nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// [`following`](Metadata::following), for an event of which only id and metadata are at hand.
    pub fn caused_by(event_id: EventId, metadata: &Self) -> Self {
        Self {
            correlation: Some(
                metadata
                    .correlation
                    .clone()
                    .unwrap_or_else(|| event_id.to_string()),
            ),
            causation: Some(event_id),
            user: metadata.user.clone(),
            traceparent: metadata.traceparent.clone(),
            custom: BTreeMap::new(),
        }
    }

    /// With this correlation.
    #[must_use]
    pub fn with_correlation(mut self, id: impl Into<String>) -> Self {
        self.correlation = Some(id.into());
        self
    }

    /// With this cause.
    #[must_use]
    pub fn with_causation(mut self, event: EventId) -> Self {
        self.causation = Some(event);
        self
    }

    /// With this user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// With this trace.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// With a value of the application's own.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.custom.insert(key.into(), value.into());
        self
    }

    /// A value of the application's own, `None` where there is none or it is of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.custom.get(key)?).ok()
    }

    /// The JSON text that stores keep.
    pub fn to_json(&self) -> String {
        // Text keys and JSON values always have a JSON form.
        serde_json::to_string(self).unwrap_or_else(|_| EMPTY.to_owned())
    }

    /// What [`to_json`](Metadata::to_json) wrote.
    ///
    /// # Errors
    /// [`CodecError`] when the text is damaged.
    pub fn from_json(text: &str) -> Result<Self, CodecError> {
        if text == EMPTY {
            return Ok(Self::default());
        }
        if !text.trim_start().starts_with('{') {
            // serde would take a JSON array for the fields in their order; as an object it is refused.
            Codec::Json.decode::<BTreeMap<String, serde_json::Value>>(text.as_bytes())?;
        }
        Codec::Json.decode(text.as_bytes())
    }
}

const EMPTY: &str = "{}";

impl fmt::Debug for Metadata {
    /// Ids and keys; no user and no values, which do not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("correlation", &self.correlation)
            .field("causation", &self.causation)
            .field("custom", &self.custom.keys())
            .finish_non_exhaustive()
    }
}
