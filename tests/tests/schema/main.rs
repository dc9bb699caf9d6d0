//! Events and their versions: what the derives generate, the past that is read, the lock.

mod derive;
mod history;
mod lock;
mod rolling_deploy;
