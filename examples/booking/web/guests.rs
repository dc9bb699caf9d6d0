//! Guests.

use crate::{
    domain::{
        GuestId,
        guest::{ChangeEmail, GuestError, RegisterGuest},
    },
    hotel::Hotel,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post, put},
};
use es_axum::{EntityTag, ExecuteCall, IfNoneMatch, JsonCall, Problem, Receipt};
use serde_json::json;

pub fn routes() -> Router<Hotel> {
    Router::new()
        .route("/guests", post(register))
        .route("/guests/{guest}", get(show))
        .route("/guests/{guest}/email", put(change_email))
}

async fn register(
    State(hotel): State<Hotel>,
    JsonCall(call, register): JsonCall<RegisterGuest>,
) -> Result<Receipt, Problem> {
    let guest = GuestId(call.keyed()?.new_id("guest"));
    let done = hotel.guests.execute(&guest, register).call(&call).await?;
    Ok(Receipt::of(&done).created(format!("/guests/{guest}")))
}

async fn change_email(
    State(hotel): State<Hotel>,
    Path(guest): Path<GuestId>,
    JsonCall(call, change): JsonCall<ChangeEmail>,
) -> Result<Receipt, Problem> {
    let done = hotel
        .guests
        .execute(&guest, change)
        .call(call.conditional()?)
        .await?;
    Ok(Receipt::of(&done))
}

async fn show(
    State(hotel): State<Hotel>,
    Path(guest): Path<GuestId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let loaded = hotel.guests.load(&guest).await?;
    let email = loaded.state.email().ok_or(GuestError::NoSuchGuest)?;
    let body = json!({ "guest": guest, "name": loaded.state.name(), "email": email });
    Ok(seen.answer(EntityTag(loaded.version), Json(body)))
}
