//! One row for each room.

use super::QueryError;
use crate::domain::room::{Room, RoomOpened, RoomPriced};
use es_projections::{
    AnyReadDatabase, AnyTransaction, ColumnError, HandlerError, Project, Projection, SqlRow, values,
};
use es_runtime::Envelope;
use serde::Serialize;

#[derive(Projection)]
#[projection("rooms", version = 2, events(all of Room::{RoomOpened, RoomPriced}))]
#[projection(schema = "
    CREATE TABLE {rooms} (
        room_id     TEXT PRIMARY KEY,
        beds        BIGINT NOT NULL,
        night_cents BIGINT NOT NULL,
        version     BIGINT NOT NULL
    );
")]
pub struct Rooms;

const OPEN: &str = "INSERT INTO {rooms} VALUES ($1, $2, $3, $4)";
const PRICE: &str = "UPDATE {rooms} SET night_cents = $2, version = $3 WHERE room_id = $1";

impl Project<RoomOpened> for Rooms {
    async fn project(
        &self,
        opened: &Envelope<RoomOpened>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let RoomOpened { beds, night_cents } = &opened.event;
        let row = values![opened.stream.id(), *beds, night_cents.0, opened.version];
        tx.run(OPEN, row).await?;
        Ok(())
    }
}

impl Project<RoomPriced> for Rooms {
    async fn project(
        &self,
        priced: &Envelope<RoomPriced>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let cents = priced.event.night_cents.0;
        tx.run(PRICE, values![priced.stream.id(), cents, priced.version])
            .await?;
        Ok(())
    }
}

#[derive(Serialize)]
pub struct RoomRow {
    room: String,
    beds: i64,
    night_cents: i64,
    version: i64,
}

impl RoomRow {
    fn of(row: &SqlRow) -> Result<Self, ColumnError> {
        Ok(Self {
            room: row.get(0)?,
            beds: row.get(1)?,
            night_cents: row.get(2)?,
            version: row.get(3)?,
        })
    }
}

impl Rooms {
    /// All rooms, by their numbers.
    pub async fn all(read: &AnyReadDatabase) -> Result<Vec<RoomRow>, QueryError> {
        let sql = "SELECT room_id, beds, night_cents, version FROM rooms ORDER BY room_id";
        let rows = read.select(sql, values![]).await?;
        Ok(rows.iter().map(RoomRow::of).collect::<Result<_, _>>()?)
    }
}
