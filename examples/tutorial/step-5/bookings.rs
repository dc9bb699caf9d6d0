//! The read model: one row for each booked night.

use super::room::Booked;
use es_projections::{AnyTransaction, HandlerError, Project, Projection, values};
use es_runtime::Envelope;

#[derive(Projection)]
#[projection("bookings", version = 1, events(Booked))]
#[projection(schema = "
    CREATE TABLE {bookings} (room TEXT, night TEXT, guest TEXT, PRIMARY KEY (room, night));
    CREATE INDEX {bookings_by_guest} ON {bookings} (guest);
")]
pub struct Bookings;

impl Project<Booked> for Bookings {
    async fn project(
        &self,
        booked: &Envelope<Booked>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        let Booked { night, guest } = &booked.event;
        let row = values![booked.stream.id(), night, guest];
        tx.run("INSERT INTO {bookings} VALUES ($1, $2, $3)", row)
            .await?;
        Ok(())
    }
}
