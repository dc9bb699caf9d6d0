#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

mod booking;
#[path = "../step-5/bookings.rs"]
mod bookings;
#[path = "../step-3/guest.rs"]
mod guest;
mod payment;
mod room;

use booking::HoldNight;
use bookings::Bookings;
use es_decisions::Decisions;
use es_projections::{AnyReadDatabase, Projections, WaitFor, values};
use es_runtime::{AnyStore, AppendId, EventStore};
use es_sagas::Sagas;
use es_sqlite::SqliteStore;
use payment::{Bank, Payment};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sqlite = SqliteStore::open("hotel.db").await?;
    let read = AnyReadDatabase::new(sqlite.read_database());
    let store = AnyStore::new(sqlite);
    let projections = Projections::new(store.clone(), read.clone()).with(Bookings);
    let running = projections.start()?;

    let decisions = Decisions::new(store.clone());
    for (room, guest) in [("15", "ada"), ("16", "bob")] {
        let hold = HoldNight {
            room: room.into(),
            guest: guest.into(),
            night: "2027-06-01".into(),
            cents: 12_000,
        };
        let request = AppendId::new(format!("hold-{room}"))?;
        decisions.execute(hold).append_id(request).await?;
        println!("{guest} holds room {room}");
    }

    // By default a new saga takes new events only. This one takes all.
    let sagas = Sagas::new(store.clone()).from_the_beginning(true);
    let sagas = sagas.with::<Payment>(Bank);
    sagas.run_until_idle().await?; // a server calls `start` instead

    let five_seconds = Duration::from_secs(5);
    read.wait_for::<Bookings>(store.head().await?, five_seconds)
        .await?;
    let sql = "SELECT room, guest FROM bookings WHERE night = $1";
    for row in read.select(sql, values!["2027-06-01"]).await? {
        let (room, guest): (String, String) = (row.get(0)?, row.get(1)?);
        println!("{guest} has room {room}");
    }

    running.shutdown().await;
    store.close().await;
    Ok(())
}
