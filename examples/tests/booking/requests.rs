//! The requests that most tests send.

use crate::http::{Request, request};
use serde_json::json;
use std::{fmt::Display, net::SocketAddr};

/// Opens a room, which must not be open.
pub fn open_room(server: SocketAddr, room: impl Display) {
    let open = request("PUT", format!("/rooms/{room}"));
    let open = open.json(json!({ "beds": 2, "night_cents": 9_900 }));
    assert_eq!(open.to(server).expect("an answer").status, 201);
}

pub fn register(email: &str) -> Request {
    request("POST", "/guests").json(json!({ "name": "Ada", "email": email }))
}

pub fn hold(guest: &str, room: &str, first_night: &str, nights: u8, card: Option<&str>) -> Request {
    request("POST", "/bookings").json(json!({
        "guest": guest, "room": room, "first_night": first_night, "nights": nights, "card": card,
    }))
}
