//! The fixture of the suite: how to open the store, and what the store can do.

use es_projections::{
    Dialect, HandlerError, ReadDatabase, SqlRow, SqlValue,
    backend::{Job, Names, RowsOfQueries, SqlTransaction, TransactionError},
};
use es_runtime::{EventStore, Limits, SnapshotStore, StorageError, StreamId};
use std::future::Future;

/// The capabilities of a store. Checks look at both sides: what is declared must work, and what is not
/// declared must be rejected or absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each capability is independent"
)]
pub struct Capabilities {
    /// A store that is opened again, or a second time, has all data that was written. Otherwise each opened
    /// store is empty and independent.
    pub reopens: bool,
    /// [`close`](StoreFixture::close) closes every handle. Otherwise other handles continue to work.
    pub closes: bool,
    /// [`changed`](EventStore::changed) returns after an append through any handle of the same store. Otherwise
    /// it never returns.
    pub wakes: bool,
    /// The store can be opened read-only: [`open_for_reading`](StoreFixture::open_for_reading).
    pub read_only: bool,
    /// Read models can be kept in the same database: [`read_database`](StoreFixture::read_database).
    pub read_database: bool,
    /// A stored row can be damaged: [`damage`](StoreFixture::damage).
    pub damage: bool,
    /// Unique values are enforced. Otherwise an append with a rule must be refused with
    /// [`Unsupported`](es_runtime::StorageErrorKind::Unsupported).
    pub unique: bool,
    /// Rules of unique values are turned on for stored events. Otherwise [`walk_unique`](EventStore::walk_unique) about
    /// events that are stored without the rule must be refused with
    /// [`Unsupported`](es_runtime::StorageErrorKind::Unsupported), and other names have it from their first event on.
    pub unique_walks: bool,
    /// Tags are recorded, found and guarded. Otherwise an append with a tag and a commit with a guard must be refused
    /// with [`Unsupported`](es_runtime::StorageErrorKind::Unsupported).
    pub tags: bool,
    /// A commit may change work items. Otherwise one that does must be refused with
    /// [`Unsupported`](es_runtime::StorageErrorKind::Unsupported). Stores that declare it implement
    /// [`WorkQueue`](es_runtime::WorkQueue).
    pub work_items: bool,
    /// Tags are recorded for stored events. Otherwise [`walk_tags`](EventStore::walk_tags) about events that are stored
    /// without the kind must be refused with [`Unsupported`](es_runtime::StorageErrorKind::Unsupported).
    pub tag_walks: bool,
    /// Streams are listed. Otherwise [`list_streams`](EventStore::list_streams) must be refused with
    /// [`Unsupported`](es_runtime::StorageErrorKind::Unsupported).
    pub lists_streams: bool,
    /// The id of an event is compared with those of all stored events. Otherwise only with those of its own append or
    /// commit, and an id that another append has used must be accepted.
    pub event_ids: bool,
    /// The faults that [`inject`](StoreFixture::inject) can make.
    pub faults: &'static [Fault],
}

/// A fault in the environment of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No space is left, from now or from the next opening of the store. At most a few more megabytes fit.
    DiskFull,
    /// All connections of the store to its server are closed once.
    ConnectionsLost,
    /// Another client holds the lock that appends need. The store gives up within a minute.
    WriterBlocked,
    /// The store loses the permission to write.
    PermissionRevoked,
    /// Each append takes some milliseconds, of varying length, between the assignment of its positions and its
    /// commit.
    SlowCommits,
    /// A foreign transaction that began before all later writes stays open. It does not touch the data of the
    /// store.
    ForeignTransaction,
}

/// Opens the store for a check, and declares its capabilities. Authors of stores implement it.
///
/// Each check gets its own fixture, so put a fresh directory or database into it.
pub trait StoreFixture: Send + Sync + 'static {
    /// The store.
    type Store: EventStore + SnapshotStore;
    /// The read database in the same database as the store, or [`NoDatabase`].
    type Database: ReadDatabase<Transaction: Sized>;

    /// Opens the store of this fixture. The first time it is empty. Later it has the data that was written
    /// before, if the store [reopens](Capabilities::reopens).
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// The capabilities of the store, none by default.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Closes a store as an application does when it stops. By default it calls [`EventStore::close`]. The
    /// check then drops its handle.
    fn close(&self, store: &Self::Store) -> impl Future<Output = ()> + Send {
        EventStore::close(store)
    }

    /// The limits that the store enforces.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Opens the existing store read-only.
    fn open_for_reading(&self) -> impl Future<Output = Option<Self::Store>> + Send {
        async { None }
    }

    /// The read database of the store. Each call returns a handle to the same one.
    fn read_database(
        &self,
        store: &Self::Store,
    ) -> impl Future<Output = Option<Self::Database>> + Send {
        let _ = store;
        async { None }
    }

    /// Damages the stored row of one event so that it can no longer be read. Returns whether it did.
    fn damage(
        &self,
        store: &Self::Store,
        stream: &StreamId,
        version: u64,
    ) -> impl Future<Output = bool> + Send {
        let _ = (store, stream, version);
        async { false }
    }

    /// Injects a fault. Returns whether it did, which must be so exactly for [declared](Capabilities::faults)
    /// faults.
    fn inject(&self, store: &Self::Store, fault: Fault) -> impl Future<Output = bool> + Send {
        let _ = (store, fault);
        async { false }
    }

    /// Removes a fault that [`inject`](StoreFixture::inject) made.
    fn heal(&self, store: &Self::Store, fault: Fault) -> impl Future<Output = ()> + Send {
        let _ = (store, fault);
        async {}
    }
}

/// The read database type of a store without one. It has no values.
#[derive(Clone, Copy, Debug)]
pub enum NoDatabase {}

/// The transaction type of [`NoDatabase`]. It has no values.
#[derive(Clone, Copy, Debug)]
pub enum NoTransaction {}

impl ReadDatabase for NoDatabase {
    type Transaction = NoTransaction;

    fn dialect(&self) -> Dialect {
        match *self {}
    }

    async fn transact<J: Job<Self>>(&self, _: J) -> Result<J::Output, TransactionError> {
        match *self {}
    }

    async fn query(&self, _: &str, _: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        match *self {}
    }

    async fn query_together(
        &self,
        _: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        match *self {}
    }
}

impl SqlTransaction for NoTransaction {
    fn dialect(&self) -> Dialect {
        match *self {}
    }

    async fn run_portable(&mut self, _: &str, _: &[SqlValue]) -> Result<u64, HandlerError> {
        match *self {}
    }

    async fn select_portable(
        &mut self,
        _: &str,
        _: &[SqlValue],
    ) -> Result<Vec<SqlRow>, HandlerError> {
        match *self {}
    }

    async fn statement(&mut self, _: &str, _: &[SqlValue]) -> Result<u64, StorageError> {
        match *self {}
    }

    async fn rows(&mut self, _: &str, _: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        match *self {}
    }

    async fn script(&mut self, _: &str) -> Result<(), StorageError> {
        match *self {}
    }

    fn set_names(&mut self, _: Names) {
        match *self {}
    }

    async fn is_open(&mut self) -> bool {
        match *self {}
    }
}
