//! The settings that the parts of one store share.

use crate::{connection::Connector, identifier::SchemaName, inline::ReadModels};
use es_runtime::{
    Limits, StorageError, StorageErrorKind, Timestamp,
    store::author::{RuleNeeds, RuleState},
};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio_postgres::Row;
use uuid::Uuid;

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

/// Up to which event there is none of a name, so that looking for one does not begin at the start each time.
///
/// After a failover or a restore the store may end before that event, and have another one at its position later. So the
/// server takes what is known here only where it has the very event.
#[derive(Default)]
pub(crate) struct Absent(Mutex<HashMap<String, Place>>);

/// An event, by its position, and by what no other event that may be written there has.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    position: i64,
    /// A writer that repeats what a failover lost may write the same event at the same position again, but not at the
    /// same time.
    event: (Uuid, SystemTime),
}

impl Place {
    /// Of a row of `position, event_id, recorded_at`. `None` where there is no event.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        let event = (row.try_get(1).ok()?, row.try_get(2).ok()?);
        let position = row.try_get(0).ok()?;
        Some(Self { position, event })
    }
}

/// For some names, up to which event there is none of each, column by column.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) positions: Vec<Option<i64>>,
    pub(crate) ids: Vec<Option<Uuid>>,
    pub(crate) times: Vec<Option<SystemTime>>,
}

impl Absent {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each of these rules, up to where there is no event of its name.
    pub(crate) fn of(&self, needs: &RuleNeeds<'_>) -> Places {
        let known = self.known();
        let mut places = Places::default();
        for (_, event) in &needs.rules {
            let place = known.get(*event);
            places.positions.push(place.map(|place| place.position));
            places.ids.push(place.map(|place| place.event.0));
            places.times.push(place.map(|place| place.event.1));
        }
        places
    }

    /// What was read of these rules at this end of the store or later.
    pub(crate) fn note(&self, rules: &RuleState, needs: &RuleNeeds<'_>, end: Place) {
        let mut known = self.known();
        for (rule, event) in &needs.rules {
            if !rules.is_on(rule, event) {
                known.insert((*event).to_owned(), end);
            }
        }
    }
}
