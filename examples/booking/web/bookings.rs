//! Bookings, and what becomes of one while the guest waits.

use crate::{
    domain::{
        BookingId, GuestId,
        booking::{Booking, BookingError, BookingEvent, Cancel, Stage},
        hold::{HoldRoom, Stay},
    },
    hotel::Hotel,
    read::{BookingRow, Bookings},
};
use axum::{
    BoxError, Json, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, post},
};
use es_axum::{
    After, Call, EntityTag, EventFeed, ExecuteCall, IfNoneMatch, JsonCall, LastEventId, Message,
    Problem, Receipt,
};
use es_runtime::{RecordedEvent, StreamId};
use serde::Deserialize;
use serde_json::json;

pub fn routes() -> Router<Hotel> {
    Router::new()
        .route("/bookings", post(hold).get(list))
        .route("/bookings/{booking}", get(show).delete(cancel))
        .route("/bookings/{booking}/progress", get(progress))
}

async fn hold(
    State(hotel): State<Hotel>,
    JsonCall(call, stay): JsonCall<Stay>,
) -> Result<Receipt, Problem> {
    let booking = BookingId(call.keyed()?.new_id("booking"));
    let hold = HoldRoom::new(booking.clone(), stay)?;
    let done = hotel.decisions.execute(hold).call(&call).await?;
    let receipt = Receipt::new(done.reads.booking.version(), done.position);
    Ok(receipt.created(format!("/bookings/{booking}")))
}

async fn cancel(
    State(hotel): State<Hotel>,
    Path(booking): Path<BookingId>,
    call: Call,
) -> Result<Receipt, Problem> {
    let done = hotel
        .bookings
        .execute(&booking, Cancel {})
        .call(&call)
        .await?;
    Ok(Receipt::of(&done))
}

async fn show(
    State(hotel): State<Hotel>,
    Path(booking): Path<BookingId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let loaded = hotel.bookings.load(&booking).await?;
    let held = loaded.state.held().ok_or(BookingError::NoSuchBooking)?;
    let (status, reason) = match loaded.state.stage() {
        Stage::New | Stage::Held => ("held", None),
        Stage::Confirmed => ("confirmed", None),
        Stage::Released(reason) => ("released", Some(reason)),
    };
    let body = json!({
        "booking": booking,
        "guest": held.guest,
        "room": held.room,
        "nights": held.nights,
        "total_cents": held.total_cents,
        "status": status,
        "reason": reason,
    });
    Ok(seen.answer(EntityTag(loaded.version), Json(body)))
}

#[derive(Deserialize)]
struct Of {
    guest: GuestId,
}

async fn list(
    State(hotel): State<Hotel>,
    after: After,
    Query(Of { guest }): Query<Of>,
) -> Result<Json<Vec<BookingRow>>, Problem> {
    after.wait::<Bookings>(&hotel.read).await?;
    Ok(Json(Bookings::of_guest(&hotel.read, &guest.0).await?))
}

/// The events of one booking, as they come.
async fn progress(
    State(hotel): State<Hotel>,
    Path(booking): Path<BookingId>,
    seen: LastEventId,
) -> Result<Response, Problem> {
    let stream = StreamId::of::<Booking>(&booking)?;
    let closing = hotel.closing();
    let feed = EventFeed::of_stream(hotel.store, stream)
        .resume(seen)
        .until(closing);
    Ok(feed.sse(shown))
}

/// What a guest sees of an event. Events are for the hotel; this is the form that it promises to others.
fn shown(event: &RecordedEvent) -> Result<Option<Message>, BoxError> {
    let newest = event.decode::<BookingEvent>()?.into_iter().last();
    let content = newest.map(|newest| match newest.event {
        BookingEvent::BookingHeld(held) => json!({ "status": "held", "cents": held.total_cents }),
        BookingEvent::BookingConfirmed(_) => json!({ "status": "confirmed" }),
        BookingEvent::BookingReleased(released) => {
            json!({ "status": "released", "reason": released.reason })
        }
    });
    let message = content.map(|content| Message::new("booking", &content));
    Ok(message.transpose()?)
}
