#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

mod booking;
#[path = "../step-3/guest.rs"]
mod guest;
#[path = "../step-1/room.rs"]
mod room;

use booking::BookNight;
use es_decisions::Decisions;
use es_runtime::{AnyStore, AppendId};
use es_sqlite::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = AnyStore::new(SqliteStore::open("hotel.db").await?);
    let decisions = Decisions::new(store);
    for (guest, night) in [
        ("ada", "2027-05-02"),
        ("eve", "2027-05-03"),
        ("bob", "2027-05-02"),
    ] {
        let book = BookNight {
            room: "12".into(),
            guest: guest.into(),
            night: night.into(),
        };
        let request = AppendId::new(format!("{guest}-{night}"))?;
        match decisions.execute(book).append_id(request).await {
            Ok(_) => println!("{guest} has room 12 on {night}"),
            Err(error) => println!("{guest} does not: {error}"),
        }
    }
    Ok(())
}
