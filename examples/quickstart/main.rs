//! The example of the README: one aggregate, one command, one event, in a SQLite file.

use es_runtime::{Aggregate, AnyStore, Apply, Event, Events, Handle, Repository};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event("seat.reserved")]
struct Reserved {
    guest: String,
}

#[derive(Clone)]
struct Reserve(String);

#[derive(Debug, thiserror::Error)]
#[error("the seat is taken")]
struct Taken;

#[derive(Aggregate, Default)]
#[aggregate("seat", id = String, error = Taken, events(Reserved))]
struct Seat {
    guest: Option<String>,
}

impl Apply<Reserved> for Seat {
    fn apply(&mut self, event: &Reserved) {
        self.guest = Some(event.guest.clone());
    }
}

impl Handle<Reserve> for Seat {
    fn handle(&self, Reserve(guest): Reserve) -> Result<Events<Self>, Taken> {
        match self.guest {
            None => Ok(Reserved { guest }.into()),
            Some(_) => Err(Taken),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seats = Repository::<Seat>::new(AnyStore::new(SqliteStore::open("seats.db").await?));
    let done = seats.execute("12A", Reserve("Ada".into())).await?;
    println!("version {}: {:?}", done.version, done.state.guest);
    Ok(())
}
