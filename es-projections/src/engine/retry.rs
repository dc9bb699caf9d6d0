//! Trying a parked event again.

use super::{batch::handle_one, core::Core, delivery::deliver_one};
use crate::{
    api::{
        BrokenConstraint, Declared, Deliver, Delivery, Dispatch, HandlerError, Job, ReadDatabase,
        RolledBack, SqlTransaction,
    },
    state::parked::{ParkedRow, UnparkDelivered, unpark},
};
use es_runtime::{EventStore, RecordedEvent, StorageError};
use std::{marker::PhantomData, sync::Arc};

/// What became of a parked event that was tried again.
#[derive(Debug)]
pub(crate) enum RetryEnd {
    Handled,
    Failed(HandlerError),
    /// Another operator handled or discarded it.
    Gone,
    Storage(StorageError),
}

/// A parked event to try again.
#[derive(Clone, Debug)]
pub(crate) struct RetryOne {
    pub(crate) which: ParkedRow,
    pub(crate) event: RecordedEvent,
}

struct ProjectOnce<P, Db> {
    projection: Arc<P>,
    declared: Declared,
    todo: RetryOne,
    database: PhantomData<fn(Db)>,
}

impl<P: Dispatch<Db>, Db: ReadDatabase> Job<Db> for ProjectOnce<P, Db> {
    type Output = RetryEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<RetryEnd, RolledBack<RetryEnd>> {
        let RetryOne { which, event } = self.todo;
        if !unpark::<Db>(tx, &which).await? {
            return Err(RolledBack::With(RetryEnd::Gone));
        }
        tx.set_names(which.partition.names(&self.declared));
        match handle_one::<P, Db>(&self.projection, &event, tx).await? {
            Ok(()) => Ok(RetryEnd::Handled),
            Err(error) => Err(RolledBack::With(RetryEnd::Failed(error))),
        }
    }
}

pub(crate) async fn retry_projection<S: EventStore, Db: ReadDatabase, P: Dispatch<Db>>(
    core: Arc<Core<S, Db>>,
    projection: Arc<P>,
    declared: Declared,
    todo: RetryOne,
) -> RetryEnd {
    let job = ProjectOnce {
        projection,
        declared,
        todo,
        database: PhantomData,
    };
    match core.db.transact(job).await {
        Ok(end) => end,
        Err(error) if BrokenConstraint::is_cause_of(&error.error) => {
            RetryEnd::Failed(HandlerError::from(error.error))
        }
        Err(error) => RetryEnd::Storage(error.error),
    }
}

pub(crate) async fn retry_delivery<S: EventStore, Db: ReadDatabase, D: Deliver>(
    core: Arc<Core<S, Db>>,
    subscription: Arc<D>,
    todo: RetryOne,
) -> RetryEnd {
    let delivery = Delivery::new(D::NAME, todo.event.event_id, 1);
    if let Err(error) = deliver_one(&*subscription, &todo.event, &delivery).await {
        return RetryEnd::Failed(error);
    }
    match core.db.transact(UnparkDelivered(todo.which)).await {
        Ok(true) => RetryEnd::Handled,
        Ok(false) => RetryEnd::Gone,
        Err(error) => RetryEnd::Storage(error.error),
    }
}
