//! What the suite needs from whoever runs it: a way to open the store, and what the store can do.

use es_projections::{
    Dialect, HandlerError, ReadDatabase, SqlRow, SqlValue,
    backend::{Job, Names, RowsOfQueries, SqlTransaction, TransactionError},
};
use es_runtime::{EventStore, Limits, SnapshotStore, StorageError, StreamId};
use std::future::Future;

/// What a store can do. Each check looks at both sides: what is declared must work, and what is not
/// declared must be refused or absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a capability of its own"
)]
pub struct Capabilities {
    /// A store that is opened again, or a second time, has what was written; otherwise each that is
    /// opened is empty and stands alone.
    pub reopens: bool,
    /// [`close`](StoreFixture::close) ends every handle; otherwise other handles go on.
    pub closes: bool,
    /// [`changed`](EventStore::changed) tells of appends through a handle of the same store;
    /// otherwise it never says anything.
    pub wakes: bool,
    /// It can be opened for reading only: [`open_for_reading`](StoreFixture::open_for_reading).
    pub read_only: bool,
    /// Read models can be kept beside it: [`read_database`](StoreFixture::read_database).
    pub read_database: bool,
    /// A stored row can be damaged: [`damage`](StoreFixture::damage).
    pub damage: bool,
    /// The faults that [`inject`](StoreFixture::inject) makes.
    pub faults: &'static [Fault],
}

/// Something that goes wrong around a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No space is left, from now or from the next time that the store is opened: for at most a few
    /// megabytes more.
    DiskFull,
    /// All connections of the store to its server end, once.
    ConnectionsLost,
    /// Somebody else holds the lock that appends need. The store gives up waiting within a minute.
    WriterBlocked,
    /// The store may not write any more.
    PermissionRevoked,
    /// Each append takes some milliseconds, another time each, between the moment in which its
    /// positions are known and its commit.
    SlowCommits,
    /// A foreign transaction that began before all that follows stays open. It touches nothing of the
    /// store's.
    ForeignTransaction,
}

/// Makes the store that a check looks at, and says what it can do.
///
/// Each check has a fixture of its own: put a fresh folder or database into it.
pub trait StoreFixture: Send + Sync + 'static {
    /// The store.
    type Store: EventStore + SnapshotStore;
    /// The read database beside it, [`NoDatabase`] where there is none.
    type Database: ReadDatabase;

    /// Opens the store of this fixture: empty the first time; when it
    /// [reopens](Capabilities::reopens), with what was written before after that.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// What the store can do: nothing of all this unless it says so.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Ends a store as an application does that stops, by dropping it unless there is more to do.
    fn close(&self, store: Self::Store) -> impl Future<Output = ()> + Send {
        async move { drop(store) }
    }

    /// The bounds that the store checks.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Opens the store, which is there already, for reading only.
    fn open_for_reading(&self) -> impl Future<Output = Option<Self::Store>> + Send {
        async { None }
    }

    /// The read database beside the store. Each call gives a handle on the same one.
    fn read_database(
        &self,
        store: &Self::Store,
    ) -> impl Future<Output = Option<Self::Database>> + Send {
        let _ = store;
        async { None }
    }

    /// Damages the stored row of one event so that it cannot be read any more, and says whether it
    /// did.
    fn damage(
        &self,
        store: &Self::Store,
        stream: &StreamId,
        version: u64,
    ) -> impl Future<Output = bool> + Send {
        let _ = (store, stream, version);
        async { false }
    }

    /// Makes something go wrong, and says whether it did: only what is
    /// [declared](Capabilities::faults).
    fn inject(&self, store: &Self::Store, fault: Fault) -> impl Future<Output = bool> + Send {
        let _ = (store, fault);
        async { false }
    }

    /// Takes away what [`inject`](StoreFixture::inject) made.
    fn heal(&self, store: &Self::Store, fault: Fault) -> impl Future<Output = ()> + Send {
        let _ = (store, fault);
        async {}
    }
}

/// The read database of a store that has none. There is no value of it.
#[derive(Clone, Copy, Debug)]
pub enum NoDatabase {}

/// The transaction of [`NoDatabase`]. There is no value of it.
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
