//! What a command takes from its request.

use crate::text;
use axum::{
    Router,
    body::Body,
    extract::{FromRequest, Request},
    http::{Method, StatusCode, request::Builder},
    middleware::{from_fn, map_response},
    routing::get,
};
use es_axum::{Call, Problem};
use es_runtime::Metadata;
use tower::ServiceExt;

async fn call(request: Builder, body: &str) -> Result<Call, Problem> {
    let request = request
        .body(Body::from(body.to_owned()))
        .expect("a request");
    Call::from_request(request, &()).await
}

fn post(path: &str) -> Builder {
    Request::post(path).header("idempotency-key", "k")
}

fn by(request: Builder, user: &str) -> Builder {
    request.extension(Metadata::new().with_user(user))
}

#[tokio::test]
async fn a_fingerprint_is_that_of_one_request() {
    let of = async |request, body: &str| {
        let call = call(request, body).await.expect("a call");
        call.fingerprint().to_owned()
    };
    let first = of(by(post("/bookings"), "ann"), "{}").await;
    assert_eq!(of(by(post("/bookings"), "ann"), "{}").await, first);
    for other in [
        of(by(post("/bookings"), "bob"), "{}").await,
        of(by(post("/bookings"), "ann"), "{ }").await,
        of(by(post("/bookings/7"), "ann"), "{}").await,
        of(by(post("/bookings?a=b"), "ann"), "{}").await,
        of(by(post("/bookings").method(Method::PUT), "ann"), "{}").await,
        // Bytes that move from one part to the next.
        of(by(post("/bookings"), "ann{"), "}").await,
    ] {
        assert_ne!(other, first);
    }
}

#[tokio::test]
async fn ids_follow_from_the_user_and_the_key() {
    let id = async |user: &str, key: &str| {
        let request = Request::post("/").header("idempotency-key", key);
        let call = call(by(request, user), "").await.expect("a call");
        call.new_id("booking")
    };
    assert_eq!(id("ann", "k").await, id("ann", "k").await);
    assert_ne!(id("ann", "k").await, id("bob", "k").await);
    assert_ne!(id("ann", "bk").await, id("annb", "k").await);
    let none = call(Request::post("/"), "").await.expect("a call");
    assert_ne!(none.new_id("booking"), none.new_id("booking"));
    // A request that is repeated after a deploy must find what it made.
    assert_eq!(id("ann", "k").await, "f53c0861-cced-5260-97e8-a6bdcec42fd7");
}

#[tokio::test]
async fn what_the_login_says_stays() {
    let known = Metadata::new().with_user("ann").with("desk", 3);
    let request = post("/")
        .header("x-request-id", "r-1")
        .header("traceparent", "nonsense");
    let asked = call(request.extension(known.clone()), "")
        .await
        .expect("a call");
    assert_eq!(*asked.metadata(), known.with_correlation("r-1"));
    // Of two traces nobody knows which one is meant.
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let one = call(post("/").header("traceparent", trace), "").await;
    let one = one.expect("a call");
    assert_eq!(one.metadata().traceparent.as_deref(), Some(trace));
    let other = trace.replace('7', "8");
    let two = post("/").header("traceparent", trace);
    let two = call(two.header("traceparent", other), "").await;
    assert_eq!(two.expect("a call").metadata().traceparent, None);
    // Neither a log nor a metric should get a text of any length.
    let long = call(post("/").header("x-request-id", "r".repeat(129)), "").await;
    let long = long.expect("a call");
    assert_eq!(
        long.metadata().correlation.as_ref().map(String::len),
        Some(36)
    );
}

#[tokio::test]
async fn answers_keep_their_headers_and_their_own_bodies() {
    let own = (
        StatusCode::NOT_FOUND,
        [("content-type", "text/html")],
        "<p>gone</p>",
    );
    let small = (
        StatusCode::NOT_FOUND,
        [("content-encoding", "deflate")],
        "bytes",
    );
    let app = Router::new()
        .route("/own", get(async move || own))
        .route("/fine", get(async || "fine"))
        .route("/small", get(async move || small))
        .layer(map_response(es_axum::problem_details))
        .layer(from_fn(es_axum::request_id));
    let ask = async |method: Method, path: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty());
        let answer = app
            .clone()
            .oneshot(request.expect("a request"))
            .await
            .expect("an answer");
        let (parts, body) = answer.into_parts();
        assert!(parts.headers.contains_key("x-request-id"));
        (parts, text(body).await)
    };
    assert_eq!(ask(Method::GET, "/own").await.1, "<p>gone</p>");
    assert_eq!(ask(Method::GET, "/fine").await.1, "fine");
    // It is compressed, so it is no text yet.
    assert_eq!(ask(Method::GET, "/small").await.1, "bytes");
    let (parts, body) = ask(Method::POST, "/fine").await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["allow"]),
        (405, &"GET,HEAD".parse().expect("a value"))
    );
    assert_eq!(parts.headers["content-type"], "application/problem+json");
    assert!(body.contains("\"title\":\"Method Not Allowed\""), "{body}");
}
