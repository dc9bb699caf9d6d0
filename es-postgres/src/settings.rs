//! The settings that the parts of one store share.

use crate::{connection::Connector, identifier::SchemaName, inline::ReadModels, rows::clamped};
use es_runtime::{
    Limits, StorageError, StorageErrorKind, Timestamp,
    store::author::{RuleNeeds, RuleState},
};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What an acknowledged append survives, by the configuration of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// A power failure: `fsync` and `full_page_writes` are on, and an append returns `Ok` after the commit
    /// is on the disk. Where `synchronous_commit` is off, the store enables it for its appends.
    Full,
    /// A crash of a process, not a power failure: `fsync` or `full_page_writes` is off.
    ProcessOnly,
}

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct StoreSettings {
    pub(crate) read: ReadModels,
    pub(crate) connector: Connector,
    pub(crate) schema: SchemaName,
    pub(crate) migrate: bool,
    /// How long a statement may take, and a handler inside an append.
    #[cfg_attr(
        not(feature = "projections"),
        allow(dead_code, reason = "only handlers need it")
    )]
    pub(crate) statement_timeout: Duration,
    pub(crate) readers: usize,
    pub(crate) limits: Limits,
    pub(crate) clock: Option<Clock>,
    pub(crate) notify: bool,
    pub(crate) absent: Absent,
}

impl StoreSettings {
    /// What the user's clock says, where there is one. Its panic is an error, whose own text goes to the
    /// panic hook only.
    pub(crate) fn now(&self) -> Result<Option<Timestamp>, StorageError> {
        let now = || self.clock.as_ref().map(|clock| clock());
        catch_unwind(AssertUnwindSafe(now)).map_err(|_| {
            let what = "the clock that the store was opened with panicked";
            StorageError::new(StorageErrorKind::Other, what)
        })
    }
}

/// Up to which position there is no event of a name, so that looking for one does not begin at the start each time.
#[derive(Default)]
pub(crate) struct Absent(Mutex<HashMap<String, i64>>);

impl Absent {
    fn known(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each of these rules, up to where there is no event of its name.
    pub(crate) fn of(&self, needs: &RuleNeeds<'_>) -> Vec<i64> {
        let known = self.known();
        let rules = needs.rules.iter();
        let after = rules.map(|(_, event)| known.get(*event).copied().unwrap_or(0));
        after.collect()
    }

    /// What was read of these rules at this end of the store or later.
    pub(crate) fn note(&self, rules: &RuleState, needs: &RuleNeeds<'_>, head: u64) {
        let mut known = self.known();
        for (rule, event) in &needs.rules {
            if !rules.is_on(rule, event) {
                let at = known.entry((*event).to_owned()).or_default();
                *at = clamped(head).max(*at);
            }
        }
    }
}
