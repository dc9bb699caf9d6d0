//! Which requests come from the explorer's own page.
//!
//! A page of another site can make a browser send a request, with the cookies of a login. So a request that writes must
//! come from the same origin. The rule is the one of Go's `http.CrossOriginProtection` and of OWASP's cheat sheet on cross-site
//! request forgery: `Sec-Fetch-Site` where the browser sends it, `Origin` and `Host` otherwise. Both are set by the browser, and no
//! script can change them. Here it is stricter: a request with neither is refused, and so is one that a user typed.
//! Besides, the request has to carry a token, which only the own page can read.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

/// The header with the token.
pub(crate) const TOKEN: &str = "x-es-explorer-token";

/// Why a request is not one of the own page.
pub(crate) fn check(headers: &HeaderMap, token: &str) -> Result<(), &'static str> {
    if !is_same_origin(headers) {
        return Err(
            "the request does not come from the page of this explorer, so nothing was done. Where a proxy stands before it, it has \
             to pass on the header Host, or be reached by https",
        );
    }
    let given = headers.get(TOKEN).map(axum::http::HeaderValue::as_bytes);
    if !given.is_some_and(|given| is_equal(given, token.as_bytes())) {
        return Err(
            "the page is of another process or an earlier one, so nothing was done. Load the page anew; where several processes \
             answer under this address, send all requests for the explorer to one of them",
        );
    }
    Ok(())
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let alone = |name: &str| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().and_then(|value| value.to_str().ok());
        first.filter(|_| all.next().is_none())
    };
    if headers.contains_key("sec-fetch-site") {
        return alone("sec-fetch-site") == Some("same-origin");
    }
    let (Some(origin), Some(host)) = (alone(ORIGIN.as_str()), alone(HOST.as_str())) else {
        return false;
    };
    let origin = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

/// Takes as long for each text of the same length.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
