//! The first release of the hotel, kept so that its events can be made again: prices in euros, bookings that are paid at
//! the desk, no rule about addresses and no tags.
//!
//! `cargo run --example booking-release-1 -- hotel.db` opens two rooms, and books them for three guests.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "what is public in a module is public to the program"
)]

use es_runtime::{Aggregate, Event, Events, Handle, Repository};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, error::Error};

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("room.opened")]
pub struct RoomOpened {
    pub beds: u8,
    pub price: f64,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("guest.registered")]
pub struct GuestRegistered {
    pub name: String,
    pub mail: String,
    pub newsletter: bool,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("booking.made")]
pub struct BookingMade {
    pub guest: String,
    pub room: String,
    pub nights: Vec<String>,
    pub price: f64,
    pub payment: String,
}

/// What the desk writes down.
#[derive(Clone)]
pub struct Record<E>(E);

/// An aggregate with one event, which takes whatever the desk writes down.
macro_rules! written_down {
    ($name:ident, $stored:literal, $event:ident) => {
        #[derive(Aggregate, Default)]
        #[aggregate($stored, id = String, error = Infallible, events(ignore($event)))]
        pub struct $name {}

        impl Handle<Record<$event>> for $name {
            fn handle(&self, Record(event): Record<$event>) -> Result<Events<Self>, Infallible> {
                Ok(event.into())
            }
        }
    };
}

written_down!(Room, "room", RoomOpened);
written_down!(Guest, "guest", GuestRegistered);
written_down!(Booking, "booking", BookingMade);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("which file?")?;
    let store = SqliteStore::open(&file).await?;
    let rooms = Repository::<Room, _>::new(store.clone());
    for (room, price) in [("101", 99.0), ("102", 129.5)] {
        let opened = RoomOpened { beds: 2, price };
        rooms.execute(room, Record(opened)).await?;
    }
    let guests = Repository::<Guest, _>::new(store.clone());
    for (guest, name) in [("g1", "Ada"), ("g2", "Bob"), ("g3", "Eve")] {
        let registered = GuestRegistered {
            name: name.to_owned(),
            mail: format!("{}@example.com", name.to_lowercase()),
            newsletter: name == "Ada",
        };
        guests.execute(guest, Record(registered)).await?;
    }
    let bookings = Repository::<Booking, _>::new(store.clone());
    for (booking, guest, room, nights, price) in [
        ("b1", "g1", "101", vec!["2026-12-24", "2026-12-25"], 198.0),
        ("b2", "g2", "102", vec!["2026-12-24"], 129.5),
        ("b3", "g3", "101", vec!["2026-12-31"], 99.0),
    ] {
        let made = BookingMade {
            guest: guest.to_owned(),
            room: room.to_owned(),
            nights: nights.into_iter().map(str::to_owned).collect(),
            price,
            payment: format!("cash-{booking}"),
        };
        bookings.execute(booking, Record(made)).await?;
    }
    store.close().await;
    println!("2 rooms, 3 guests, 3 bookings");
    Ok(())
}
