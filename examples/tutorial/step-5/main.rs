#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

#[path = "../step-4/booking.rs"]
mod booking;
mod bookings;
#[path = "../step-3/guest.rs"]
mod guest;
#[path = "../step-1/room.rs"]
mod room;

use booking::BookNight;
use bookings::Bookings;
use es_decisions::Decisions;
use es_projections::{AnyReadDatabase, Projections, WaitFor, values};
use es_runtime::{AnyStore, AppendId, EventStore};
use es_sqlite::SqliteStore;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sqlite = SqliteStore::open("hotel.db").await?;
    let read = AnyReadDatabase::new(sqlite.read_database());
    let store = AnyStore::new(sqlite);

    let projections = Projections::new(store.clone(), read.clone()).with(Bookings);
    let running = projections.start()?;

    let book = BookNight {
        room: "14".into(),
        guest: "bob".into(),
        night: "2027-05-02".into(),
    };
    let request = AppendId::new("bob-14")?;
    let decisions = Decisions::new(store.clone());
    let done = decisions.execute(book).append_id(request).await?;

    // The read model follows a moment later. Wait until it has this booking.
    let five_seconds = Duration::from_secs(5);
    read.wait_for::<Bookings>(done.position, five_seconds)
        .await?;

    let sql = "SELECT room, night, guest FROM bookings ORDER BY room, night";
    for row in read.select(sql, values![]).await? {
        let (room, night, guest): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        println!("room {room}, {night}: {guest}");
    }

    running.shutdown().await;
    store.close().await;
    Ok(())
}
