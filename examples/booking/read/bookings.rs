//! One row for each booking, and one for each night that is taken.

use super::QueryError;
use crate::domain::booking::{Booking, BookingConfirmed, BookingHeld, BookingReleased};
use es_projections::{
    AnyReadDatabase, AnyTransaction, ColumnError, HandlerError, Project, Projection, SqlRow, values,
};
use es_runtime::Envelope;
use serde::Serialize;

#[derive(Projection)]
#[projection("bookings", version = 2)]
#[projection(events(all of Booking::{BookingHeld, BookingConfirmed, BookingReleased}))]
#[projection(schema = "
    CREATE TABLE {bookings} (
        booking_id  TEXT PRIMARY KEY,
        guest_id    TEXT NOT NULL,
        room_id     TEXT NOT NULL,
        first_night TEXT NOT NULL,
        nights      BIGINT NOT NULL,
        total_cents BIGINT NOT NULL,
        status      TEXT NOT NULL,
        version     BIGINT NOT NULL
    );
    CREATE INDEX {bookings_by_guest} ON {bookings} (guest_id, first_night);

    CREATE TABLE {taken_nights} (
        room_id    TEXT NOT NULL,
        night      TEXT NOT NULL,
        booking_id TEXT NOT NULL,
        PRIMARY KEY (room_id, night)
    );
    CREATE INDEX {taken_nights_by_booking} ON {taken_nights} (booking_id);
")]
pub struct Bookings;

const HOLD: &str = "INSERT INTO {bookings} VALUES ($1, $2, $3, $4, $5, $6, 'held', $7)";
const TAKE: &str = "INSERT INTO {taken_nights} VALUES ($1, $2, $3)";
const FREE: &str = "DELETE FROM {taken_nights} WHERE booking_id = $1";
const SET_STATUS: &str = "UPDATE {bookings} SET status = $2, version = $3 WHERE booking_id = $1";

impl Project<BookingHeld> for Bookings {
    async fn project(
        &self,
        held: &Envelope<BookingHeld>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let booking = held.stream.id();
        let event = &held.event;
        let (guest, room) = (&event.guest.0, &event.room.0);
        let first = event.nights.first().map_or("", |night| night.date());
        let nights = u32::try_from(event.nights.len())?;
        let (total, version) = (event.total_cents.0, held.version);
        tx.run(
            HOLD,
            values![booking, guest, room, first, nights, total, version],
        )
        .await?;
        for night in &event.nights {
            tx.run(TAKE, values![room, night.date(), booking]).await?;
        }
        Ok(())
    }
}

impl Project<BookingConfirmed> for Bookings {
    async fn project(
        &self,
        confirmed: &Envelope<BookingConfirmed>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let row = values![confirmed.stream.id(), "confirmed", confirmed.version];
        tx.run(SET_STATUS, row).await?;
        Ok(())
    }
}

impl Project<BookingReleased> for Bookings {
    async fn project(
        &self,
        released: &Envelope<BookingReleased>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let booking = released.stream.id();
        tx.run(SET_STATUS, values![booking, "released", released.version])
            .await?;
        tx.run(FREE, values![booking]).await?;
        Ok(())
    }
}

#[derive(Serialize)]
pub struct BookingRow {
    booking: String,
    guest: String,
    room: String,
    first_night: String,
    nights: i64,
    total_cents: i64,
    status: String,
    version: i64,
}

impl BookingRow {
    fn of(row: &SqlRow) -> Result<Self, ColumnError> {
        Ok(Self {
            booking: row.get(0)?,
            guest: row.get(1)?,
            room: row.get(2)?,
            first_night: row.get(3)?,
            nights: row.get(4)?,
            total_cents: row.get(5)?,
            status: row.get(6)?,
            version: row.get(7)?,
        })
    }
}

impl Bookings {
    /// The bookings of a guest, by their first nights.
    pub async fn of_guest(
        read: &AnyReadDatabase,
        guest: &str,
    ) -> Result<Vec<BookingRow>, QueryError> {
        let sql = "SELECT booking_id, guest_id, room_id, first_night, nights, total_cents, status, version
                   FROM bookings WHERE guest_id = $1 ORDER BY first_night, booking_id LIMIT 500";
        let rows = read.select(sql, values![guest]).await?;
        Ok(rows.iter().map(BookingRow::of).collect::<Result<_, _>>()?)
    }

    /// The rooms that are taken in a night.
    pub async fn taken(read: &AnyReadDatabase, night: &str) -> Result<Vec<String>, QueryError> {
        let sql = "SELECT room_id FROM taken_nights WHERE night = $1 ORDER BY room_id";
        let rows = read.select(sql, values![night]).await?;
        Ok(rows
            .iter()
            .map(|row| row.get(0))
            .collect::<Result<_, _>>()?)
    }
}
