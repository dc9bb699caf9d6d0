//! The command `es` on real SQLite files and a real PostgreSQL, filled by the real stores, projections, sagas and
//! process managers.

mod look;
mod manual;
mod many;
mod place;
mod refused;
mod shop;
mod verify;
