//! A fixture and its store without type parameters. The checks are compiled once, in this crate, and not
//! again for each store.

use super::{Capabilities, Fault, StoreFixture};
use crate::{Layered, StoreLayer};
use es_projections::AnyReadDatabase;
use es_runtime::{AnyStore, CommitStore, EventStore, Limits, SnapshotStore, StreamId, WorkQueue};
use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`StoreFixture`] of any store, as the checks take it.
///
/// [`conformance!`](crate::conformance!) makes it from your fixture. Make it yourself to call one check.
pub struct AnyFixture {
    inner: Box<dyn Erased>,
}

impl AnyFixture {
    /// Takes a fixture of a store of events and snapshots.
    pub fn new<F: StoreFixture>(fixture: F) -> Self {
        Self::wrapping(fixture, AnyStore::of_events)
    }

    /// Takes a fixture of a store with commits of several streams, for the checks of [`commits`](super::commits).
    pub fn with_commits<F: StoreFixture<Store: CommitStore>>(fixture: F) -> Self {
        Self::wrapping(fixture, AnyStore::of_commits)
    }

    /// Takes a fixture of a store with a work queue, for the checks of [`sagas`](super::sagas).
    pub fn with_work<F: StoreFixture<Store: WorkQueue>>(fixture: F) -> Self {
        Self::wrapping(fixture, AnyStore::new)
    }

    fn wrapping<F: StoreFixture>(
        fixture: F,
        wrap: fn(Layered<Shared<F::Store>>) -> AnyStore,
    ) -> Self {
        Self {
            inner: Box::new(Fixture { fixture, wrap }),
        }
    }

    pub(super) async fn open(&self) -> AnyTested {
        self.inner.open().await
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    /// Closes the store and drops this handle.
    pub(super) async fn close(&self, store: AnyTested) {
        self.inner.close(&*store.typed).await;
    }

    pub(super) fn limits(&self) -> Limits {
        self.inner.limits()
    }

    pub(super) async fn open_for_reading(&self) -> Option<AnyTested> {
        self.inner.open_for_reading().await
    }

    pub(super) async fn read_database(&self, store: &AnyTested) -> Option<AnyReadDatabase> {
        self.inner.read_database(&*store.typed).await
    }

    pub(super) async fn damage(&self, store: &AnyTested, stream: &StreamId, version: u64) -> bool {
        self.inner.damage(&*store.typed, stream, version).await
    }

    pub(super) async fn inject(&self, store: &AnyTested, fault: Fault) -> bool {
        self.inner.inject(&*store.typed, fault).await
    }

    pub(super) async fn heal(&self, store: &AnyTested, fault: Fault) {
        self.inner.heal(&*store.typed, fault).await;
    }
}

impl fmt::Debug for AnyFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyFixture").finish_non_exhaustive()
    }
}

/// The store under test.
pub(super) type AnyTested = Layered<Tested>;

/// The store under test: erased for the checks, and with its own type for the fixture.
#[derive(Clone)]
pub(super) struct Tested {
    store: AnyStore,
    typed: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl StoreLayer for Tested {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.store
    }
}

/// A store that the erased handle and the fixture share.
struct Shared<S>(Arc<S>);

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: EventStore> StoreLayer for Shared<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.0
    }
}

struct Fixture<F: StoreFixture> {
    fixture: F,
    wrap: fn(Layered<Shared<F::Store>>) -> AnyStore,
}

impl<F: StoreFixture> Fixture<F> {
    fn tested(&self, store: F::Store) -> AnyTested {
        let typed = Arc::new(store);
        Layered(Tested {
            store: (self.wrap)(Layered(Shared(Arc::clone(&typed)))),
            typed,
        })
    }
}

/// The store as this fixture opened it.
fn own<S: EventStore + SnapshotStore>(store: &(dyn Any + Send + Sync)) -> &S {
    let own = store.downcast_ref();
    own.expect("a check passes a store to the fixture that opened it")
}

trait Erased: Send + Sync {
    fn open(&self) -> Boxed<'_, AnyTested>;
    fn capabilities(&self) -> Capabilities;
    fn close<'a>(&'a self, store: &'a (dyn Any + Send + Sync)) -> Boxed<'a, ()>;
    fn limits(&self) -> Limits;
    fn open_for_reading(&self) -> Boxed<'_, Option<AnyTested>>;
    fn read_database<'a>(
        &'a self,
        store: &'a (dyn Any + Send + Sync),
    ) -> Boxed<'a, Option<AnyReadDatabase>>;
    fn damage<'a>(
        &'a self,
        store: &'a (dyn Any + Send + Sync),
        stream: &'a StreamId,
        version: u64,
    ) -> Boxed<'a, bool>;
    fn inject<'a>(&'a self, store: &'a (dyn Any + Send + Sync), fault: Fault) -> Boxed<'a, bool>;
    fn heal<'a>(&'a self, store: &'a (dyn Any + Send + Sync), fault: Fault) -> Boxed<'a, ()>;
}

impl<F: StoreFixture> Erased for Fixture<F> {
    fn open(&self) -> Boxed<'_, AnyTested> {
        Box::pin(async { self.tested(self.fixture.open().await) })
    }

    fn capabilities(&self) -> Capabilities {
        self.fixture.capabilities()
    }

    fn close<'a>(&'a self, store: &'a (dyn Any + Send + Sync)) -> Boxed<'a, ()> {
        Box::pin(self.fixture.close(own(store)))
    }

    fn limits(&self) -> Limits {
        self.fixture.limits()
    }

    fn open_for_reading(&self) -> Boxed<'_, Option<AnyTested>> {
        Box::pin(async {
            let store = self.fixture.open_for_reading().await;
            store.map(|store| self.tested(store))
        })
    }

    fn read_database<'a>(
        &'a self,
        store: &'a (dyn Any + Send + Sync),
    ) -> Boxed<'a, Option<AnyReadDatabase>> {
        Box::pin(async {
            let database = self.fixture.read_database(own(store)).await;
            database.map(AnyReadDatabase::new)
        })
    }

    fn damage<'a>(
        &'a self,
        store: &'a (dyn Any + Send + Sync),
        stream: &'a StreamId,
        version: u64,
    ) -> Boxed<'a, bool> {
        Box::pin(self.fixture.damage(own(store), stream, version))
    }

    fn inject<'a>(&'a self, store: &'a (dyn Any + Send + Sync), fault: Fault) -> Boxed<'a, bool> {
        Box::pin(self.fixture.inject(own(store), fault))
    }

    fn heal<'a>(&'a self, store: &'a (dyn Any + Send + Sync), fault: Fault) -> Boxed<'a, ()> {
        Box::pin(self.fixture.heal(own(store), fault))
    }
}
