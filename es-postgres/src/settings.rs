//! The settings that the parts of one store share.

use crate::{connection::Connector, identifier::SchemaName, inline::ReadModels};
use es_runtime::{Limits, StorageError, StorageErrorKind, Timestamp};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
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
