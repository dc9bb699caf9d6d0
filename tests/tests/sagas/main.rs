//! Sagas and process managers.

mod attribute;
mod bad_inputs;
mod clocks;
mod crash_points;
mod definitions;
mod forever;
mod inline;
mod memory;
mod operators;
mod process_kill;
mod process_manager;
mod process_test;
mod process_versions;
mod releases;
mod renamed;
mod rules;
mod tags;
mod trouble;
