//! `?after=`: a read model that has what the caller wrote, or an answer that says that it has not.

use axum::{
    extract::{FromRequestParts, Request},
    response::IntoResponse,
};
use es_axum::{After, Problem};
use es_projections::{
    AnyReadDatabase, AnyTransaction, HandlerError, Project, Projection, Projections,
};
use es_runtime::{
    AnyStore, Append, Envelope, Event, EventStore, ExpectedVersion, NewEvent, StreamId,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Event, Serialize, Deserialize)]
#[event("room.opened")]
struct Opened {}

#[derive(Projection)]
#[projection("rooms", version = 1, events(Opened))]
#[projection(schema = "CREATE TABLE {rooms} (room_id TEXT)")]
struct Rooms;

impl Project<Opened> for Rooms {
    async fn project(
        &self,
        opened: &Envelope<Opened>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let room = es_projections::values![opened.stream.id()];
        tx.run("INSERT INTO {rooms} VALUES ($1)", room).await?;
        Ok(())
    }
}

async fn after(target: &str) -> Result<After, Problem> {
    let (mut parts, ()) = Request::get(target)
        .body(())
        .expect("a request")
        .into_parts();
    After::from_request_parts(&mut parts, &()).await
}

#[tokio::test]
async fn a_query_waits_for_what_it_names_and_for_nothing_else() {
    let folder = es_tests::tiers::folder();
    let sqlite = SqliteStore::open(folder.path().join("events.db"))
        .await
        .expect("opens");
    let read = AnyReadDatabase::new(sqlite.read_database());
    let store = AnyStore::new(sqlite);
    let room = StreamId::new("room", "101").expect("an id");
    let append = Append::new(room, ExpectedVersion::NoStream);
    let append = append.with_event(NewEvent::json("room.opened", 1, "{}"));
    let written = store.append(append).await.expect("appended").position;

    // Nobody keeps the read model, so it is not there.
    let asked = after(&format!("/rooms?beds=2&after={written}"))
        .await
        .expect("a position");
    assert_eq!(asked.position(), Some(written));
    let soon = asked.at_most(Duration::from_millis(20));
    let late: Problem = soon
        .wait::<Rooms>(&read)
        .await
        .expect_err("is not there")
        .into();
    let answer = late.into_response();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"1".parse().expect("a value"))
    );
    // A query that asks for nothing does not wait, and gets what there is.
    let any = after("/rooms?before=7").await.expect("no position");
    any.wait::<Rooms>(&read).await.expect("does not wait");

    let running = Projections::new(store, read.clone())
        .with(Rooms)
        .start()
        .expect("starts");
    asked
        .at_most(Duration::from_secs(60))
        .wait::<Rooms>(&read)
        .await
        .expect("is there");
    let rows = read
        .select("SELECT room_id FROM rooms", &[])
        .await
        .expect("selected");
    assert_eq!(rows.len(), 1);
    // It would never come, since the store counts its positions in another way.
    let other = after("/rooms?after=812.1").await.expect("a position");
    let other = other.wait::<Rooms>(&read).await.expect_err("is none");
    assert_eq!(Problem::from(other).into_response().status(), 400);
    running.shutdown().await;
    assert!(after("/rooms?after=-1").await.is_err());
}
