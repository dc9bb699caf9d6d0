//! What the hotel is asked: tables that are built from the events.

mod bookings;
mod rooms;

pub use bookings::{BookingRow, Bookings};
pub use rooms::{RoomRow, Rooms};

use es_projections::ColumnError;
use es_runtime::StorageError;

/// A table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Column(#[from] ColumnError),
}
