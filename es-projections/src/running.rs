//! Projections and subscriptions as tasks of tokio.

use crate::boxed::boxed;
#[cfg(feature = "metrics")]
use crate::observe::keep_observing;
use crate::{
    api::{AnyReadDatabase, ProjectionError, ReadDatabase},
    engine::{core::Core, keeper::keep},
    runner::Projections,
};
use es_runtime::EventStore;
use std::{fmt, sync::Arc};
use tokio::task::JoinSet;

impl<S: EventStore, Db: ReadDatabase> Projections<S, Db> {
    /// Starts the loops as tasks of the current tokio runtime. Keep the result and call
    /// [`shutdown`](Running::shutdown) at the end.
    ///
    /// A projection that cannot go on stops without stopping the others.
    /// [`status`](Projections::status) shows why, a [`meter`](Projections::meter) gets
    /// [`Measure::Stopped`](crate::Measure::Stopped), and who [waits](crate::WaitFor) for it gets
    /// [`WaitError::Stopped`](crate::WaitError::Stopped). Whether it fits its tables is found out by its loop and not here: that
    /// takes the read database, which may be away when a program starts.
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
            // What an earlier start met may be over.
            core.state_of_whole(registered, None);
            keepers.spawn(boxed(keep(Arc::clone(&core), Arc::clone(registered))));
        }
        #[cfg(feature = "metrics")]
        keepers.spawn(boxed(keep_observing(self.clone(), Arc::clone(&core))));
        Ok(Running {
            projections: self.clone(),
            core,
            keepers,
        })
    }
}

/// The running loops of a runner, returned by [`Projections::start`]. Dropping it without
/// [`shutdown`](Running::shutdown) aborts the loops. That loses nothing either, but their leases
/// then last until they expire.
#[must_use = "dropping it ends the loops"]
pub struct Running<S = es_runtime::AnyStore, Db = AnyReadDatabase> {
    pub(crate) projections: Projections<S, Db>,
    pub(crate) core: Arc<Core<S, Db>>,
    pub(crate) keepers: JoinSet<()>,
}

impl<S: EventStore, Db: ReadDatabase> Running<S, Db> {
    /// Lets every loop finish its current page or reaction, releases the leases and waits until all
    /// loops have ended. The same runner may be started again.
    ///
    /// A reaction gets at most as much time as a lease lasts, 5 s by default. Then it is dropped,
    /// and the next runner of the subscription delivers its event again.
    ///
    /// # Cancel safety
    /// If it is dropped, the loops are aborted.
    pub async fn shutdown(mut self) {
        self.core.shutdown.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }

    /// The runner whose loops these are.
    pub fn projections(&self) -> &Projections<S, Db> {
        &self.projections
    }
}

impl<S, Db> fmt::Debug for Running<S, Db> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.projections).finish()
    }
}
