//! Trying a parked event again.

use super::{consumer::Consumer, core::Core, delivery::deliver_one, erased::AnyProjection};
use crate::{
    api::{
        BrokenConstraint, Declared, Delivery, HandlerError, Job, Names, ReadDatabase, RolledBack,
        SqlTransaction,
    },
    state::parked::{ParkedRow, UnparkDelivered, unpark},
};
use es_runtime::{EventStore, RecordedEvent, StorageError};
use std::sync::Arc;

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

struct ProjectOnce<Db> {
    projection: AnyProjection<Db>,
    declared: Declared,
    todo: RetryOne,
}

impl<Db: ReadDatabase> Job<Db> for ProjectOnce<Db> {
    type Output = RetryEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<RetryEnd, RolledBack<RetryEnd>> {
        let RetryOne { which, event } = self.todo;
        if !unpark::<Db>(tx, &which).await? {
            return Err(RolledBack::With(RetryEnd::Gone));
        }
        tx.set_names(Names::declared_in(which.build, self.declared));
        match self.projection.handle_one(&event, tx, true).await? {
            Ok(()) => Ok(RetryEnd::Handled),
            Err(error) => Err(RolledBack::With(RetryEnd::Failed(error))),
        }
    }
}

/// Hands a parked event to its projection or subscription once more.
pub(crate) async fn retry<S: EventStore, Db: ReadDatabase>(
    core: &Core<S, Db>,
    consumer: &Consumer<Db>,
    todo: RetryOne,
) -> RetryEnd {
    match consumer {
        Consumer::Projection {
            projection,
            declared,
        } => {
            let job = ProjectOnce {
                projection: projection.clone(),
                declared: Arc::clone(declared),
                todo,
            };
            match core.db.transact(job).await {
                Ok(end) => end,
                Err(error) if BrokenConstraint::is_cause_of(&error.error) => {
                    RetryEnd::Failed(HandlerError::from(error.error))
                }
                Err(error) => RetryEnd::Storage(error.error),
            }
        }
        Consumer::Subscription(subscription) => {
            let name = subscription.definition.name;
            let delivery = Delivery::new(name, todo.event.event_id, 1);
            if let Err(error) = deliver_one(subscription, &todo.event, &delivery).await {
                return RetryEnd::Failed(error);
            }
            match core.db.transact(UnparkDelivered(todo.which)).await {
                Ok(true) => RetryEnd::Handled,
                Ok(false) => RetryEnd::Gone,
                Err(error) => RetryEnd::Storage(error.error),
            }
        }
    }
}
