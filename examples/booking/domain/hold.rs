//! Holding a room: the decision that lets a room be booked once in each night.
//!
//! The rule is about all bookings of a night, so no booking can keep it alone. Three designs would:
//!
//! - **The room as an aggregate that knows its nights.** Simple, and every booking of a room waits for every other one,
//!   whatever their nights; its stream grows for as long as the hotel stands.
//! - **An aggregate for each room and night.** Exact, and each booking writes one more stream and event for each of its
//!   nights, which say nothing that the booking does not say.
//! - **A tag for each room and night**, on the events of the booking itself. That is what is here. The decision reads the
//!   newest event of each night that it wants, one row each, and the commit is refused if another one came meanwhile. Two
//!   bookings meet only where they want the same night, and nothing is stored twice.
//!
//! `#[derive(Decision)]` lists its reads at compile time. A stay has as many as it has nights, so the struct of the reads
//! and `Decision` are written by hand here; [`Decide`] is as ever.

use super::{
    BookingId, GuestId, RoomId, RoomNight,
    booking::{Booking, BookingError, BookingHeld, BookingReleased, Hold},
    guest::Guest,
    room::Room,
};
use es_decisions::{Decide, Decision, Emitted, Fold, Read, ReadFold, ReadSource, Readable, Reads};
use es_runtime::{Apply, Handle};
use jiff::{ToSpan, civil::Date};
use serde::Deserialize;

/// An event has at most 16 tags.
pub const MOST_NIGHTS: u8 = 14;

/// Whether a room is taken in a night: what the newest event about it says.
#[derive(Fold, Clone, Default)]
#[fold("night", by(RoomNight), events(Booking::{BookingHeld, BookingReleased}), last)]
pub struct Night {
    taken: bool,
}

impl Apply<BookingHeld> for Night {
    fn apply(&mut self, _: &BookingHeld) {
        self.taken = true;
    }
}

impl Apply<BookingReleased> for Night {
    fn apply(&mut self, _: &BookingReleased) {
        self.taken = false;
    }
}

/// What a guest asks for.
#[derive(Deserialize, Clone, Debug)]
pub struct Stay {
    pub guest: GuestId,
    pub room: RoomId,
    pub first_night: Date,
    pub nights: u8,
    /// The token of a card. Without one the guest pays at the desk.
    pub card: Option<String>,
}

pub struct HoldRoom {
    booking: BookingId,
    stay: Stay,
    nights: Vec<RoomNight>,
}

impl HoldRoom {
    /// # Errors
    /// The stay has no nights, too many, or ends after the calendar.
    pub fn new(booking: BookingId, stay: Stay) -> Result<Self, BookingError> {
        if !(1..=MOST_NIGHTS).contains(&stay.nights) {
            return Err(BookingError::WrongNights);
        }
        let night = |after: u8| {
            let date = stay.first_night.checked_add(i64::from(after).days());
            date.map(|date| RoomNight::new(&stay.room, date))
        };
        let nights: Result<_, _> = (0..stay.nights).map(night).collect();
        Ok(Self {
            nights: nights.map_err(|_| BookingError::WrongNights)?,
            booking,
            stay,
        })
    }
}

pub struct HoldReads {
    pub booking: Read<Booking>,
    guest: Read<Guest>,
    room: Read<Room>,
    nights: Vec<ReadFold<Night>>,
}

impl Reads for HoldReads {
    fn each(&mut self) -> Vec<&mut dyn ReadSource> {
        let mut all: Vec<&mut dyn ReadSource> =
            vec![&mut self.booking, &mut self.guest, &mut self.room];
        for night in &mut self.nights {
            all.push(night);
        }
        all
    }
}

impl Decision for HoldRoom {
    const NAME: &'static str = "booking.hold";
    type Error = BookingError;
    type Reads = HoldReads;

    fn reads(&self) -> HoldReads {
        HoldReads {
            booking: Read::of(&self.booking),
            guest: Read::of(&self.stay.guest),
            room: Read::of(&self.stay.room),
            nights: self.nights.iter().map(Night::read).collect(),
        }
    }
}

impl Decide for HoldRoom {
    fn decide(&self, read: &HoldReads) -> Result<Emitted<Self>, BookingError> {
        if read.guest.email().is_none() {
            return Err(BookingError::NoSuchGuest);
        }
        let night = read.room.night().ok_or(BookingError::NoSuchRoom)?;
        let total = night
            .times(self.nights.len())
            .ok_or(BookingError::WrongNights)?;
        if read.nights.iter().any(|night| night.taken) {
            return Err(BookingError::RoomTaken);
        }
        let held = read.booking.handle(Hold {
            guest: self.stay.guest.clone(),
            room: self.stay.room.clone(),
            nights: self.nights.clone(),
            total,
            card: self.stay.card.clone(),
        })?;
        Ok(Emitted::new().on(&self.booking, held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cents, guest::GuestRegistered, room::RoomOpened};
    use es_testkit::decision::DecisionTest;
    use jiff::civil::date;

    fn stay(first: i8, nights: u8) -> Stay {
        Stay {
            guest: GuestId("ada".to_owned()),
            room: RoomId("101".to_owned()),
            first_night: date(2026, 12, first),
            nights,
            card: None,
        }
    }

    fn hold(booking: &str, first: i8, nights: u8) -> HoldRoom {
        HoldRoom::new(BookingId(booking.to_owned()), stay(first, nights)).expect("nights")
    }

    fn held(first: i8, nights: u8) -> BookingHeld {
        let hold = hold("b", first, nights);
        BookingHeld {
            guest: hold.stay.guest,
            room: hold.stay.room,
            nights: hold.nights,
            total_cents: Cents(9_900 * i64::from(nights)),
            card: None,
        }
    }

    #[test]
    fn a_night_is_booked_once() {
        let booking = |id: &str| BookingId(id.to_owned());
        let released = BookingReleased {
            nights: held(24, 2).nights,
            reason: "too slow".to_owned(),
        };
        let hotel = DecisionTest::new()
            .given::<Guest>(
                GuestId("ada".to_owned()),
                GuestRegistered {
                    name: "Ada".to_owned(),
                    email: "ada@example.com".to_owned(),
                },
            )
            .given::<Room>(
                RoomId("101".to_owned()),
                RoomOpened {
                    beds: 2,
                    night_cents: Cents(9_900),
                },
            )
            .given::<Booking>(booking("b1"), held(24, 2));
        let hotel = hotel
            .when(hold("b2", 25, 3))
            .then_rejected(BookingError::RoomTaken)
            .when(hold("b2", 26, 1))
            .then::<Booking>(booking("b2"), held(26, 1))
            .then_nothing_else();
        let _ = hotel
            .given::<Booking>(booking("b1"), released)
            .when(hold("b3", 24, 2))
            .then::<Booking>(booking("b3"), held(24, 2))
            .then_nothing_else();
    }

    #[test]
    fn nobody_stays_for_no_night() {
        for nights in [0, MOST_NIGHTS + 1] {
            let wrong = HoldRoom::new(BookingId("b".to_owned()), stay(24, nights));
            assert_eq!(wrong.err(), Some(BookingError::WrongNights));
        }
    }
}
