//! A repository for each type of aggregate. Making one finds the shape of its snapshots, which takes longer than a
//! load.

use es_runtime::{Aggregate, AnyStore, Repository};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Clone)]
pub struct Repositories {
    store: AnyStore,
    known: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
}

impl Repositories {
    pub(crate) fn new(store: AnyStore) -> Self {
        Self {
            store,
            known: Arc::default(),
        }
    }

    pub(crate) const fn store(&self) -> &AnyStore {
        &self.store
    }

    pub(crate) fn of<A: Aggregate>(&self) -> Repository<A> {
        // Nothing that can panic runs under the lock but the code that finds the shape.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = known
            .entry(TypeId::of::<A>())
            .or_insert_with(|| Box::new(Repository::<A>::new(self.store.clone())));
        let repository = repository.downcast_ref().cloned();
        repository.unwrap_or_else(|| Repository::new(self.store.clone()))
    }
}

impl fmt::Debug for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}
