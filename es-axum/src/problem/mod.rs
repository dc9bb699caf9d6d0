//! Errors as problem details (RFC 9457).
//!
//! `?` in a handler that returns `Result<_, Problem>` answers every error of the library. What the domain rejects is
//! answered as its [`Rejection`] says.
//!
//! | Status | When | May the client send the request again? |
//! |---|---|---|
//! | 400 | the request is malformed: an id, a key, JSON | no |
//! | 409 | other writers were first in each attempt; a unique value is taken | the first: yes, at once |
//! | 412 | the version is not that of `If-Match` | after it has read again |
//! | 422 | the domain rejects the command; the key was used for another request; an append breaks a bound | no |
//! | 428 | `If-Match` is required and missing | with it |
//! | 503 | the store or a read model is not ready. **Nothing was written.** | yes, after `Retry-After` |
//! | 500 | anything else, also an outcome that is unknown | with the same `Idempotency-Key` |
//!
//! So 503 always means that nothing was written, and whatever retries it by itself, a proxy or a client library, does no
//! harm. A lost answer of the database is 500 of the kind `unknown-outcome`, whose text says what to do.
//!
//! Answers to unexpected errors do not quote them. A middleware finds the error in the extensions of the response, as
//! [`Cause`], and logs it.

mod library;

pub(crate) use library::{invalid_key, invalid_position, version_mismatch};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, convert::Infallible, error::Error, fmt, sync::Arc, time::Duration};

/// An error as `application/problem+json`.
///
/// ```
/// use axum::{http::StatusCode, response::IntoResponse};
/// use es_axum::Problem;
///
/// let problem = Problem::new(StatusCode::NOT_FOUND)
///     .kind("no-such-room")
///     .detail("there is no room 101")
///     .with("room", "101");
/// let answer = problem.into_response();
/// assert_eq!(answer.status(), 404);
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// ```
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    kind: Option<Cow<'static, str>>,
    title: Option<Cow<'static, str>>,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: HeaderMap,
    cause: Option<Cause>,
}

/// The error behind an answer that does not quote it, in the extensions of the response.
///
/// ```
/// use axum::{Router, middleware::map_response, response::Response};
/// use es_axum::problem::Cause;
///
/// async fn log(response: Response) -> Response {
///     if let Some(cause) = response.extensions().get::<Cause>() {
///         eprintln!("{}: {cause}", response.status());
///     }
///     response
/// }
///
/// let app: Router = Router::new().layer(map_response(log));
/// ```
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// The error.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a rejection by the domain is answered.
///
/// Implement it for the errors of your aggregates and decisions. Without a method it is 422 with the text of the error.
///
/// ```
/// use axum::http::StatusCode;
/// use es_axum::{Problem, Rejection};
///
/// #[derive(Debug, thiserror::Error)]
/// enum RoomError {
///     #[error("there is no such room")]
///     NoSuchRoom,
///     #[error("a price is more than nothing")]
///     NoPrice,
/// }
///
/// impl Rejection for RoomError {
///     fn problem(&self) -> Problem {
///         let problem = Problem::rejection(self);
///         match self {
///             Self::NoSuchRoom => problem.status(StatusCode::NOT_FOUND),
///             Self::NoPrice => problem,
///         }
///     }
/// }
/// ```
pub trait Rejection: Error + Send + Sync + 'static {
    /// The answer.
    fn problem(&self) -> Problem {
        Problem::rejection(self)
    }
}

impl Rejection for Infallible {}

impl Problem {
    /// A problem with this status, without a type of its own: `about:blank`.
    pub fn new(status: StatusCode) -> Self {
        Self(Box::new(Inner {
            status,
            kind: None,
            title: None,
            detail: None,
            members: Map::new(),
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// A rejection by the domain: 422 with the text of the error, which is meant for who asked.
    pub fn rejection(error: &(impl Error + ?Sized)) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY)
            .kind("rejected")
            .title("The request was rejected")
            .detail(error)
    }

    /// An error that is nobody's business but the operator's: 500, with the error as [`Cause`].
    pub fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR)
            .kind("internal")
            .title("The server has an error")
            .detail("nothing was written; the operator can find the reason in the log")
            .cause(error)
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The status.
    pub fn status_code(&self) -> StatusCode {
        self.0.status
    }

    /// With this type, which programs compare: a URI, or a short name that becomes `urn:problem-type:NAME`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.0.kind = Some(kind.into());
        self
    }

    /// With this title, the same for each problem of the type. Without one it is the phrase of the status.
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.0.title = Some(title.into());
        self
    }

    /// With this text about what happened and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.0.detail = Some(detail.to_string());
        self
    }

    /// With a member of the application. The members of the standard are not replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.into(), value.into());
        self
    }

    /// With `Retry-After`, in whole seconds and at least one.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.0
            .headers
            .insert(RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)));
        self
    }

    /// With the error behind it, which is not shown. See [`Cause`].
    #[must_use]
    pub fn cause(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Cause(Arc::new(error)));
        self
    }

    fn version(mut self, version: u64) -> Self {
        crate::EntityTag(version).insert(&mut self.0.headers);
        self.with("version", version)
    }

    fn json(&self) -> Value {
        let inner = &*self.0;
        let mut members = inner.members.clone();
        let kind = match &inner.kind {
            None => "about:blank".to_owned(),
            Some(kind) if kind.contains(':') => kind.clone().into_owned(),
            Some(kind) => format!("urn:problem-type:{kind}"),
        };
        members.insert("type".to_owned(), kind.into());
        let title = inner
            .title
            .as_deref()
            .or_else(|| inner.status.canonical_reason());
        if let Some(title) = title {
            members.insert("title".to_owned(), title.into());
        }
        members.insert("status".to_owned(), inner.status.as_u16().into());
        if let Some(detail) = &inner.detail {
            members.insert("detail".to_owned(), detail.clone().into());
        }
        Value::Object(members)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.0.detail.as_deref().unwrap_or_default();
        write!(f, "{}: {detail}", self.0.status)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json().to_string()));
        *response.status_mut() = self.0.status;
        *response.headers_mut() = self.0.headers;
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        let no_store = HeaderValue::from_static("no-store");
        response.headers_mut().insert(CACHE_CONTROL, no_store);
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}
