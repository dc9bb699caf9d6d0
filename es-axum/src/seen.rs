//! `If-None-Match`: a query whose answer the client may have already.

use crate::EntityTag;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header::IF_NONE_MATCH, request::Parts},
    response::{IntoResponse, Response},
};
use std::convert::Infallible;

/// The header `If-None-Match` of a query: the versions that the client has.
///
/// ```
/// use axum::{extract::{FromRequestParts, Request}, response::IntoResponse};
/// use es_axum::{EntityTag, IfNoneMatch};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let request = Request::get("/rooms/101").header("if-none-match", "\"7\"").body(()).unwrap();
/// let (mut parts, ()) = request.into_parts();
/// let seen = IfNoneMatch::from_request_parts(&mut parts, &()).await.unwrap();
/// assert_eq!(seen.answer(EntityTag(7), "the room").status(), 304);
/// assert_eq!(seen.answer(EntityTag(8), "the room").status(), 200);
/// # }
/// ```
///
/// A version says that the aggregate is the same. Where an answer shows more than the aggregate, it may have changed although the version has
/// not: answer such a query without an `ETag`.
///
/// # Rejections
///
/// None. What is no `ETag` of this application is not what the client has, so the answer is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfNoneMatch {
    tags: Vec<String>,
}

impl IfNoneMatch {
    /// Whether the client has this version. `*` is any.
    pub fn has(&self, tag: EntityTag) -> bool {
        let own = tag.to_string();
        // Compressing proxies make a strong tag weak. Of an answer that is only read, the standard compares both forms alike.
        let is_own = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own;
        self.tags.iter().any(|tag| is_own(tag))
    }

    /// The answer with this version: 304 without a body where the client has it.
    pub fn answer(&self, tag: EntityTag, answer: impl IntoResponse) -> Response {
        if self.has(tag) {
            (StatusCode::NOT_MODIFIED, tag).into_response()
        } else {
            (tag, answer).into_response()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(IF_NONE_MATCH).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        // A tag with a comma in it is none of this application, and no part of it looks like one.
        let tags = texts.flat_map(|text| text.split(',')).map(str::trim);
        Ok(Self {
            tags: tags.map(str::to_owned).collect(),
        })
    }
}
