#![allow(clippy::pedantic, missing_docs, unreachable_pub)] // A reader's crate has no such lints.

mod room;

use es_runtime::{AnyStore, MemoryStore, Repository};
use room::{Book, Room};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rooms = Repository::<Room>::new(AnyStore::new(MemoryStore::new()));
    for guest in ["ada", "bob"] {
        let book = Book {
            night: "2027-05-01".into(),
            guest: guest.into(),
        };
        match rooms.execute("12", book).await {
            Ok(done) => println!("{guest} has room 12, version {}", done.version),
            Err(error) => println!("{guest} does not: {error}"),
        }
    }
    Ok(())
}
