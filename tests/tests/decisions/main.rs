//! Commands that read several aggregates and write in one commit, on every store.

#[macro_use]
mod places;

mod doctors;
mod folds;
mod histories;
mod kills;
mod races;
mod random;
mod tables;
mod testkit;
mod transfers;
mod unique;
