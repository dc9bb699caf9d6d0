//! Why projections do not run in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why projections that were started in this process do not run. A read database keeps one for all its handles, so that who
/// [waits](crate::WaitFor) for a projection hears of it at once. It is not in the database: another program may run the
/// same tables.
#[derive(Clone, Debug, Default)]
pub struct Stops(Arc<Mutex<HashMap<(&'static str, u32), String>>>);

impl Stops {
    /// Records why this version of the projection does not run, or with `None` that it does.
    #[cfg(feature = "runner")]
    pub(crate) fn set(&self, name: &'static str, version: u32, why: Option<String>) {
        let mut all = self.all();
        match why {
            Some(why) => all.insert((name, version), why),
            None => all.remove(&(name, version)),
        };
    }

    pub(crate) fn get(&self, name: &'static str, version: u32) -> Option<String> {
        self.all().get(&(name, version)).cloned()
    }

    /// Nothing that can panic runs under the lock.
    fn all(&self) -> MutexGuard<'_, HashMap<(&'static str, u32), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
