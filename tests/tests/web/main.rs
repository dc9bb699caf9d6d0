//! What `es-axum` makes of requests and errors. The hotel of the examples is called over real HTTP.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod after;
mod answers;
mod calls;
mod feed;
mod retries;

use axum::body::{Body, to_bytes};

/// The text of a body.
async fn text(body: Body) -> String {
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    String::from_utf8(body.to_vec()).expect("text")
}
