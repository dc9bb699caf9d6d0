//! What a command takes from its request.

use crate::{
    Problem, etag::IfMatch, fingerprint, middleware::request_id_of, problem::invalid_key,
    trace::is_traceparent,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use es_runtime::{AppendId, Metadata};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use uuid::Uuid;

/// What a command takes from its request: who asks, under which key, and which version was seen.
///
/// Extract it where the request has no body that matters, and [`JsonCall`] where it has one. Pass it on with
/// [`ExecuteCall::call`](crate::ExecuteCall::call).
///
/// | From | Becomes |
/// |---|---|
/// | `Idempotency-Key` | the append id of the command, with a fingerprint of the request: method, path, query, user and body |
/// | `If-Match` | the expected version of the aggregate |
/// | `X-Request-Id`, or a new id | [`Metadata::correlation`] |
/// | `traceparent` | [`Metadata::traceparent`] |
/// | a [`Metadata`] in the extensions of the request | where all of that is added: your login puts the user there |
///
/// ```
/// use axum::{body::Body, extract::FromRequest, http::Request};
/// use es_axum::Call;
/// use es_runtime::Metadata;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut request = Request::post("/bookings/7/cancel").header("idempotency-key", "k-1");
/// request = request.extension(Metadata::new().with_user("ann")); // what your login does
/// let call = Call::from_request(request.body(Body::empty()).unwrap(), &()).await.unwrap();
/// assert_eq!(call.user(), Some("ann"));
/// assert_eq!(call.key().map(|key| key.as_str()), Some("k-1"));
/// # }
/// ```
///
/// # Rejections
///
/// A [`Problem`]: 400 for a key or an `If-Match` that is not valid, 412 for an `If-Match` that no version has, 413 for a
/// body above axum's limit.
#[derive(Clone, Debug)]
pub struct Call {
    metadata: Metadata,
    key: Option<AppendId>,
    fingerprint: String,
    if_match: IfMatch,
}

/// A [`Call`] with its body, read from JSON.
///
/// ```
/// use axum::extract::State;
/// use es_axum::{ExecuteCall, JsonCall, Problem, Receipt, Rejection};
/// use es_runtime::{Aggregate, Command, Repository, command::HandledBy};
/// use serde::de::DeserializeOwned;
///
/// async fn change<A, C>(
///     State(repository): State<Repository<A>>,
///     JsonCall(call, command): JsonCall<C>,
/// ) -> Result<Receipt, Problem>
/// where
///     A: Aggregate<Id = String>,
///     A::Error: Rejection,
///     C: Command + HandledBy<A> + DeserializeOwned,
/// {
///     let done = repository.execute("7", command).call(&call).await?;
///     Ok(Receipt::of(&done))
/// }
/// ```
///
/// # Rejections
///
/// Those of [`Call`], 415 where the body is not declared as JSON, 400 where it is no JSON, 422 where it is not a `T`.
#[derive(Clone, Debug)]
pub struct JsonCall<T>(pub Call, pub T);

impl Call {
    /// Who asks and why, as it is stored with each event.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Changes what is stored with each event.
    pub const fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The user, as the login of the application put it into the [`Metadata`] of the request.
    pub fn user(&self) -> Option<&str> {
        self.metadata.user.as_deref()
    }

    /// The `Idempotency-Key`.
    pub const fn key(&self) -> Option<&AppendId> {
        self.key.as_ref()
    }

    /// The fingerprint of the request that is stored with the key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The version of `If-Match`. `None` where the header is absent or `*`.
    pub const fn expected_version(&self) -> Option<u64> {
        match self.if_match {
            IfMatch::Version(version) => Some(version),
            IfMatch::Absent | IfMatch::Any => None,
        }
    }

    /// The id for something new that this request makes, such as `new_id("booking")`: a UUID.
    ///
    /// It follows from the user and the key, so that a repetition meets what the first request made. An id that is new
    /// each time would be another stream, where no append id is known, and the repetition would make a second thing.
    /// Without a key it is new each time.
    ///
    /// ```
    /// # use axum::{body::Body, extract::FromRequest, http::Request};
    /// # use es_axum::Call;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let call = |key| async move {
    ///     let request = Request::post("/bookings").header("idempotency-key", key);
    ///     Call::from_request(request.body(Body::empty()).unwrap(), &()).await.unwrap()
    /// };
    /// assert_eq!(call("k-1").await.new_id("booking"), call("k-1").await.new_id("booking"));
    /// assert_ne!(call("k-1").await.new_id("booking"), call("k-2").await.new_id("booking"));
    /// # }
    /// ```
    pub fn new_id(&self, of: &str) -> String {
        let id = self.key.as_ref().map_or_else(Uuid::now_v7, |key| {
            fingerprint::id(of, self.user(), key.as_str())
        });
        id.to_string()
    }

    /// The call, where it has an `Idempotency-Key`.
    ///
    /// # Errors
    /// A [`Problem`] with 400 where it has none.
    pub fn keyed(&self) -> Result<&Self, Problem> {
        match self.key {
            Some(_) => Ok(self),
            None => Err(Problem::new(StatusCode::BAD_REQUEST)
                .kind("idempotency-key-missing")
                .title("`Idempotency-Key` is missing")
                .detail("send a new `Idempotency-Key` with each request, and the same one when it is repeated")),
        }
    }

    /// The call, where it has an `If-Match`.
    ///
    /// # Errors
    /// A [`Problem`] with 428 where it has none.
    pub fn conditional(&self) -> Result<&Self, Problem> {
        match self.if_match {
            IfMatch::Version(_) | IfMatch::Any => Ok(self),
            IfMatch::Absent => Err(Problem::new(StatusCode::PRECONDITION_REQUIRED)
                .kind("if-match-missing")
                .title("`If-Match` is missing")
                .detail("send the `ETag` of the version that was read as `If-Match`")),
        }
    }

    fn new(parts: &Parts, body: &[u8]) -> Result<Self, Problem> {
        let mut metadata = parts
            .extensions
            .get::<Metadata>()
            .cloned()
            .unwrap_or_default();
        if metadata.correlation.is_none() {
            metadata.correlation = Some(request_id_of(&parts.headers));
        }
        if metadata.traceparent.is_none() {
            metadata.traceparent = traceparent_of(&parts.headers);
        }
        Ok(Self {
            key: key_of(&parts.headers)?,
            fingerprint: fingerprint::of_request(parts, metadata.user.as_deref(), body),
            if_match: IfMatch::of(&parts.headers)?,
            metadata,
        })
    }
}

/// The `traceparent`. Of several nobody knows which trace is the right one, so none is continued.
fn traceparent_of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let text = values.next()?.to_str().ok()?;
    let is_alone = values.next().is_none();
    (is_alone && is_traceparent(text)).then(|| text.to_owned())
}

/// The key, with or without the quotes that the standard to come writes around it.
fn key_of(headers: &HeaderMap) -> Result<Option<AppendId>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid_key().detail("there are several"));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let id = AppendId::new(inside.unwrap_or(text));
    Ok(Some(id.map_err(|_| {
        invalid_key().detail("it has 1 to 256 printable ASCII characters")
    })?))
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    // The body keeps the limit that a layer of axum left in the extensions.
    let request = Request::from_parts(parts.clone(), body);
    match Bytes::from_request(request, state).await {
        Ok(body) => Ok((parts, body)),
        Err(rejected) => Err(Problem::new(rejected.status())
            .kind("unreadable-body")
            .detail(rejected.body_text())),
    }
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = read(request, state).await?;
        Self::new(&parts, &body)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonCall<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .kind("not-json")
                .detail("the body is JSON; send `Content-Type: application/json`"));
        }
        let (parts, body) = read(request, state).await?;
        let call = Call::new(&parts, &body)?;
        match serde_json::from_slice(&body) {
            Ok(value) => Ok(Self(call, value)),
            Err(error) => {
                let status = match error.classify() {
                    Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                    Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
                };
                Err(Problem::new(status).kind("invalid-body").detail(error))
            }
        }
    }
}

/// `application/json`, or a type that ends with `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let header = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = header.and_then(|header| header.split(';').next());
    essence.is_some_and(|essence| {
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}
