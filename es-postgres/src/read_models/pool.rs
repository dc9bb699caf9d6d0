//! Connections that one transaction at a time has for itself. A connection comes back only when its
//! transaction is known to be over; where that is in doubt it is dropped, and the server ends it.

use crate::{
    connection::{Connector, Session},
    errors::closed,
};
use es_runtime::{
    __private::{first_of, sleep},
    StorageError, StorageErrorKind,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) struct Pool {
    connector: Connector,
    room: Arc<Semaphore>,
    /// One fewer: queries leave a connection to the transactions, which keep the rows up to date.
    room_of_queries: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    wait_at_most: Duration,
}

/// A session of the pool in the hands of one transaction.
pub(crate) struct Pooled {
    pub(crate) session: Session,
    pub(super) place: Places,
}

/// The places of a connection in the pool, given back when they are dropped.
pub(super) type Places = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

impl Pool {
    pub(crate) fn new(connector: Connector, size: usize, wait_at_most: Duration) -> Self {
        Self {
            connector,
            room: Arc::new(Semaphore::new(size.max(1))),
            room_of_queries: Arc::new(Semaphore::new(size.saturating_sub(1).max(1))),
            idle: Mutex::default(),
            wait_at_most,
        }
    }

    /// For a transaction that writes.
    pub(crate) async fn get(&self) -> Result<Pooled, StorageError> {
        let place = self.place(&self.room).await?;
        self.session((place, None)).await
    }

    /// For queries.
    pub(crate) async fn get_for_queries(&self) -> Result<Pooled, StorageError> {
        let query = self.place(&self.room_of_queries).await?;
        let place = self.place(&self.room).await?;
        self.session((place, Some(query))).await
    }

    async fn place(&self, room: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StorageError> {
        let room = Arc::clone(room).acquire_owned();
        match first_of(std::pin::pin!(room), sleep(self.wait_at_most)).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(closed()),
            Err(()) => Err(StorageError::new(
                StorageErrorKind::Busy,
                format!(
                    "no connection of the read database came free within {:?}",
                    self.wait_at_most
                ),
            )),
        }
    }

    async fn session(&self, place: Places) -> Result<Pooled, StorageError> {
        let idle = loop {
            match self.idle().pop() {
                Some(session) if session.is_closed() => {}
                other => break other,
            }
        };
        let session = match idle {
            Some(session) => session,
            None => self.connector.patient_session().await?,
        };
        Ok(Pooled { session, place })
    }

    /// Takes a session back that is outside of any transaction.
    pub(crate) fn give_back(&self, pooled: Pooled) {
        let Pooled { session, place } = pooled;
        if !self.room.is_closed() {
            self.idle().push(session);
        }
        drop(place);
    }

    pub(crate) fn close(&self) {
        self.room.close();
        self.room_of_queries.close();
        self.idle().clear();
    }

    /// Nothing that can panic runs under the lock.
    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
