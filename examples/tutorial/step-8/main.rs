#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

#[path = "../step-6/booking.rs"]
mod booking;
#[path = "../step-3/guest.rs"]
mod guest;
mod room;

use booking::HoldNight;
use es_decisions::Decisions;
use es_runtime::{AnyStore, AppendId, ReadLimit, Repository};
use es_sqlite::SqliteStore;
use room::{Room, RoomEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = AnyStore::new(SqliteStore::open("hotel.db").await?);
    let hold = HoldNight {
        room: "17".into(),
        guest: "ada".into(),
        night: "2027-06-01".into(),
        cents: 14_000,
    };
    let request = AppendId::new("hold-17")?;
    let decisions = Decisions::new(store.clone());
    decisions.execute(hold).append_id(request).await?;

    let rooms = Repository::<Room>::new(store);
    for room in ["15", "17"] {
        for event in rooms.history(room, 0, ReadLimit::events(10)).await? {
            if let RoomEvent::Held(held) = event.event {
                let (cents, currency) = (held.cents, held.currency);
                let version = event.schema_version;
                println!("room {room}: {cents} {currency}, stored as version {version}");
            }
        }
    }
    Ok(())
}
