//! A room, and who has it in which night.

use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happened: a guest booked a night.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("room.booked")]
pub struct Booked {
    pub night: String,
    pub guest: String,
}

/// What somebody wants: to book a night.
#[derive(Clone)]
pub struct Book {
    pub night: String,
    pub guest: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RoomError {
    #[error("the room is taken on {night}")]
    Taken { night: String },
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("room", id = String, error = RoomError, events(Booked))]
pub struct Room {
    guests: BTreeMap<String, String>, // by night
}

impl Apply<Booked> for Room {
    fn apply(&mut self, event: &Booked) {
        self.guests.insert(event.night.clone(), event.guest.clone());
    }
}

impl Handle<Book> for Room {
    fn handle(&self, Book { night, guest }: Book) -> Result<Events<Self>, RoomError> {
        if self.guests.contains_key(&night) {
            return Err(RoomError::Taken { night });
        }
        Ok(Booked { night, guest }.into())
    }
}
