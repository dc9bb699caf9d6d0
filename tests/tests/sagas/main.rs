//! Sagas and process managers.

#[macro_use]
mod each_store;

mod attribute;
mod bad_inputs;
mod clocks;
mod crash_points;
mod definitions;
mod events_by_tags;
mod forever;
mod inline;
mod late;
mod memory;
mod operators;
mod process_kill;
mod process_manager;
mod process_test;
mod process_timers;
mod process_versions;
mod rebuilt_rows;
mod releases;
mod renamed;
mod rules;
mod saga_test;
mod shutdown;
mod tags;
mod trouble;
mod unique;
