//! Sagas and process managers.

mod attribute;
mod crash_points;
mod definitions;
mod inline;
mod memory;
mod process_kill;
mod process_manager;
mod process_test;
mod process_versions;
mod rules;
mod trouble;
