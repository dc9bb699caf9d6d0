//! The hotel closes while guests are there.

use crate::{
    audit::{audit, settled},
    http::{Feed, get},
    load::{Answered, Load},
    running::{Hotel, Place},
};
use std::sync::atomic::AtomicUsize;

/// An answer without an end must not keep the hotel open.
#[test]
fn it_closes_although_somebody_follows_a_booking() {
    let place = Place::sqlite();
    let mut hotel = Hotel::open(&place);
    let load = Load {
        guests: 2,
        bookings: 3,
        rooms: 2,
        nights: 20,
    };
    load.open_rooms(hotel.address);
    let answered: Answered = load.run(&|| hotel.address, &AtomicUsize::new(0));
    let booking = answered.booked.first().expect("a booking");
    let progress = get(format!("/bookings/{booking}/progress"));
    let mut feed = Feed::open(hotel.address, &progress).expect("opens");
    assert!(feed.next().is_some());
    assert!(hotel.terminate().success());
    // The end of the answer tells the client, which connects again.
    while feed.next().is_some() {}

    let hotel = Hotel::open(&place);
    audit(&settled(&place), &answered).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(hotel.ask(&get("/rooms")).status, 200);
}
