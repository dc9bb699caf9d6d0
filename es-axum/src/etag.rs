//! Versions of aggregates as entity tags.

use crate::{Problem, problem::version_mismatch};
use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ETAG, IF_MATCH},
    },
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use std::{convert::Infallible, fmt};

/// The version of an aggregate as the header `ETag` of an answer.
///
/// The client sends it back as `If-Match`, and [`Call`](crate::Call) makes it the expected version of the command.
///
/// ```
/// use axum::response::IntoResponse;
/// use es_axum::EntityTag;
///
/// let answer = (EntityTag(7), "the room").into_response();
/// assert_eq!(answer.headers()["etag"], "\"7\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag(pub u64);

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl IntoResponseParts for EntityTag {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.insert(parts.headers_mut());
        Ok(parts)
    }
}

impl IntoResponse for EntityTag {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl EntityTag {
    pub(crate) fn insert(self, headers: &mut HeaderMap) {
        // Digits in quotes are a value of a header.
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(ETAG, value);
        }
    }
}

/// What `If-Match` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Nothing: the header is not there.
    Absent,
    /// `*`: whatever there is.
    Any,
    Version(u64),
}

impl IfMatch {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(IF_MATCH).iter();
        let Some(value) = values.next() else {
            return Ok(Self::Absent);
        };
        if values.next().is_some() {
            return Err(several());
        }
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        // Compressing proxies make a strong tag weak. A version is the same version in either form.
        let tag = text.strip_prefix("W/").unwrap_or(text);
        let tag = tag
            .strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            .ok_or_else(malformed)?;
        if tag.contains('"') {
            return Err(several());
        }
        let is_plain = tag.bytes().all(|byte| byte.is_ascii_digit());
        match tag.parse() {
            Ok(version) if is_plain => Ok(Self::Version(version)),
            // No version of this application ever had it.
            _ => Err(version_mismatch()
                .detail("`If-Match` is not an `ETag` of this resource; read it again")),
        }
    }
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST)
        .kind("invalid-if-match")
        .title("`If-Match` is not valid")
        .detail("`If-Match` is an `ETag` as it was received, with its quotes")
}

fn several() -> Problem {
    malformed()
        .detail("`If-Match` has several entity tags; send the one of the version that was read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<IfMatch, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(
            IF_MATCH,
            HeaderValue::from_str(value).map_err(|_| StatusCode::IM_A_TEAPOT)?,
        );
        IfMatch::of(&headers).map_err(|problem| problem.status_code())
    }

    #[test]
    fn a_version_is_read_in_every_form_that_proxies_make_of_it() {
        assert_eq!(IfMatch::of(&HeaderMap::new()).ok(), Some(IfMatch::Absent));
        assert_eq!(read("\"7\""), Ok(IfMatch::Version(7)));
        assert_eq!(read(" W/\"7\" "), Ok(IfMatch::Version(7)));
        assert_eq!(read("*"), Ok(IfMatch::Any));
    }

    #[test]
    fn what_was_never_a_tag_of_ours_does_not_match() {
        for foreign in [
            "\"7-gzip\"",
            "\"abc\"",
            "\"+7\"",
            "\"\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(
                read(foreign),
                Err(StatusCode::PRECONDITION_FAILED),
                "{foreign}"
            );
        }
        for malformed in ["7", "\"7", "\"7\", \"8\"", "W/7"] {
            assert_eq!(read(malformed), Err(StatusCode::BAD_REQUEST), "{malformed}");
        }
    }
}
