//! Commands that read several aggregates and write in one commit, on every store.

#[macro_use]
mod places;

mod between_writes;
mod campus;
mod doctors;
mod folds;
mod histories;
mod kills;
mod last;
mod races;
mod random;
mod reported;
mod tables;
mod testkit;
mod transfers;
mod unique;
mod usernames;
