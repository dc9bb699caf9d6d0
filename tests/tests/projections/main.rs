//! Projections and subscriptions on both databases.

mod crash;
mod faults;
mod inline;
mod portable;
mod postgres;
mod runners;
mod sqlite;
mod subscriptions;
