//! A room: a night is held, then paid for and booked, or freed.

use es_runtime::{Aggregate, Apply, Event, Events, Handle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("room.held")]
pub struct Held {
    pub night: String,
    pub guest: String,
    pub cents: u64,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("room.booked")]
pub struct Booked {
    pub night: String,
    pub guest: String,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event("room.freed")]
pub struct Freed {
    pub night: String,
}

/// Holds a night until it is paid.
#[derive(Clone)]
pub struct Hold {
    pub night: String,
    pub guest: String,
    pub cents: u64,
}

/// The guest has paid.
#[derive(Clone)]
pub struct Confirm {
    pub night: String,
    pub guest: String,
}

/// The guest does not pay.
#[derive(Clone)]
pub struct Free {
    pub night: String,
    pub guest: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RoomError {
    #[error("the room is taken on {night}")]
    Taken { night: String },
    #[error("{guest} does not hold the room on {night}")]
    NotHeld { night: String, guest: String },
}

#[derive(Aggregate, Clone, Default)]
#[aggregate("room", id = String, error = RoomError, events(Held, Booked, Freed))]
pub struct Room {
    guests: BTreeMap<String, String>, // by night
}

impl Room {
    fn is_of(&self, night: &str, guest: &str) -> bool {
        self.guests.get(night).is_some_and(|has| has == guest)
    }
}

impl Apply<Held> for Room {
    fn apply(&mut self, event: &Held) {
        self.guests.insert(event.night.clone(), event.guest.clone());
    }
}

impl Apply<Booked> for Room {
    fn apply(&mut self, event: &Booked) {
        self.guests.insert(event.night.clone(), event.guest.clone());
    }
}

impl Apply<Freed> for Room {
    fn apply(&mut self, event: &Freed) {
        self.guests.remove(&event.night);
    }
}

impl Handle<Hold> for Room {
    fn handle(&self, hold: Hold) -> Result<Events<Self>, RoomError> {
        let Hold {
            night,
            guest,
            cents,
        } = hold;
        if self.guests.contains_key(&night) {
            return Err(RoomError::Taken { night });
        }
        Ok(Held {
            night,
            guest,
            cents,
        }
        .into())
    }
}

impl Handle<Confirm> for Room {
    fn handle(&self, Confirm { night, guest }: Confirm) -> Result<Events<Self>, RoomError> {
        if !self.is_of(&night, &guest) {
            return Err(RoomError::NotHeld { night, guest });
        }
        Ok(Booked { night, guest }.into())
    }
}

impl Handle<Free> for Room {
    fn handle(&self, Free { night, guest }: Free) -> Result<Events<Self>, RoomError> {
        if !self.is_of(&night, &guest) {
            return Ok(Events::none()); // nothing to free
        }
        Ok(Freed { night }.into())
    }
}
