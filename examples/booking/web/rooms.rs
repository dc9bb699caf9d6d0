//! Rooms.

use crate::{
    domain::{
        RoomId,
        room::{OpenRoom, PriceRoom, RoomError},
    },
    hotel::Hotel,
    read::{Bookings, RoomRow, Rooms},
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, put},
};
use es_axum::{After, EntityTag, ExecuteCall, IfNoneMatch, JsonCall, Problem, Receipt};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

pub fn routes() -> Router<Hotel> {
    Router::new()
        .route("/rooms", get(list))
        .route("/rooms/{room}", get(show).put(open))
        .route("/rooms/{room}/price", put(price))
        .route("/taken-rooms", get(taken))
}

async fn open(
    State(hotel): State<Hotel>,
    Path(room): Path<RoomId>,
    JsonCall(call, open): JsonCall<OpenRoom>,
) -> Result<Receipt, Problem> {
    let opened = hotel.rooms.execute(&room, open).call(&call).await?;
    Ok(Receipt::of(&opened).created(format!("/rooms/{room}")))
}

/// Two people who change a price at once do not overwrite each other: `If-Match` says which price was seen.
async fn price(
    State(hotel): State<Hotel>,
    Path(room): Path<RoomId>,
    JsonCall(call, price): JsonCall<PriceRoom>,
) -> Result<Receipt, Problem> {
    let priced = hotel
        .rooms
        .execute(&room, price)
        .call(call.conditional()?)
        .await?;
    Ok(Receipt::of(&priced))
}

async fn show(
    State(hotel): State<Hotel>,
    Path(room): Path<RoomId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let loaded = hotel.rooms.load(&room).await?;
    let cents = loaded.state.night().ok_or(RoomError::NoSuchRoom)?.0;
    let body = json!({ "room": room, "beds": loaded.state.beds(), "night_cents": cents });
    Ok(seen.answer(EntityTag(loaded.version), Json(body)))
}

async fn list(State(hotel): State<Hotel>, after: After) -> Result<Json<Vec<RoomRow>>, Problem> {
    after.wait::<Rooms>(&hotel.read).await?;
    Ok(Json(Rooms::all(&hotel.read).await?))
}

#[derive(Deserialize)]
struct In {
    night: Date,
}

async fn taken(
    State(hotel): State<Hotel>,
    after: After,
    Query(In { night }): Query<In>,
) -> Result<Json<Vec<String>>, Problem> {
    after.wait::<Bookings>(&hotel.read).await?;
    Ok(Json(
        Bookings::taken(&hotel.read, &night.to_string()).await?,
    ))
}
