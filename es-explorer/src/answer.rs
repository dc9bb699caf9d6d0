//! Answers: JSON or a reason, and the headers that all of them have.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use es_tables::Error;
use serde_json::{Value, json};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The question is none.
    Wrong(String),
    /// What was asked for is not in the store.
    Missing(String),
    /// The store does not answer, or is damaged.
    Store(Error),
    /// Too many requests wait.
    Busy,
    /// Code that was called for the answer panicked.
    Panicked,
    /// Nobody allowed it, or another page asks.
    Forbidden(String),
    /// The state that is there does not allow it.
    NotNow(String),
    /// An operation failed. The text says whether something was written.
    Failed(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, what) = match self {
            Self::Wrong(what) => (StatusCode::BAD_REQUEST, what),
            Self::Missing(what) => (StatusCode::NOT_FOUND, what),
            Self::Store(error @ Error::Damaged(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
            Self::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests wait for the store; try again in a moment".to_owned(),
            ),
            Self::Panicked => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the program panicked at this; its output has the message".to_owned(),
            ),
            Self::Forbidden(what) => (StatusCode::FORBIDDEN, what),
            Self::NotNow(what) => (StatusCode::CONFLICT, what),
            Self::Failed(what) => (StatusCode::INTERNAL_SERVER_ERROR, what),
        };
        (status, Json(json!({ "error": what }))).into_response()
    }
}

/// A JSON document.
pub(crate) struct Json(pub(crate) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0.to_string()).into_response()
    }
}

/// The page needs its own files and its own answers, and nothing else. So text of an event that became markup by
/// a mistake could neither run nor load anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
