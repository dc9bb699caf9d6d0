//! Two functions for `axum::middleware`: request ids, and problem details for what axum answers itself.

use crate::Problem;
use axum::{
    body::to_bytes,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones are no ids.
const LONGEST_ID: usize = 128;
/// Longer bodies are no error texts of axum.
const LONGEST_TEXT: usize = 64 * 1024;

/// The `X-Request-Id`, or a new one where it is missing or not a short printable text.
pub(crate) fn request_id_of(headers: &HeaderMap) -> String {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_id = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    id.filter(is_id)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Gives each request an `X-Request-Id` where it has none, and each answer that of its request.
///
/// The events of the request have it as their correlation, so that a client who names it leads to all that followed.
///
/// ```
/// use axum::{Router, middleware::from_fn};
///
/// let app: Router = Router::new().layer(from_fn(es_axum::request_id));
/// ```
pub async fn request_id(mut request: Request, next: Next) -> Response {
    let id = HeaderValue::try_from(request_id_of(request.headers())).ok();
    if let Some(id) = &id {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
    }
    response
}

/// Turns the errors that axum answers itself into problem details: a path that does not exist, a method that is not
/// allowed, a parameter that cannot be read. Status and headers stay, and so does an error with a body of its own type.
///
/// ```
/// use axum::{Router, middleware::map_response};
///
/// let app: Router = Router::new().layer(map_response(es_axum::problem_details));
/// ```
pub async fn problem_details(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_text = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
        // A compressed text cannot be read here.
        && !response.headers().contains_key(CONTENT_ENCODING);
    if !is_text || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, LONGEST_TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut problem = Problem::new(status);
    if !text.is_empty() {
        problem = problem.detail(text);
    }
    let (made, body) = problem.into_response().into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    // Those of the problem take the place of the others.
    parts.headers.extend(made.headers);
    Response::from_parts(parts, body)
}
