//! One page of events in one transaction: the handlers, the parked keys and the checkpoint.

use super::{erased::AnyProjection, handler::run_handler};
use crate::{
    api::{
        Declared, HandlerError, Job, Key, Partition, ReadDatabase, RolledBack, SqlTransaction,
        handling,
    },
    state::{
        checkpoints::{self, Advance},
        parked,
    },
};
use es_runtime::{Position, RecordedEvent, StorageError};
use std::{
    collections::HashSet,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Events that belong to one partition, and how far the checkpoint moves with them.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) partition: Partition,
    pub(crate) epoch: i64,
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) events: Arc<[RecordedEvent]>,
    /// The part of `events` that this page is about.
    pub(crate) part: Range<usize>,
    pub(crate) lease_ms: i64,
    /// Whether the traces of its events go on. A rebuild handles events whose traces have ended long ago.
    pub(crate) traced: bool,
}

impl Page {
    /// The events of this page.
    pub(crate) fn events(&self) -> &[RecordedEvent] {
        self.events.get(self.part.clone()).unwrap_or_default()
    }

    /// A page of the first `count` events of this one.
    pub(crate) fn first(&self, count: usize) -> Self {
        let until = self.part.start.saturating_add(count).min(self.part.end);
        let last = until.checked_sub(1).and_then(|last| self.events.get(last));
        let mut first = self.clone();
        if until < self.part.end {
            first.to = last.map_or(self.from, |last| last.position);
            first.part.end = until;
        }
        first
    }
}

/// What became of a page.
#[derive(Debug)]
pub(crate) enum PageEnd {
    /// The effects of the first `count` events and the checkpoint are committed. `parked` events of `keys`
    /// keys were parked. A page of a subscription may end early: before an event that failed, or because
    /// the checkpoint was due.
    Committed {
        count: usize,
        parked: u64,
        keys: u64,
        error: Option<HandlerError>,
    },
    /// Nothing was committed: the event with this index failed.
    Failed { index: usize, error: HandlerError },
    /// Nothing was committed: another owner has the partition, or its checkpoint moved, or it is
    /// gone.
    Fenced,
    /// Nothing was committed: a shutdown came first.
    Interrupted,
}

/// Which events of a page are parked instead of handled.
#[derive(Clone, Debug)]
pub(crate) enum ParkRule {
    /// Those whose keys have parked events.
    BlockedKeys,
    /// The first one is parked for this reason.
    First { reason: String, attempts: u32 },
}

/// A page of a projection.
pub(crate) struct Batch<Db> {
    pub(crate) projection: AnyProjection<Db>,
    pub(crate) declared: Declared,
    pub(crate) page: Page,
    pub(crate) rule: ParkRule,
}

impl<Db: ReadDatabase> Job<Db> for Batch<Db> {
    type Output = PageEnd;

    async fn run(self, tx: &mut Db::Transaction) -> Result<PageEnd, RolledBack<PageEnd>> {
        let Self {
            projection,
            declared,
            page,
            rule,
        } = self;
        let mut state = CheckpointGuard::lock::<Db>(tx, &page).await?;
        tx.set_names(page.partition.names(&declared));
        for (index, event) in page.events().iter().enumerate() {
            let found = key_of(projection.definition.key, event);
            let key = found
                .as_deref()
                .map_or_else(|_| stream_key(event), Key::Borrowed);
            if state
                .park_if_blocked::<Db>(tx, &page, &rule, index, event, &key)
                .await?
            {
                continue;
            }
            if let Err(error) = found {
                return Err(RolledBack::With(PageEnd::Failed { index, error }));
            }
            if let Err(error) = projection.handle_one(event, tx, page.traced).await? {
                return Err(RolledBack::With(PageEnd::Failed { index, error }));
            }
        }
        state.close::<Db>(tx, &page).await
    }
}

/// The key of an event, or why its key function gave none.
pub(crate) fn key_of<'e>(
    key: impl FnOnce(&'e RecordedEvent) -> Key<'e>,
    event: &'e RecordedEvent,
) -> Result<Key<'e>, HandlerError> {
    catch_unwind(AssertUnwindSafe(|| key(event)))
        .map_err(|_| HandlerError::new("the function of its key panicked"))
}

/// The key of an event, or its stream if its key function gives none. Then the event is parked, with
/// the later events of its stream.
pub(crate) fn key_or_stream<'e>(
    key: impl FnOnce(&'e RecordedEvent) -> Key<'e>,
    event: &'e RecordedEvent,
) -> Key<'e> {
    key_of(key, event).unwrap_or_else(|_| stream_key(event))
}

pub(crate) fn stream_key(event: &RecordedEvent) -> Key<'_> {
    Key::Owned(event.stream.to_string())
}

/// The checkpoint of a page's partition, locked until the transaction ends.
pub(crate) struct CheckpointGuard {
    parked_before: bool,
    parked: u64,
    keys: HashSet<String>,
}

impl CheckpointGuard {
    /// Locks the checkpoint and compares its epoch and position with the page's.
    pub(crate) async fn lock<Db: ReadDatabase>(
        tx: &mut Db::Transaction,
        page: &Page,
    ) -> Result<Self, RolledBack<PageEnd>> {
        match checkpoints::lock_checkpoint::<Db>(tx, &page.partition).await? {
            Some(now) if now.epoch == page.epoch && now.position == page.from => Ok(Self {
                parked_before: now.parked > 0,
                parked: 0,
                keys: HashSet::new(),
            }),
            _ => Err(RolledBack::With(PageEnd::Fenced)),
        }
    }

    /// Parks the event if the rule says so, or if an earlier event of its key is parked. Returns
    /// whether it did.
    pub(crate) async fn park_if_blocked<Db: ReadDatabase>(
        &mut self,
        tx: &mut Db::Transaction,
        page: &Page,
        rule: &ParkRule,
        index: usize,
        event: &RecordedEvent,
        key: &str,
    ) -> Result<bool, StorageError> {
        let (reason, attempts) = match rule {
            ParkRule::First { reason, attempts } if index == 0 => (reason.as_str(), *attempts),
            _ if self.is_blocked::<Db>(tx, page, key).await? => {
                ("an earlier event of its key is parked", 0)
            }
            _ => return Ok(false),
        };
        parked::park::<Db>(tx, &page.partition, key, event, reason, attempts).await?;
        self.keys.insert(key.to_owned());
        self.parked = self.parked.saturating_add(1);
        Ok(true)
    }

    /// Whether an event of this key is parked.
    async fn is_blocked<Db: ReadDatabase>(
        &self,
        tx: &mut Db::Transaction,
        page: &Page,
        key: &str,
    ) -> Result<bool, StorageError> {
        Ok(self.keys.contains(key)
            || (self.parked_before && parked::is_parked(tx, &page.partition, key).await?))
    }

    /// Which events of the page [`park_if_blocked`](CheckpointGuard::park_if_blocked) will park, by index.
    /// Parks nothing.
    pub(crate) async fn blocked<'e, Db: ReadDatabase>(
        &mut self,
        tx: &mut Db::Transaction,
        page: &'e Page,
        rule: &ParkRule,
        key: impl Fn(&'e RecordedEvent) -> Key<'e> + Send,
    ) -> Result<HashSet<usize>, StorageError> {
        let parks_first = matches!(rule, ParkRule::First { .. });
        let mut blocked = HashSet::new();
        if !parks_first && !self.parked_before {
            return Ok(blocked);
        }
        for (index, event) in page.events().iter().enumerate() {
            let key = key_or_stream(&key, event);
            if (parks_first && index == 0) || self.is_blocked::<Db>(tx, page, &key).await? {
                blocked.insert(index);
                self.keys.insert(key.into_owned());
            }
        }
        Ok(blocked)
    }

    /// Moves the checkpoint.
    pub(crate) async fn close<Db: ReadDatabase>(
        self,
        tx: &mut Db::Transaction,
        page: &Page,
    ) -> Result<PageEnd, RolledBack<PageEnd>> {
        let handled = u64::try_from(page.events().len()).unwrap_or(u64::MAX);
        let moved = checkpoints::advance::<Db>(
            tx,
            &Advance {
                partition: &page.partition,
                epoch: page.epoch,
                from: page.from,
                to: page.to,
                last: page.events().last(),
                handled,
                parked: self.parked,
                lease_ms: page.lease_ms,
            },
        )
        .await?;
        if moved {
            Ok(PageEnd::Committed {
                count: page.events().len(),
                parked: self.parked,
                keys: u64::try_from(self.keys.len()).unwrap_or(u64::MAX),
                error: None,
            })
        } else {
            Err(RolledBack::With(PageEnd::Fenced))
        }
    }
}

impl<Db: ReadDatabase> AnyProjection<Db> {
    /// Hands one event to its handler and checks that the transaction is still open. The outer error is
    /// that of the database.
    pub(crate) async fn handle_one(
        &self,
        event: &RecordedEvent,
        tx: &mut Db::Transaction,
        traced: bool,
    ) -> Result<Result<(), HandlerError>, StorageError> {
        let limit = tx.handler_limit();
        let handler = run_handler(limit, self.handlers.handle(event, tx));
        match handling(self.definition.name, event, traced, handler).await {
            Ok(()) if tx.is_open().await => Ok(Ok(())),
            Ok(()) => Ok(Err(HandlerError::new(
                "the handler ended the transaction that it was given, or continued after one of its \
                 statements had failed",
            ))),
            Err(error) if self.definition.skips(&error) => Ok(Ok(())),
            Err(error) => match tx.database_error(&error) {
                Some(error) => Err(error),
                None => Ok(Err(error)),
            },
        }
    }
}
