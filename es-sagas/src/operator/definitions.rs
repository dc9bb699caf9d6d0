//! The definitions of the sagas that are registered, for tools that draw them.

use crate::{definition::Info, engine::Sagas, outline::SagaOutline};

/// A definition of a saga that is registered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DefinitionView {
    /// What the saga is declared to do.
    pub outline: SagaOutline,
    /// The hash of everything that an instance relies on until its end.
    pub hash: String,
}

impl DefinitionView {
    /// The version and the hash, as [`WorkItem::definition`](es_runtime::WorkItem::definition) has them.
    pub fn id(&self) -> String {
        Info::definition_of(self.outline.version, &self.hash)
    }
}

impl Sagas {
    /// The definitions of the sagas that are registered, frozen ones included, in the order in which they were registered.
    /// Process managers have none.
    ///
    /// ```
    /// use es_runtime::MemoryStore;
    /// use es_sagas::{Cx, Definition, Fail, Saga, Sagas};
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Ship {}
    ///
    /// impl Saga for Ship {
    ///     const NAME: &'static str = "ship";
    ///     type Deps = ();
    ///
    ///     fn definition() -> Definition<Self> {
    ///         let mut saga = Definition::new();
    ///         saga.step("pack", |_: Cx<Self>| async { Ok::<_, Fail>(()) }).no_undo();
    ///         saga
    ///     }
    /// }
    ///
    /// let sagas = Sagas::new(MemoryStore::new()).with::<Ship>(());
    /// let [ship] = &sagas.definitions()[..] else { panic!("there is one") };
    /// assert_eq!((ship.outline.name, ship.outline.steps[0].name), ("ship", "pack"));
    /// ```
    pub fn definitions(&self) -> Vec<DefinitionView> {
        let all = self.core.sagas.iter().map(|saga| DefinitionView {
            outline: saga.outline(),
            hash: saga.info().hash.clone(),
        });
        all.collect()
    }
}
