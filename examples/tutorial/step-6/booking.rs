//! A registered guest holds a night. The rule needs a room and a guest.

use super::guest::Guest;
use super::room::{Hold, Room, RoomError};
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
#[decision("hold-night", error = BookingError, reads(room: Room(room), guest: Guest(guest)))]
pub struct HoldNight {
    pub room: String,
    pub guest: String,
    pub night: String,
    pub cents: u64,
}

impl Decide for HoldNight {
    fn decide(&self, read: &HoldNightReads) -> Result<Emitted<Self>, BookingError> {
        let (night, guest) = (self.night.clone(), self.guest.clone());
        if read.guest.name.is_none() {
            return Err(BookingError::NoSuchGuest { guest });
        }
        let hold = Hold {
            night,
            guest,
            cents: self.cents,
        };
        let held = read.room.handle(hold)?;
        Ok(Emitted::new().on(&self.room, held))
    }
}
