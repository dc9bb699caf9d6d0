//! The stores: the suite that all of them pass, and what only one of them has.

mod conformance;
mod memory;
mod old_tables;
mod snapshots;
mod state_cache;
mod tags;
mod unique;

mod sqlite_cancel;
mod sqlite_crash;
mod sqlite_file;
mod sqlite_group;
mod sqlite_readers;
mod sqlite_repository;
mod sqlite_settings;

mod chaos;
mod postgres_commits;
mod postgres_gaps;
mod postgres_pooler;
mod postgres_server;
mod postgres_settings;
mod postgres_store;
mod postgres_tags;
mod power_loss;
