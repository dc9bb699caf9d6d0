//! What the hotel is about: rooms, guests and bookings. Nothing here knows the web, a database or the payment provider.

pub mod booking;
pub mod guest;
pub mod hold;
pub mod room;

use es_runtime::{Shape, Tag};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An exact amount of money.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape,
)]
#[serde(transparent)]
#[shape(unit = "cents")]
pub struct Cents(pub i64);

impl Cents {
    /// This much for each of so many. `None` when that is more than an amount can be.
    pub fn times(self, count: usize) -> Option<Self> {
        let count = i64::try_from(count).ok()?;
        self.0.checked_mul(count).map(Self)
    }
}

/// How prices were stored by the first release.
pub fn cents_from_euros(euros: f64) -> Cents {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` takes the nearest amount there is"
    )]
    Cents((euros * 100.0).round() as i64)
}

/// Makes a text type for ids, with the two conversions that an aggregate's id needs.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Shape)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.to_owned()))
            }
        }
    };
}

text_id! {
    /// A room, by the number on its door: `101`.
    RoomId
}
text_id! {
    /// A guest.
    GuestId
}
text_id! {
    /// A booking.
    BookingId
}

/// One room in one night: what is booked once. `101/2026-12-24` is the night that begins on that day.
#[derive(Tag, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Shape)]
#[serde(transparent)]
#[tag("room_night")]
pub struct RoomNight(String);

impl RoomNight {
    pub fn new(room: &RoomId, night: Date) -> Self {
        Self::stored(room, &night.to_string())
    }

    /// Of a date that was stored as a text.
    fn stored(room: &RoomId, night: &str) -> Self {
        Self(format!("{room}/{night}"))
    }

    /// The night, in the form that sorts.
    pub fn date(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, night)| night)
    }
}
