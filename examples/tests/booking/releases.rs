//! Today's release on the file that the first one left.

use crate::{
    http::{get, request},
    requests,
    running::{Hotel, Place, program},
};
use serde_json::json;

#[test]
fn today_reads_what_the_first_release_wrote() {
    let place = Place::sqlite();
    let first = program("booking-release-1").arg(place.file()).output();
    assert!(first.expect("runs").status.success());
    let stored = |sql| place.texts(sql, sql);
    let payload = "SELECT payload FROM events WHERE event = 'room.opened' LIMIT 1";
    assert_eq!(stored(payload), [r#"{"beds":2,"price":99.0}"#]);

    let hotel = Hotel::open(&place);
    let head = "SELECT CAST(max(position) AS TEXT) FROM events";
    let after = stored(head).remove(0);
    // A type and a name that changed.
    let rooms = hotel.insist(&get(format!("/rooms?after={after}"))).json();
    assert_eq!(
        rooms[1],
        json!({ "room": "102", "beds": 2, "night_cents": 12_950, "version": 1 })
    );
    // A name that changed, and a field that is gone.
    let guest = hotel.ask(&get("/guests/g1")).json();
    assert_eq!(
        guest,
        json!({ "guest": "g1", "name": "Ada", "email": "ada@example.com" })
    );
    // One event that is two.
    let booking = hotel.ask(&get("/bookings/b1")).json();
    assert_eq!(
        (&booking["status"], &booking["total_cents"]),
        (&json!("confirmed"), &json!(19_800))
    );
    assert_eq!(
        booking["nights"],
        json!(["101/2026-12-24", "101/2026-12-25"])
    );
    let bookings = hotel
        .insist(&get(format!("/bookings?guest=g1&after={after}")))
        .json();
    assert_eq!(bookings[0]["nights"], 2);

    // The rules that came later hold for what was there before: the address and the nights are taken.
    let same = request("POST", "/guests").key("g4");
    let same = hotel.ask(&same.json(json!({ "name": "Ann", "email": "ADA@example.com" })));
    assert_eq!((same.status, &*same.problem()), (409, "taken"));
    let hold = |night: &str, key: &str| {
        let hold = requests::hold("g2", "101", night, 1, Some("tok_visa"));
        hotel.ask(&hold.key(key))
    };
    let taken = hold("2026-12-25", "k-1");
    assert_eq!((taken.status, &*taken.problem()), (409, "room-taken"));
    assert_eq!(hold("2026-12-26", "k-2").status, 201);
    // Nobody pays again for what was paid at the desk.
    let checkouts = "SELECT DISTINCT aggregate_id FROM events WHERE aggregate GLOB 'saga:*'";
    let stored = stored(checkouts);
    assert!(stored.iter().all(|id| !id.starts_with('b')), "{stored:?}");
}
