//! Projections and subscriptions on both databases.

#[macro_use]
mod places;

mod crash;
mod faults;
mod inline;
mod lists;
mod poison;
mod portable;
mod postgres;
mod reentry;
mod renamed;
mod runners;
mod schemas;
mod sqlite;
mod stops;
mod stores;
mod subscriptions;
mod testkit;
