//! A projection or a subscription without its type. The engine is compiled once for each database and
//! not once for each of them.

use super::{
    batch::{Batch, Page, PageEnd, ParkRule},
    core::Core,
    delivery::{AdvancePosition, CheckDelivery, Checked, Progress, deliver_page},
    lease::{Lease, Lost},
};
use crate::api::{
    Declared, Deliver, Delivery, Dialect, Dispatch, HandlerError, Key, OnUnknownVersion,
    Projection, ReadDatabase, Subscription, TransactionError,
};
use es_runtime::{EventFilter, EventStore, RecordedEvent};
use std::{borrow::Cow, collections::HashSet, future::Future, pin::Pin, sync::Arc, time::Duration};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a projection or a subscription declares.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) partitions: u32,
    pub(crate) filter: EventFilter,
    pub(crate) key: for<'e> fn(&'e RecordedEvent) -> Key<'e>,
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

/// What the loop of a partition calls for each page.
pub(crate) enum Consumer<Db> {
    Projection {
        projection: AnyProjection<Db>,
        /// The names that its schema declares.
        declared: Declared,
    },
    Subscription(AnySubscription),
}

impl<Db> Clone for Consumer<Db> {
    fn clone(&self) -> Self {
        match self {
            Self::Projection {
                projection,
                declared,
            } => Self::Projection {
                projection: projection.clone(),
                declared: Arc::clone(declared),
            },
            Self::Subscription(subscription) => Self::Subscription(subscription.clone()),
        }
    }
}

/// How long events are delivered before the checkpoint moves. After a crash they are delivered again.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

impl<Db> Consumer<Db> {
    pub(crate) fn definition(&self) -> &Definition {
        match self {
            Self::Projection { projection, .. } => &projection.definition,
            Self::Subscription(subscription) => &subscription.definition,
        }
    }
}

impl<Db: ReadDatabase> Consumer<Db> {
    /// Handles a page: that of a projection in one transaction, that of a subscription event by event,
    /// with one checkpoint for those that were delivered within [`CHECKPOINT_EVERY`].
    pub(crate) async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        lease: &mut Lease,
        page: Page,
        rule: ParkRule,
        attempt: u32,
    ) -> Result<PageEnd, TransactionError> {
        match self {
            // The transaction locks the checkpoint's row, so nobody can take the partition before it
            // ends.
            Self::Projection {
                projection,
                declared,
            } => {
                let batch = Batch {
                    projection: projection.clone(),
                    declared: Arc::clone(declared),
                    page,
                    rule,
                };
                core.db.transact(batch).await
            }
            Self::Subscription(subscription) => {
                deliver(subscription, core, lease, page, rule, attempt).await
            }
        }
    }
}

async fn deliver<S: EventStore, Db: ReadDatabase>(
    subscription: &AnySubscription,
    core: &Core<S, Db>,
    lease: &mut Lease,
    page: Page,
    rule: ParkRule,
    attempt: u32,
) -> Result<PageEnd, TransactionError> {
    let (mut blocked, progress) = (HashSet::new(), Progress::default());
    let all = page.events().len();
    let mut end = Ok(());
    let key = subscription.definition.key;
    if all > 0 {
        let check = CheckDelivery {
            page: page.clone(),
            rule: rule.clone(),
            key,
        };
        blocked = match core.db.transact(check).await? {
            Checked::Blocked(blocked) => blocked,
            Checked::Fenced => return Ok(PageEnd::Fenced),
        };
        let delivery = deliver_page(
            subscription,
            &page,
            &blocked,
            attempt,
            &progress,
            CHECKPOINT_EVERY.min(core.settings.lease / 4),
            || core.is_shutdown(),
        );
        let delivery = core.within_grace(delivery);
        match core.while_leased(&page.partition, lease, delivery).await {
            Ok(Some(ended)) => end = ended.map_err(Some),
            Ok(None) => end = Err(None),
            Err(Lost) => return Ok(PageEnd::Fenced),
        }
    }
    let count = progress.done();
    match end {
        Err(None) if count == 0 => return Ok(PageEnd::Interrupted),
        Err(Some(error)) if count == 0 => return Ok(PageEnd::Failed { index: 0, error }),
        _ => {}
    }
    let advance = AdvancePosition {
        page: if count == all {
            page
        } else {
            page.first(count)
        },
        rule,
        blocked,
        key,
    };
    let mut ended = core.db.transact(advance).await?;
    if let PageEnd::Committed { error, .. } = &mut ended {
        *error = end.err().flatten();
    }
    Ok(ended)
}
