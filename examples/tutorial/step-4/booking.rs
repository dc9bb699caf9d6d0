//! A registered guest books a night. The rule needs a room and a guest.

use super::guest::Guest;
use super::room::{Book, Room, RoomError};
use es_decisions::{Decide, Decision, Emitted};
use es_runtime::Handle;

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum BookingError {
    #[error("there is no guest {guest}")]
    NoSuchGuest { guest: String },
    #[error(transparent)]
    Room(#[from] RoomError),
}

#[derive(Decision)]
#[decision("book-night", error = BookingError, reads(room: Room(room), guest: Guest(guest)))]
pub struct BookNight {
    pub room: String,
    pub guest: String,
    pub night: String,
}

impl Decide for BookNight {
    fn decide(&self, read: &BookNightReads) -> Result<Emitted<Self>, BookingError> {
        let (night, guest) = (self.night.clone(), self.guest.clone());
        if read.guest.name.is_none() {
            return Err(BookingError::NoSuchGuest { guest });
        }
        let booked = read.room.handle(Book { night, guest })?;
        Ok(Emitted::new().on(&self.room, booked))
    }
}
