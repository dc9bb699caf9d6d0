//! A room: how many sleep in it, and what a night costs.

use super::{Cents, RoomId, cents_from_euros};
use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
use serde::{Deserialize, Serialize};

/// A room can be booked from now on.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("room.opened", version = 2)]
pub struct RoomOpened {
    pub beds: u8,
    #[event(was(name = "price", type = f64, with = cents_from_euros, before = 2))]
    pub night_cents: Cents,
}

/// A night in a room costs something else.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("room.priced")]
pub struct RoomPriced {
    pub night_cents: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct OpenRoom {
    pub beds: u8,
    pub night_cents: Cents,
}

#[derive(Deserialize, Shape, Clone, Debug)]
pub struct PriceRoom {
    pub night_cents: Cents,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    #[error("there is no such room")]
    NoSuchRoom,
    #[error("the room is open already")]
    AlreadyOpen,
    #[error("a room has beds, and a night in it costs something")]
    NoRoom,
}

#[derive(Aggregate, Default, Clone, Debug, PartialEq)]
#[aggregate("room", id = RoomId, error = RoomError)]
#[aggregate(events(RoomOpened, RoomPriced), commands(OpenRoom, PriceRoom))]
pub struct Room {
    beds: u8,
    night: Option<Cents>,
}

impl Room {
    pub const fn beds(&self) -> u8 {
        self.beds
    }

    /// What a night costs. `None` where there is no such room.
    pub const fn night(&self) -> Option<Cents> {
        self.night
    }
}

impl Apply<RoomOpened> for Room {
    fn apply(&mut self, event: &RoomOpened) {
        self.beds = event.beds;
        self.night = Some(event.night_cents);
    }
}

impl Apply<RoomPriced> for Room {
    fn apply(&mut self, event: &RoomPriced) {
        self.night = Some(event.night_cents);
    }
}

impl Handle<OpenRoom> for Room {
    fn handle(&self, OpenRoom { beds, night_cents }: OpenRoom) -> Result<Events<Self>, RoomError> {
        if self.night.is_some() {
            return Err(RoomError::AlreadyOpen);
        }
        if beds == 0 || night_cents <= Cents(0) {
            return Err(RoomError::NoRoom);
        }
        Ok(RoomOpened { beds, night_cents }.into())
    }
}

impl Handle<PriceRoom> for Room {
    fn handle(&self, PriceRoom { night_cents }: PriceRoom) -> Result<Events<Self>, RoomError> {
        let night = self.night.ok_or(RoomError::NoSuchRoom)?;
        if night_cents <= Cents(0) {
            return Err(RoomError::NoRoom);
        }
        if night == night_cents {
            return Ok(Events::none());
        }
        Ok(RoomPriced { night_cents }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Rooms;
    use es_testkit::{given, given_nothing};

    es_schema_lock::schema_lock!(Room, "schema/booking/room.lock");
    es_testkit::laws!(
        Room,
        commands(OpenRoom, PriceRoom),
        lock("schema/booking/room.lock"),
        projection(Rooms, "SELECT * FROM rooms ORDER BY room_id"),
    );

    #[test]
    fn a_room_opens_once() {
        let open = OpenRoom {
            beds: 2,
            night_cents: Cents(9_900),
        };
        given_nothing::<Room>()
            .when(open.clone())
            .then(RoomOpened {
                beds: 2,
                night_cents: Cents(9_900),
            })
            .when(open)
            .then_rejected(RoomError::AlreadyOpen);
    }

    #[test]
    fn the_same_price_is_no_event() {
        let opened = RoomOpened {
            beds: 2,
            night_cents: Cents(9_900),
        };
        let price = |cents| PriceRoom {
            night_cents: Cents(cents),
        };
        given::<Room>(opened)
            .when(price(9_900))
            .then_nothing()
            .when(price(0))
            .then_rejected(RoomError::NoRoom);
        given_nothing::<Room>()
            .when(price(1))
            .then_rejected(RoomError::NoSuchRoom);
    }
}
