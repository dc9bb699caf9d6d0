//! The answer to a command.

use crate::EntityTag;
use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use es_runtime::{Aggregate, Executed, Position};
use serde::Serialize;
use std::{convert::Infallible, fmt::Write};

/// The header with the position of a command, for `?after=` of a later query.
pub const EVENT_POSITION: HeaderName = HeaderName::from_static("event-position");

/// The answer to a command: the version of the aggregate, and the position up to which a read model must be to
/// include the command.
///
/// As a whole answer it is JSON with both, and the headers `ETag` and `Event-Position`. As a part of another answer it
/// is these headers.
///
/// ```
/// use axum::response::IntoResponse;
/// use es_axum::Receipt;
/// use es_runtime::Position;
///
/// let answer = Receipt::new(3, Position::from_parts([0, 0, 17])).created("/bookings/7").into_response();
/// assert_eq!(answer.status(), 201);
/// assert_eq!(answer.headers()["location"], "/bookings/7");
/// assert_eq!(answer.headers()["etag"], "\"3\"");
/// assert_eq!(answer.headers()["event-position"], "17");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The version of the aggregate after the command.
    pub version: u64,
    /// The position of its newest event.
    pub position: Position,
    /// Where the thing is that was made.
    #[serde(skip)]
    location: Option<String>,
}

impl Receipt {
    /// The receipt for this version and position.
    pub const fn new(version: u64, position: Position) -> Self {
        Self {
            version,
            position,
            location: None,
        }
    }

    /// The receipt of a command.
    pub const fn of<A: Aggregate>(done: &Executed<A>) -> Self {
        Self::new(done.version, done.position)
    }

    /// Answers 201 with this `Location`, 200 without. Also for a repeated request: the client asks what became of it,
    /// and is answered as the first time.
    #[must_use]
    pub fn created(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    fn insert(&self, headers: &mut HeaderMap) {
        EntityTag(self.version).insert(headers);
        if let Ok(position) = HeaderValue::try_from(self.position.to_string()) {
            headers.insert(EVENT_POSITION, position);
        }
        if let Some(location) = &self.location {
            if let Ok(location) = HeaderValue::try_from(escaped(location)) {
                headers.insert(LOCATION, location);
            }
        }
    }
}

/// The text with `%XX` for what cannot stand in a URI: ids may have any character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            )
        {
            escaped.push(char::from(byte));
        } else {
            // A `String` takes all that is written.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

impl IntoResponseParts for Receipt {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.insert(parts.headers_mut());
        Ok(parts)
    }
}

impl IntoResponse for Receipt {
    fn into_response(self) -> Response {
        let status = match self.location {
            Some(_) => StatusCode::CREATED,
            None => StatusCode::OK,
        };
        // Two numbers always have a JSON form.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (status, json, self, Body::from(body)).into_response()
    }
}
