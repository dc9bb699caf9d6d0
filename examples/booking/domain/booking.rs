//! A booking: held while the guest pays, then confirmed, or released.
//!
//! That a room is free in its nights is not for the booking: it knows nothing of others. See [`hold`](super::hold).

use super::{BookingId, Cents, GuestId, RoomId, RoomNight, cents_from_euros};
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
use serde::{Deserialize, Serialize};

/// The nights are taken. Who pays with a card pays now; who does not, pays at the desk.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("booking.held")]
pub struct BookingHeld {
    pub guest: GuestId,
    pub room: RoomId,
    #[tag]
    pub nights: Vec<RoomNight>,
    pub total_cents: Cents,
    pub card: Option<String>,
}

/// The booking is paid.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("booking.confirmed")]
pub struct BookingConfirmed {
    pub payment: String,
}

/// The nights are free again.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("booking.released")]
pub struct BookingReleased {
    #[tag]
    pub nights: Vec<RoomNight>,
    pub reason: String,
}

/// Events of the first release that are not written any more.
pub mod first_release {
    use es_runtime::Event;
    use serde::{Deserialize, Serialize};

    /// A booking was made and paid, at the desk.
    #[derive(Event, Serialize, Deserialize)]
    #[event("booking.made")]
    pub struct BookingMade {
        pub guest: String,
        pub room: String,
        pub nights: Vec<String>,
        pub price: f64,
        pub payment: String,
    }
}

/// What was one event is two since there are bookings that are not paid yet.
fn held_and_confirmed(made: first_release::BookingMade) -> [BookingEvent; 2] {
    let room = RoomId(made.room);
    let night = |night: &String| RoomNight::stored(&room, night);
    let held = BookingHeld {
        guest: GuestId(made.guest),
        nights: made.nights.iter().map(night).collect(),
        total_cents: cents_from_euros(made.price),
        card: None,
        room,
    };
    let payment = made.payment;
    [held.into(), BookingConfirmed { payment }.into()]
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Hold {
    pub guest: GuestId,
    pub room: RoomId,
    pub nights: Vec<RoomNight>,
    pub total: Cents,
    pub card: Option<String>,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Confirm {
    pub payment: String,
}

/// By the payment, or because it took too long.
#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Release {
    pub reason: String,
}

/// By the guest.
#[derive(Deserialize, Shape, Clone, Debug)]
pub struct Cancel {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookingError {
    #[error("there is no such booking")]
    NoSuchBooking,
    #[error("there is no such guest")]
    NoSuchGuest,
    #[error("there is no such room")]
    NoSuchRoom,
    #[error("the room is taken in one of these nights")]
    RoomTaken,
    #[error("a booking is for 1 to {most} nights", most = super::hold::MOST_NIGHTS)]
    WrongNights,
    #[error("the booking exists already")]
    AlreadyHeld,
    #[error("the booking was released: {0}")]
    Released(String),
    #[error("the booking is confirmed; call the desk")]
    AlreadyConfirmed,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stage {
    #[default]
    New,
    Held,
    Confirmed,
    Released(String),
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("booking", id = BookingId, error = BookingError)]
#[aggregate(events(BookingHeld, BookingConfirmed, BookingReleased))]
#[aggregate(split(first_release::BookingMade, with = held_and_confirmed))]
pub struct Booking {
    stage: Stage,
    held: Option<BookingHeld>,
}

impl Booking {
    /// What was booked. `None` where there is no such booking.
    pub const fn held(&self) -> Option<&BookingHeld> {
        self.held.as_ref()
    }

    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    fn release(&self, reason: String) -> Events<Self> {
        let held = self.held.as_ref();
        let nights = held.map(|held| held.nights.clone()).unwrap_or_default();
        BookingReleased { nights, reason }.into()
    }
}

impl Apply<BookingHeld> for Booking {
    fn apply(&mut self, event: &BookingHeld) {
        self.stage = Stage::Held;
        self.held = Some(event.clone());
    }
}

impl Apply<BookingConfirmed> for Booking {
    fn apply(&mut self, _: &BookingConfirmed) {
        self.stage = Stage::Confirmed;
    }
}

impl Apply<BookingReleased> for Booking {
    fn apply(&mut self, event: &BookingReleased) {
        self.stage = Stage::Released(event.reason.clone());
    }
}

impl Handle<Hold> for Booking {
    fn handle(&self, hold: Hold) -> Result<Events<Self>, BookingError> {
        if self.stage != Stage::New {
            return Err(BookingError::AlreadyHeld);
        }
        let Hold {
            guest,
            room,
            nights,
            total,
            card,
        } = hold;
        Ok(BookingHeld {
            guest,
            room,
            nights,
            total_cents: total,
            card,
        }
        .into())
    }
}

impl Handle<Confirm> for Booking {
    fn handle(&self, Confirm { payment }: Confirm) -> Result<Events<Self>, BookingError> {
        match &self.stage {
            Stage::New => Err(BookingError::NoSuchBooking),
            Stage::Held => Ok(BookingConfirmed { payment }.into()),
            Stage::Confirmed => Ok(Events::none()),
            Stage::Released(reason) => Err(BookingError::Released(reason.clone())),
        }
    }
}

impl Handle<Release> for Booking {
    fn handle(&self, Release { reason }: Release) -> Result<Events<Self>, BookingError> {
        match &self.stage {
            Stage::New => Err(BookingError::NoSuchBooking),
            Stage::Held => Ok(self.release(reason)),
            // The guest was faster.
            Stage::Released(_) => Ok(Events::none()),
            Stage::Confirmed => Err(BookingError::AlreadyConfirmed),
        }
    }
}

impl Handle<Cancel> for Booking {
    fn handle(&self, _: Cancel) -> Result<Events<Self>, BookingError> {
        self.handle(Release {
            reason: "cancelled by the guest".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::events;
    use es_testkit::{given, given_nothing};

    es_schema_lock::schema_lock!(Booking, "schema/booking/booking.lock");
    es_testkit::laws!(
        Booking,
        commands(Hold, Confirm, Release, Cancel),
        values("nights" => [vec!["101/2026-12-24"], vec!["101/2026-12-24", "101/2026-12-25"]]),
        lock("schema/booking/booking.lock"),
    );

    fn held() -> BookingHeld {
        let room = RoomId("101".to_owned());
        BookingHeld {
            guest: GuestId("ada".to_owned()),
            nights: vec![RoomNight::new(&room, jiff::civil::date(2026, 12, 24))],
            room,
            total_cents: Cents(9_900),
            card: Some("tok_visa".to_owned()),
        }
    }

    fn confirm() -> Confirm {
        Confirm {
            payment: "pay-1".to_owned(),
        }
    }

    fn confirmed() -> BookingConfirmed {
        BookingConfirmed {
            payment: "pay-1".to_owned(),
        }
    }

    fn released(reason: &str) -> BookingReleased {
        BookingReleased {
            nights: held().nights,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn a_payment_that_comes_too_late_is_rejected() {
        given::<Booking>(events![held(), released("too slow")])
            .when(confirm())
            .then_rejected(BookingError::Released("too slow".to_owned()));
    }

    #[test]
    fn a_guest_cancels_what_is_not_paid() {
        given::<Booking>(held())
            .when(Cancel {})
            .then(released("cancelled by the guest"))
            .when(Cancel {})
            .then_nothing();
        given::<Booking>(events![held(), confirmed()])
            .when(Cancel {})
            .then_rejected(BookingError::AlreadyConfirmed);
        given_nothing::<Booking>()
            .when(Cancel {})
            .then_rejected(BookingError::NoSuchBooking);
    }

    #[test]
    fn a_confirmation_counts_once() {
        given::<Booking>(held())
            .when(confirm())
            .then(confirmed())
            .when(confirm())
            .then_nothing();
    }
}
