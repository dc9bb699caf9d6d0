//! Projections and subscriptions without their types. The engine is compiled once for each database and not
//! once for each of them.

use crate::api::{
    Deliver, Delivery, Dialect, Dispatch, HandlerError, Key, OnUnknownVersion, Projection,
    ReadDatabase, Subscription,
};
use crate::boxed::BoxFuture;
use es_runtime::{EventFilter, RecordedEvent};
use std::{borrow::Cow, sync::Arc};

/// The function that gives the key of an event.
pub(crate) type KeyOf = for<'e> fn(&'e RecordedEvent) -> Key<'e>;

/// What a projection or a subscription declares.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) partitions: u32,
    pub(crate) filter: EventFilter,
    pub(crate) key: KeyOf,
    on_unknown_version: OnUnknownVersion,
}

impl Definition {
    fn of_projection<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            partitions: P::PARTITIONS.max(1),
            filter: P::filter(),
            key: P::key,
            on_unknown_version: P::ON_UNKNOWN_VERSION,
        }
    }

    fn of_subscription<D: Subscription>() -> Self {
        Self {
            name: D::NAME,
            version: D::VERSION,
            partitions: D::PARTITIONS.max(1),
            filter: D::filter(),
            key: D::key,
            on_unknown_version: D::ON_UNKNOWN_VERSION,
        }
    }

    /// Whether it skips events of unknown versions and this is the error of one.
    pub(crate) fn skips(&self, error: &HandlerError) -> bool {
        self.on_unknown_version == OnUnknownVersion::Skip && error.is_newer()
    }
}

/// The handlers of a projection. Implemented for every projection.
pub(crate) trait Handlers<Db: ReadDatabase>: Send + Sync {
    fn tables(&self, dialect: Dialect) -> Cow<'static, str>;

    fn handle<'a>(
        &'a self,
        event: &'a RecordedEvent,
        tx: &'a mut Db::Transaction,
    ) -> BoxFuture<'a, Result<(), HandlerError>>;
}

impl<P: Dispatch<Db>, Db: ReadDatabase> Handlers<Db> for P {
    fn tables(&self, dialect: Dialect) -> Cow<'static, str> {
        P::schema(dialect)
    }

    fn handle<'a>(
        &'a self,
        event: &'a RecordedEvent,
        tx: &'a mut Db::Transaction,
    ) -> BoxFuture<'a, Result<(), HandlerError>> {
        Box::pin(self.dispatch(event, tx))
    }
}

/// The reactions of a subscription. Implemented for every subscription.
pub(crate) trait Reactions: Send + Sync {
    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), HandlerError>>;
}

impl<D: Deliver> Reactions for D {
    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), HandlerError>> {
        Box::pin(self.deliver(event, delivery))
    }
}

/// Any projection.
pub(crate) struct AnyProjection<Db> {
    pub(crate) definition: Arc<Definition>,
    pub(crate) handlers: Arc<dyn Handlers<Db>>,
}

impl<Db> Clone for AnyProjection<Db> {
    fn clone(&self) -> Self {
        Self {
            definition: Arc::clone(&self.definition),
            handlers: Arc::clone(&self.handlers),
        }
    }
}

impl<Db: ReadDatabase> AnyProjection<Db> {
    pub(crate) fn new<P: Dispatch<Db>>(projection: P) -> Self {
        Self {
            definition: Arc::new(Definition::of_projection::<P>()),
            handlers: Arc::new(projection),
        }
    }
}

/// Any subscription.
#[derive(Clone)]
pub(crate) struct AnySubscription {
    pub(crate) definition: Arc<Definition>,
    pub(crate) reactions: Arc<dyn Reactions>,
}

impl AnySubscription {
    pub(crate) fn new<D: Deliver>(subscription: D) -> Self {
        Self {
            definition: Arc::new(Definition::of_subscription::<D>()),
            reactions: Arc::new(subscription),
        }
    }
}
