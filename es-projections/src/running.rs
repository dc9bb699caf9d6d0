//! Projections and subscriptions as tasks of tokio.

use crate::{
    api::{AnyReadDatabase, ProjectionError, ReadDatabase},
    engine::{core::Core, keeper::keep},
    runner::Projections,
};
use es_runtime::EventStore;
use std::{fmt, sync::Arc};
use tokio::task::JoinSet;

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Starts the loops as tasks of the current tokio runtime.
    ///
    /// A projection that cannot go on stops alone; [`status`](Projections::status) says why.
    ///
    /// # Errors
    /// [`ProjectionError::NamedTwice`]. Nothing runs then.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    pub fn start(&self) -> Result<Running<S, Db>, ProjectionError> {
        self.checked()?;
        let core = Arc::new(self.core.for_one_start());
        let mut keepers = JoinSet::new();
        for registered in &self.registered {
            keepers.spawn(keep(Arc::clone(&core), Arc::clone(registered)));
        }
        Ok(Running {
            projections: self.clone(),
            core,
            keepers,
        })
    }
}

/// Loops that run. Dropping it without [`shutdown`](Running::shutdown) ends them where they are,
/// which loses nothing either.
#[must_use = "dropping it ends the loops"]
pub struct Running<S = es_runtime::AnyStore, Db = AnyReadDatabase> {
    pub(crate) projections: Projections<S, Db>,
    pub(crate) core: Arc<Core<S, Db>>,
    pub(crate) keepers: JoinSet<()>,
}

impl<S: EventStore, Db: ReadDatabase> Running<S, Db> {
    /// Lets every loop finish its page, or the reaction that it is at, gives the leases back and waits
    /// until nothing runs. The same runner may be started again.
    ///
    /// A reaction that does not end gets as long as a lease lasts, 5 s by default; then it is dropped,
    /// and its event is delivered again by whoever runs the subscription next.
    ///
    /// # Cancel safety
    /// The loops end all the same, where they are.
    pub async fn shutdown(mut self) {
        self.core.shutdown.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }

    /// The runner, for its status and the rest.
    pub fn projections(&self) -> &Projections<S, Db> {
        &self.projections
    }
}

impl<S, Db> fmt::Debug for Running<S, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.projections).finish()
    }
}
