//! What all workers of one runner share: the store, the settings and the registered definitions.

use super::interceptor::Interceptor;
use crate::{
    definition::{ErasedSaga, InvalidDefinition},
    error::SagaError,
    names::category,
    process::Manager,
};
use es_runtime::{AnyStore, EventFilter, EventId, EventStore, ReadLimit};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A future of this crate. That of an `async fn` would be compiled again in each program that awaits it.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The settings of the workers.
#[derive(Clone)]
pub(crate) struct WorkerSettings {
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
    pub(crate) page: ReadLimit,
    pub(crate) concurrency: usize,
    pub(crate) from_the_beginning: bool,
    pub(crate) new_inputs_from_now: bool,
    pub(crate) key_space: Option<String>,
    pub(crate) interceptor: Option<Arc<dyn Interceptor>>,
}

/// The state that all workers share.
pub(crate) struct Core {
    pub(crate) store: AnyStore,
    pub(crate) owner: String,
    pub(crate) settings: WorkerSettings,
    pub(crate) sagas: Vec<Arc<dyn ErasedSaga>>,
    pub(crate) managers: Vec<Arc<dyn Manager>>,
    pub(crate) wrong: Option<InvalidDefinition>,
    /// Which inputs and instances are stalled, and why.
    stalled: Mutex<BTreeMap<String, String>>,
    space: Mutex<Option<Arc<str>>>,
}

impl Core {
    /// A core with the usual settings and without definitions.
    pub(super) fn new(store: AnyStore) -> Self {
        Self {
            store,
            owner: format!("process {} ({})", std::process::id(), EventId::new()),
            settings: WorkerSettings {
                lease: Duration::from_secs(30),
                poll: Duration::from_millis(100),
                page: ReadLimit::events(256),
                concurrency: 32,
                from_the_beginning: false,
                new_inputs_from_now: false,
                key_space: None,
                interceptor: None,
            },
            sagas: Vec::new(),
            managers: Vec::new(),
            wrong: None,
            stalled: Mutex::default(),
            space: Mutex::default(),
        }
    }

    /// The same store, settings and definitions, for a runner that is configured further.
    pub(super) fn copy(&self) -> Self {
        Self {
            store: self.store.clone(),
            owner: self.owner.clone(),
            settings: self.settings.clone(),
            sagas: self.sagas.clone(),
            managers: self.managers.clone(),
            wrong: self.wrong.clone(),
            stalled: Mutex::default(),
            space: Mutex::default(),
        }
    }

    /// The text from which keys are derived.
    pub(crate) async fn space(&self) -> Result<Arc<str>, SagaError> {
        if let Some(space) = &self.settings.key_space {
            return Ok(space.as_str().into());
        }
        let cached = || self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cached().clone();
        if let Some(space) = known {
            return Ok(space);
        }
        let space: Arc<str> = self.store.store_id().await?.into();
        *cached() = Some(Arc::clone(&space));
        Ok(space)
    }

    /// The definition to which an instance is pinned.
    pub(crate) fn pinned(
        &self,
        category: &str,
        version: u32,
        hash: &str,
    ) -> Option<&dyn ErasedSaga> {
        let mut sagas = self.sagas.iter().map(AsRef::as_ref);
        sagas.find(|definition| {
            let info = definition.info();
            info.version == version && info.hash == hash && self::category(info.name) == category
        })
    }

    /// The definition by which input events of this saga are read.
    pub(crate) fn newest(&self, category: &str) -> Option<&Arc<dyn ErasedSaga>> {
        let mut sagas = self.sagas.iter().rev();
        sagas.find(|definition| self::category(definition.info().name) == category)
    }

    /// The definition that starts sagas of this name, `None` when all are frozen.
    pub(crate) fn live(&self, category: &str) -> Option<&Arc<dyn ErasedSaga>> {
        self.newest(category)
            .filter(|definition| !definition.info().frozen)
    }

    /// The process manager whose streams these are.
    pub(crate) fn manager(&self, category: &str) -> Option<&dyn Manager> {
        let mut managers = self.managers.iter().map(AsRef::as_ref);
        managers.find(|manager| self::category(manager.name()) == category)
    }

    /// The events that start or cancel a saga, or that a process manager reacts to.
    pub(crate) fn filter(&self, category: &str) -> Option<EventFilter> {
        match self.manager(category) {
            Some(manager) => Some(manager.filter()),
            None => self.newest(category).map(|definition| definition.filter()),
        }
    }

    /// The categories of all registered sagas and process managers, each once.
    pub(crate) fn categories(&self) -> Vec<String> {
        let mut names: Vec<_> = self.sagas.iter().map(|k| category(k.info().name)).collect();
        names.extend(self.managers.iter().map(|m| category(m.name())));
        names.sort();
        names.dedup();
        names
    }

    #[cfg(feature = "runner")]
    pub(crate) fn stall(&self, what: &str, why: Option<String>) {
        let mut stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => stalled.insert(what.to_owned(), why),
            None => stalled.remove(what),
        };
    }

    /// What is stalled now.
    pub(super) fn stalled(&self) -> BTreeMap<String, String> {
        let stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        stalled.clone()
    }
}

/// The request to stop the workers.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Option<watch::Receiver<bool>>);

impl Stop {
    /// A request that never comes.
    pub(crate) const fn never() -> Self {
        Self(None)
    }

    #[cfg(feature = "runner")]
    pub(crate) const fn when(requested: watch::Receiver<bool>) -> Self {
        Self(Some(requested))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.as_ref().is_some_and(|requested| *requested.borrow())
    }

    /// Waits for the request.
    #[cfg(feature = "runner")]
    pub(crate) async fn requested(&self) {
        match self.0.clone() {
            // The sender is gone, so the workers end too.
            Some(mut requested) => {
                let _ = requested.wait_for(|stop| *stop).await;
            }
            None => std::future::pending().await,
        }
    }
}
