//! The command `es` on real SQLite files and a real PostgreSQL, filled by the real stores, projections, sagas and
//! process managers.

#[cfg(unix)]
mod jetstream;
mod locked;
mod look;
mod manual;
mod many;
mod moving;
mod operate;
mod place;
mod process;
mod refused;
mod shop;
#[cfg(unix)]
mod tls;
mod typed;
mod verify;
