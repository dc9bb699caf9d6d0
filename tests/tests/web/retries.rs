//! Requests that are sent again: what they do, and how they are answered.

use crate::text;
use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    routing::put,
};
use es_axum::{EntityTag, ExecuteCall, IfNoneMatch, JsonCall, Problem, Receipt, Rejection};
use es_runtime::{
    Aggregate, AnyStore, Apply, Event, EventStore, Events, Handle, MemoryStore, Repository,
};
use es_sqlite::SqliteStore;
use es_tests::tiers::folder;
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;
use tower::ServiceExt;

#[derive(Event, Serialize, Deserialize)]
#[event("room.priced")]
struct Priced {
    cents: u32,
}

#[derive(Deserialize, Clone)]
struct SetPrice {
    cents: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("a night costs something")]
struct NoPrice;

impl Rejection for NoPrice {}

#[derive(Aggregate, Default)]
#[aggregate("room", id = String, error = NoPrice, events(Priced))]
struct Room {
    cents: u32,
}

impl Apply<Priced> for Room {
    fn apply(&mut self, event: &Priced) {
        self.cents = event.cents;
    }
}

impl Handle<SetPrice> for Room {
    fn handle(&self, SetPrice { cents }: SetPrice) -> Result<Events<Self>, NoPrice> {
        match cents {
            0 => Err(NoPrice),
            same if same == self.cents => Ok(Events::none()),
            cents => Ok(Priced { cents }.into()),
        }
    }
}

async fn set_price(
    State(rooms): State<Repository<Room>>,
    Path(room): Path<String>,
    JsonCall(call, price): JsonCall<SetPrice>,
) -> Result<Receipt, Problem> {
    let done = rooms.execute(&room, price).call(&call).await?;
    Ok(Receipt::of(&done))
}

async fn show(
    State(rooms): State<Repository<Room>>,
    Path(room): Path<String>,
    seen: IfNoneMatch,
) -> Result<axum::response::Response, Problem> {
    let loaded = rooms.load(&room).await?;
    let cents = loaded.state.cents.to_string();
    Ok(seen.answer(EntityTag(loaded.version), cents))
}

fn app(store: AnyStore) -> Router {
    let rooms: Repository<Room> = Repository::new(store);
    let price = put(set_price).get(show);
    Router::new()
        .route("/rooms/{room}/price", price)
        .with_state(rooms)
}

fn price(cents: u32, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::put("/rooms/7/price").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(format!("{{\"cents\":{cents}}}"));
    request.body(body).expect("a request")
}

/// The status, the `ETag`, and the body.
async fn ask(app: &Router, request: Request) -> (u16, String, String) {
    let answer = app.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let tag = parts.headers.get("etag");
    let tag = tag.map_or("", |tag| tag.to_str().expect("text")).to_owned();
    (parts.status.as_u16(), tag, text(body).await)
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_time_whatever_came_between() {
    let app = app(AnyStore::new(MemoryStore::new()));
    let first = ask(&app, price(10, &[("idempotency-key", "a")])).await;
    assert_eq!((first.0, &*first.1), (200, "\"1\""));
    // With the version that it saw, which is old when it comes again.
    let seen = [("idempotency-key", "b"), ("if-match", "\"1\"")];
    let second = ask(&app, price(20, &seen)).await;
    assert_eq!((second.0, &*second.1), (200, "\"2\""));
    // Without an event, too: it has been answered, so it must not take effect when it comes again.
    let none = ask(&app, price(20, &[("idempotency-key", "c")])).await;
    assert_eq!((none.0, &*none.1), (200, "\"2\""));
    let other = ask(&app, price(30, &[])).await;
    assert_eq!((other.0, &*other.1), (200, "\"3\""));

    assert_eq!(
        ask(&app, price(10, &[("idempotency-key", "a")])).await,
        first
    );
    assert_eq!(ask(&app, price(20, &seen)).await, second);
    assert_eq!(
        ask(&app, price(20, &[("idempotency-key", "c")])).await,
        none
    );
    let now = Request::get("/rooms/7/price").body(Body::empty());
    assert_eq!(ask(&app, now.expect("a request")).await.2, "30");
    // The control: under another key it is another request.
    let new = ask(&app, price(20, &[("idempotency-key", "d")])).await;
    assert_eq!((new.0, &*new.1), (200, "\"4\""));
}

/// Whoever hangs up drops the handler, wherever it is.
#[tokio::test]
async fn a_client_that_hangs_up_and_sends_again_changes_it_once() {
    let folder = folder();
    let (mut ended, mut dropped) = (0, 0);
    for polls in 0..60 {
        let file = folder.path().join(format!("{polls}.db"));
        let store = AnyStore::new(SqliteStore::open(file).await.expect("a store"));
        let app = app(store.clone());
        let request = || price(10, &[("idempotency-key", "k")]);
        let asked = Box::pin(ask(&app, request()));
        let hangs_up = Box::pin(async {
            for _ in 0..polls {
                yield_now().await;
            }
        });
        match select(hangs_up, asked).await {
            Either::Left(_) => dropped += 1,
            Either::Right(_) => ended += 1,
        }
        let again = ask(&app, request()).await;
        assert_eq!((again.0, &*again.1), (200, "\"1\""), "{polls}");
        let room = Repository::<Room>::new(store.clone()).load("7").await;
        assert_eq!(room.expect("loads").version, 1, "{polls}");
        store.close().await;
    }
    assert!(dropped > 1, "{dropped} were dropped, {ended} were answered");
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let app = app(AnyStore::new(MemoryStore::new()));
    ask(&app, price(10, &[])).await;
    let get = async |tags: &[&str]| {
        let mut request = Request::get("/rooms/7/price");
        for tag in tags {
            request = request.header("if-none-match", *tag);
        }
        ask(&app, request.body(Body::empty()).expect("a request")).await
    };
    let unchanged = (304, "\"1\"".to_owned(), String::new());
    let whole = (200, "\"1\"".to_owned(), "10".to_owned());
    for seen in [
        &["\"1\""][..],
        &["W/\"1\""],
        &["*"],
        &["\"7\", W/\"1\""],
        &["\"7\"", "\"1\""],
    ] {
        assert_eq!(get(seen).await, unchanged, "{seen:?}");
    }
    for other in [
        &[][..],
        &["\"0\""],
        &["1"],
        &["\"01\""],
        &["\"1-gzip\""],
        &["\"7,1\""],
        &["w/\"1\""],
        &["\"\u{e9}\", \"1\""],
        &[""],
    ] {
        assert_eq!(get(other).await, whole, "{other:?}");
    }
    ask(&app, price(20, &[])).await;
    assert_eq!(
        get(&["\"1\""]).await,
        (200, "\"2\"".to_owned(), "20".to_owned())
    );
}
