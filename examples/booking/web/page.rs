//! The page of the hotel: three files, which are part of the program.

use crate::hotel::Hotel;
use axum::{
    Router,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{Html, IntoResponse},
    routing::get,
};

pub fn routes() -> Router<Hotel> {
    Router::new()
        .route("/", get(index))
        .route(
            "/hotel.css",
            get(async || file("text/css", include_str!("../page/hotel.css"))),
        )
        .route(
            "/hotel.js",
            get(async || file("text/javascript", include_str!("../page/hotel.js"))),
        )
}

async fn index() -> impl IntoResponse {
    // Text that became markup by a mistake could neither run nor load anything.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";
    let page = Html(include_str!("../page/index.html"));
    ([(CONTENT_SECURITY_POLICY, policy)], page)
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}
