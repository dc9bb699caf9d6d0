//! Metadata of events: who caused them and why.

use crate::{Codec, CodecError, EventId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt};

/// Data about a write: its correlation, cause, user and trace, and values of the application.
///
/// ```
/// use es_record::Metadata;
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
    /// The id that all consequences of one request share, `None` for the first event itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The event that caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// The user who made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The trace that it belongs to, as a [W3C traceparent](https://www.w3.org/TR/trace-context/).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Values of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, serde_json::Value>,
}

impl Metadata {
    /// Empty metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// Metadata for the consequences of an event. It has the event as the cause, the event's user and
    /// trace, and its correlation, or the event's id where it has none.
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

    /// With a value of the application.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.custom.insert(key.into(), value.into());
        self
    }

    /// A value of the application, `None` when it is absent or has another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.custom.get(key)?).ok()
    }

    /// The JSON text that stores write.
    pub fn to_json(&self) -> String {
        if *self == Self::default() {
            return EMPTY.to_owned();
        }
        // Text keys and JSON values always have a JSON form.
        serde_json::to_string(self).unwrap_or_else(|_| EMPTY.to_owned())
    }

    /// Reads the text of [`to_json`](Metadata::to_json).
    ///
    /// # Errors
    /// [`CodecError`] when the text is damaged.
    pub fn from_json(text: &str) -> Result<Self, CodecError> {
        if text == EMPTY {
            return Ok(Self::default());
        }
        if !text.trim_start().starts_with('{') {
            // serde would read a JSON array as the fields in their order; reading an object fails.
            Codec::Json.decode::<BTreeMap<String, serde_json::Value>>(text.as_bytes())?;
        }
        Codec::Json.decode(text.as_bytes())
    }
}

const EMPTY: &str = "{}";

impl fmt::Debug for Metadata {
    /// Ids and keys only: users and values do not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("correlation", &self.correlation)
            .field("causation", &self.causation)
            .field("custom", &self.custom.keys())
            .finish_non_exhaustive()
    }
}
