#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

#[path = "../step-1/room.rs"]
mod room;

use es_runtime::{AnyStore, AppendId, ReadLimit, Repository};
use es_sqlite::SqliteStore;
use room::{Book, Room};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rooms = Repository::<Room>::new(AnyStore::new(SqliteStore::open("hotel.db").await?));

    let book = Book {
        night: "2027-05-01".into(),
        guest: "ada".into(),
    };
    let request = AppendId::new("request-1")?; // the client sends it
    let done = rooms.execute("12", book).append_id(request).await?;
    println!("version {}, repeated: {}", done.version, done.repeated);

    for event in rooms.history("12", 0, ReadLimit::events(10)).await? {
        println!("{}: {:?}", event.version, event.event);
    }
    Ok(())
}
