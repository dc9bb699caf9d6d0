//! The one loop of a partition: reads pages of the feed, has them handled, and waits at the end for more.
//! Catching up and following are the same loop.

use super::{
    Deliver, Delivery, Dispatch, HandlerError, Key, Measure, Partition, Poison, ProjectionError,
    ReadDatabase, Stalled, TransactionError,
    batch::{Batch, Page, PageEnd, Parking},
    builds::Swapped,
    delivery::{Delivered, Gate, Gated, deliver_first},
    lease::{Acquire, Acquired, Held, Lost, Renew},
    runner::{Core, Done, Paused},
    tables::{self, Checkpoint, Why},
};
use es_runtime::{EventFilter, EventStore, Position, ReadLimit, RecordedEvent, StreamRange};
use std::{future::Future, marker::PhantomData, sync::Arc, time::Instant};

/// What a partition's loop calls for each page: a projection or a subscription.
pub(super) trait Consumer<Db: ReadDatabase>: Send + Sync + 'static {
    const PARTITIONS: u32;
    /// How many events go into one call at most.
    const AT_ONCE: usize;

    fn filter(&self) -> EventFilter;
    fn key(event: &RecordedEvent) -> Key<'_>;
    fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        held: &mut Held,
        page: Page,
        parking: Parking,
        attempt: u32,
    ) -> impl Future<Output = Result<PageEnd, TransactionError>> + Send;
}

/// A projection in its transactions.
pub(super) struct Projecting<P>(pub(super) Arc<P>);

impl<P: Dispatch<Db>, Db: ReadDatabase> Consumer<Db> for Projecting<P> {
    const PARTITIONS: u32 = P::PARTITIONS;
    const AT_ONCE: usize = usize::MAX;

    fn filter(&self) -> EventFilter {
        P::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        P::key(event)
    }

    async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        _: &mut Held,
        page: Page,
        parking: Parking,
        _: u32,
    ) -> Result<PageEnd, TransactionError> {
        // The transaction has the checkpoint's row: nobody takes the partition before it ends.
        let batch = Batch {
            projection: Arc::clone(&self.0),
            page,
            parking,
            database: PhantomData,
        };
        core.db.transact(batch).await
    }
}

/// A subscription, one event at a time.
pub(super) struct Delivering<D>(pub(super) Arc<D>);

impl<D: Deliver, Db: ReadDatabase> Consumer<Db> for Delivering<D> {
    const PARTITIONS: u32 = D::PARTITIONS;
    const AT_ONCE: usize = 1;

    fn filter(&self) -> EventFilter {
        D::filter()
    }

    fn key(event: &RecordedEvent) -> Key<'_> {
        D::key(event)
    }

    async fn handle<S: EventStore>(
        &self,
        core: &Core<S, Db>,
        held: &mut Held,
        page: Page,
        parking: Parking,
        attempt: u32,
    ) -> Result<PageEnd, TransactionError> {
        if let Some(event) = page.events().first() {
            let gate = Gate {
                key: D::key(event).into_owned(),
                page: page.clone(),
                parking,
            };
            match core.db.transact(gate).await? {
                Gated::Closed(end) => return Ok(end),
                Gated::Open => {}
            }
            let delivery = Delivery::new(D::NAME, event.event_id, attempt);
            let reaction = core.finishing(deliver_first(&*self.0, event, &delivery));
            match core.keeping(&page.partition, held, reaction).await {
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => return Ok(PageEnd::Failed { index: 0, error }),
                Ok(None) => return Ok(PageEnd::Interrupted),
                Err(Lost) => return Ok(PageEnd::Fenced),
            }
        }
        core.db.transact(Delivered(page)).await
    }
}

/// How long a partition is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Shutdown,
    /// Every event up to this position was handled.
    Reached(Position),
}

impl Until {
    fn is_reached_at(self, position: Position) -> bool {
        matches!(self, Self::Reached(goal) if position >= goal)
    }
}

/// Why a loop ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Shutdown,
    Reached,
    /// Another owner has the partition.
    Fenced,
    /// The build was replaced.
    Gone,
}

/// One partition, run.
pub(super) struct Worker<S, Db, C> {
    pub(super) core: Arc<Core<S, Db>>,
    pub(super) consumer: Arc<C>,
    pub(super) partition: Partition,
    /// Whether its build waits for its turn to answer queries.
    pub(super) building: bool,
    pub(super) until: Until,
    /// Whether a living owner may be replaced.
    pub(super) take_over: bool,
    /// What a build that is built must have before its turn comes.
    pub(super) goal: Option<Position>,
    /// How often a database failed at the end of the store, one time after the other.
    pub(super) refused: u32,
    /// How often the one that answers was further when its turn could have come.
    pub(super) behind: u32,
    /// Whether the store said that there is more.
    pub(super) hint: Hint,
}

/// What the store said, and whether it was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hint {
    #[default]
    Nothing,
    /// That there is more.
    More,
    /// That there is more, and there was not: it is not asked again before the next poll.
    InVain,
}

/// Counts the attempts at one event.
#[derive(Default)]
struct Tries {
    position: Option<Position>,
    count: u32,
}

impl Tries {
    fn of(&self, position: Position) -> u32 {
        if self.position == Some(position) {
            self.count
        } else {
            0
        }
    }

    fn failed(&mut self, position: Position) -> u32 {
        self.count = self.of(position).saturating_add(1);
        self.position = Some(position);
        self.count
    }
}

impl<S: EventStore, Db: ReadDatabase, C: Consumer<Db>> Worker<S, Db, C> {
    /// Runs until told to end, or until it cannot go on.
    pub(super) async fn run(mut self) -> Result<End, ProjectionError> {
        let mut held = match self.acquire().await? {
            Ok(held) => held,
            Err(end) => return Ok(end),
        };
        let ended = self.follow(&mut held).await;
        let why = match &ended {
            Ok(_) => Why::Nothing,
            Err(error) => Why::Stopped(error.to_string()),
        };
        let release = Renew {
            partition: self.partition.clone(),
            epoch: held.epoch,
            lease_ms: 0,
            why,
        };
        // Where this fails, the lease runs out by itself.
        let _ = self.core.db.transact(release).await;
        self.core.stalled(&self.partition, None);
        ended
    }

    fn name(&self) -> &'static str {
        self.partition.name
    }

    fn storage(&self, error: impl Into<es_runtime::StorageError>) -> ProjectionError {
        ProjectionError::storage(self.name(), error)
    }

    /// Waits until the partition is free, takes it, and makes sure that the store is the one it knows.
    async fn acquire(&mut self) -> Result<Result<Held, End>, ProjectionError> {
        let mut failures = 0;
        loop {
            let job = Acquire {
                partition: self.partition.clone(),
                owner: self.core.owner.clone(),
                lease_ms: self.core.settings.lease_ms(),
                take_over: self.take_over,
            };
            let now = Instant::now();
            let stalled = match self.core.db.transact(job).await {
                Ok(Acquired::Mine(checkpoint)) => {
                    self.core.stalled(&self.partition, None);
                    match self.known(&checkpoint).await {
                        Ok(()) => {
                            return Ok(Ok(Held {
                                epoch: checkpoint.epoch,
                                position: checkpoint.position,
                                renewed: now,
                            }));
                        }
                        Err(Unfit::Other(error)) => {
                            let release = Renew {
                                partition: self.partition.clone(),
                                epoch: checkpoint.epoch,
                                lease_ms: 0,
                                why: Why::Stopped(error.to_string()),
                            };
                            let _ = self.core.db.transact(release).await;
                            return Err(error);
                        }
                        Err(Unfit::Unreadable(error)) => {
                            self.take_over = true;
                            Stalled::Database(error)
                        }
                    }
                }
                Ok(Acquired::Gone) => return Ok(Err(End::Gone)),
                Ok(Acquired::Inline) => {
                    return Err(ProjectionError::RunsInline {
                        projection: self.name(),
                    });
                }
                Ok(Acquired::Busy { owner, position }) => {
                    if self.until.is_reached_at(position) {
                        return Ok(Err(End::Reached));
                    }
                    Stalled::StandBy { owner }
                }
                Err(error) => Stalled::Database(error.to_string()),
            };
            self.core.stalled(&self.partition, Some(stalled.clone()));
            failures += 1;
            let pause = match stalled {
                Stalled::StandBy { .. } => self.core.settings.stand_by(),
                _ => self.core.settings.backoff(failures),
            };
            if self.core.pause(pause).await.is_shutdown() {
                return Ok(Err(End::Shutdown));
            }
        }
    }

    /// Whether the store holds what the checkpoint says was handled.
    async fn known(&self, checkpoint: &Checkpoint) -> Result<(), Unfit> {
        let unreadable = |error: es_runtime::ReadError| Unfit::Unreadable(error.to_string());
        let head = self.core.store.head().await.map_err(unreadable)?;
        if head < checkpoint.position {
            return Err(Unfit::Other(ProjectionError::StoreBehind {
                projection: self.name(),
                checkpoint: checkpoint.position,
                head,
            }));
        }
        let Some(last) = &checkpoint.last else {
            return Ok(());
        };
        let before = last.version.saturating_sub(1);
        let limit = ReadLimit::events(1);
        let found = self
            .core
            .store
            .read_stream(&last.stream, StreamRange::forward(before), limit)
            .await
            .map_err(unreadable)?;
        if found.first().is_some_and(|e| e.event_id == last.event_id) {
            return Ok(());
        }
        Err(Unfit::Other(ProjectionError::OtherHistory {
            projection: self.name(),
            stream: Box::new(last.stream.clone()),
            version: last.version,
            expected: last.event_id,
        }))
    }

    /// The loop.
    async fn follow(&mut self, held: &mut Held) -> Result<End, ProjectionError> {
        let filter = self.consumer.filter();
        let limit = self.core.settings.page;
        let mut failures = 0;
        loop {
            if self.core.is_shutdown() {
                return Ok(End::Shutdown);
            }
            let read = self.core.store.read_feed(held.position, &filter, limit);
            let page = match self.core.keeping(&self.partition, held, read).await {
                Err(Lost) => return self.fenced().await,
                Ok(Ok(page)) => page,
                Ok(Err(error)) => {
                    failures += 1;
                    let stalled = Stalled::Database(error.to_string());
                    if self.rest(stalled, failures).await {
                        return Ok(End::Shutdown);
                    }
                    continue;
                }
            };
            failures = 0;
            let is_in_vain = self.hint == Hint::More && page.next <= held.position;
            self.hint = if is_in_vain {
                Hint::InVain
            } else {
                Hint::Nothing
            };
            let at_end = page.at_end;
            if page.next > held.position {
                // Only measurements need it.
                let end = if at_end {
                    Some(page.next)
                } else {
                    self.core.store.head().await.ok()
                };
                let events = self.mine(page.events);
                if let Some(end) = self.page(held, events, page.next, end).await? {
                    return Ok(end);
                }
            }
            if !at_end {
                continue;
            }
            if let Some(end) = self.at_the_end(held).await? {
                return Ok(end);
            }
        }
    }

    /// The events of this partition.
    fn mine(&self, mut events: Vec<RecordedEvent>) -> Arc<[RecordedEvent]> {
        if C::PARTITIONS > 1 {
            events
                .retain(|event| slot_of(&C::key(event), C::PARTITIONS) == self.partition.partition);
        }
        events.into()
    }

    /// Handles one page, in one piece where nothing fails.
    async fn page(
        &mut self,
        held: &mut Held,
        events: Arc<[RecordedEvent]>,
        next: Position,
        end: Option<Position>,
    ) -> Result<Option<End>, ProjectionError> {
        let mut start = 0_usize;
        let mut most = C::AT_ONCE;
        let mut tries = Tries::default();
        let mut parking = Parking::Parked;
        let mut failures = 0;
        loop {
            let until = start.saturating_add(most).min(events.len());
            let whole = until == events.len();
            let to = match events.get(until.wrapping_sub(1)) {
                Some(last) if !whole => last.position,
                _ => next,
            };
            let page = Page {
                partition: self.partition.clone(),
                epoch: held.epoch,
                from: held.position,
                to,
                events: Arc::clone(&events),
                part: start..until,
                lease_ms: self.core.settings.lease_ms(),
            };
            let first = events.get(start);
            let attempt = first.map_or(0, |first| tries.of(first.position));
            let began = Instant::now();
            let ended = self
                .consumer
                .handle(
                    &self.core,
                    held,
                    page,
                    parking.clone(),
                    attempt.saturating_add(1),
                )
                .await;
            match ended {
                Ok(PageEnd::Committed { parked, keys }) => {
                    let done = Done {
                        events: events.get(start..until).unwrap_or_default(),
                        parked,
                        keys,
                        began,
                        from: held.position,
                        to,
                        end,
                    };
                    held.position = to;
                    held.renewed = Instant::now();
                    self.core.stalled(&self.partition, None);
                    self.core.committed(&self.partition, &done);
                    if whole {
                        return Ok(None);
                    }
                    if self.core.is_shutdown() {
                        return Ok(Some(End::Shutdown));
                    }
                    start = until;
                    most = C::AT_ONCE;
                    parking = Parking::Parked;
                    failures = 0;
                }
                Ok(PageEnd::Fenced) => return self.fenced().await.map(Some),
                Ok(PageEnd::Interrupted) => return Ok(Some(End::Shutdown)),
                // What stands before the event that failed is handled first, the event then alone.
                Ok(PageEnd::Failed { index, .. }) if index > 0 => most = index,
                Ok(PageEnd::Failed { error, .. }) => {
                    most = 1;
                    let Some(event) = first else { continue };
                    match self.failed(held, event, error, &mut tries).await? {
                        Next::Again => {}
                        Next::Park(parked) => parking = parked,
                        Next::End(end) => return Ok(Some(end)),
                    }
                }
                Err(error) => {
                    failures += 1;
                    if self
                        .rest(Stalled::Database(error.to_string()), failures)
                        .await
                    {
                        return Ok(Some(End::Shutdown));
                    }
                    match self.look(held).await? {
                        Look::Still => {}
                        // Committed after all.
                        Look::At(position) if position == to => {
                            held.position = to;
                            if whole {
                                return Ok(None);
                            }
                            start = until;
                            most = C::AT_ONCE;
                            parking = Parking::Parked;
                        }
                        Look::At(_) | Look::Lost => return self.lost().await.map(Some),
                    }
                }
            }
        }
    }

    /// What becomes of an event that failed alone, after a pause.
    async fn failed(
        &self,
        held: &mut Held,
        event: &RecordedEvent,
        error: HandlerError,
        tries: &mut Tries,
    ) -> Result<Next, ProjectionError> {
        let pause = if error.is_newer() {
            if self.until != Until::Shutdown {
                return Err(self.too_new(&error));
            }
            let newer = Stalled::NewerEvent(error.to_string());
            self.core.stalled(&self.partition, Some(newer));
            self.core.settings.backoff(u32::MAX)
        } else {
            let attempts = tries.failed(event.position);
            if attempts >= self.core.settings.attempts {
                return Ok(Next::Park(Parking::First {
                    reason: error.to_string(),
                    attempts,
                }));
            }
            self.retrying(event, &error, attempts);
            self.core.settings.backoff(attempts)
        };
        // Others see in the projection state what it waits for; its lease goes on meanwhile.
        let waits = Renew {
            partition: self.partition.clone(),
            epoch: held.epoch,
            lease_ms: self.core.settings.lease_ms(),
            why: Why::Waits(error.to_string()),
        };
        held.renewed = Instant::now();
        let kept = self.core.db.transact(waits).await.unwrap_or(true);
        if !kept {
            return self.fenced().await.map(Next::End);
        }
        let pause = self.core.pause(pause);
        match self.core.keeping(&self.partition, held, pause).await {
            Err(Lost) => self.fenced().await.map(Next::End),
            Ok(paused) if paused.is_shutdown() => Ok(Next::End(End::Shutdown)),
            Ok(_) => Ok(Next::Again),
        }
    }

    fn too_new(&self, error: &HandlerError) -> ProjectionError {
        ProjectionError::NewerEvent {
            projection: self.name(),
            what: error.to_string(),
        }
    }

    fn retrying(&self, event: &RecordedEvent, error: &HandlerError, attempts: u32) {
        let poison = Poison {
            position: event.position,
            stream: event.stream.clone(),
            version: event.version,
            event_id: event.event_id,
            name: Arc::clone(&event.name),
            reason: error.to_string(),
            attempts,
        };
        self.core.measure(&Measure::Retry {
            partition: &self.partition,
            poison: &poison,
        });
        self.core
            .stalled(&self.partition, Some(Stalled::Retrying(Box::new(poison))));
    }

    /// Shows why it waits and waits; `true` when it is to end.
    async fn rest(&self, stalled: Stalled, failures: u32) -> bool {
        self.core.stalled(&self.partition, Some(stalled));
        let pause = self.core.settings.backoff(failures);
        self.core.pause(pause).await.is_shutdown()
    }

    /// Where the partition stands after a transaction of unknown outcome.
    async fn look(&self, held: &Held) -> Result<Look, ProjectionError> {
        let rows = loop {
            let values = [self.partition.name.into(), self.partition.build.into()];
            match self
                .core
                .db
                .query(&tables::checkpoints_sql(), &values)
                .await
            {
                Ok(rows) => break rows,
                Err(error) => {
                    if self
                        .rest(Stalled::Database(error.to_string()), u32::MAX)
                        .await
                    {
                        return Ok(Look::Lost);
                    }
                }
            }
        };
        let number = usize::try_from(self.partition.partition).unwrap_or(usize::MAX);
        let Some(row) = rows.into_iter().nth(number) else {
            return Ok(Look::Lost);
        };
        let now = tables::checkpoint(self.name(), row).map_err(|e| self.storage(e))?;
        Ok(match now.position {
            _ if now.epoch != held.epoch => Look::Lost,
            position if position == held.position => Look::Still,
            position => Look::At(position),
        })
    }

    /// Another owner refused what was to be written, or has the partition.
    async fn fenced(&self) -> Result<End, ProjectionError> {
        self.core.measure(&Measure::FenceLost {
            partition: &self.partition,
        });
        self.lost().await
    }

    /// The partition is no longer ours: gone with its build, or another's.
    async fn lost(&self) -> Result<End, ProjectionError> {
        let name = self.partition.name;
        let values = [name.into()];
        match self.core.db.query(tables::BUILDS, &values).await {
            Ok(rows) => {
                for row in rows {
                    let found = tables::build(name, row).map_err(|e| self.storage(e))?;
                    if found.number == self.partition.build {
                        return Ok(End::Fenced);
                    }
                }
                Ok(End::Gone)
            }
            Err(_) => Ok(End::Fenced),
        }
    }

    /// Everything was handled: the turn of a new build, the end, or a wait for more.
    async fn at_the_end(&mut self, held: &mut Held) -> Result<Option<End>, ProjectionError> {
        let stalled = match self.core.store.head().await {
            Ok(end) if end < held.position => {
                return Err(ProjectionError::StoreBehind {
                    projection: self.name(),
                    checkpoint: held.position,
                    head: end,
                });
            }
            Ok(end) if self.building => self.take_turn(end).await?,
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let is_well = stalled.is_none();
        if is_well && self.until.is_reached_at(held.position) {
            return Ok(Some(End::Reached));
        }
        self.core
            .stalled(&self.partition, stalled.map(Stalled::Database));
        let pause = if is_well {
            self.refused = 0;
            self.core.settings.poll
        } else {
            self.refused = self.refused.saturating_add(1);
            self.core.settings.backoff(self.refused)
        };
        let listens = is_well && self.hint != Hint::InVain;
        let position = held.position;
        let more = async {
            if listens {
                self.core.store.changed(position).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let pause = self.core.pause_or(pause, more);
        match self.core.keeping(&self.partition, held, pause).await {
            Err(Lost) => self.fenced().await.map(Some),
            Ok(Paused::Shutdown) => Ok(Some(End::Shutdown)),
            Ok(Paused::Over) => Ok(None),
            Ok(Paused::Woken) => {
                self.hint = Hint::More;
                Ok(None)
            }
        }
    }

    /// Lets a build that has caught up answer the queries, unless others have to come first.
    /// Gives what keeps it where that may pass.
    async fn take_turn(&mut self, head: Position) -> Result<Option<String>, ProjectionError> {
        // One end of the store for all attempts: it may grow faster than anybody reads.
        let goal = *self.goal.get_or_insert(match self.until {
            Until::Reached(goal) => goal,
            Until::Shutdown => head,
        });
        // Rarely, and ever more rarely: the tables that answer are not kept up meanwhile.
        let hold = self.behind >= PATIENCE && self.behind.is_power_of_two();
        match self.core.swap(&self.partition, goal, hold).await {
            Ok(swapped) => {
                self.building = swapped != Swapped::Yes;
                if swapped == Swapped::Behind {
                    self.behind = self.behind.saturating_add(1);
                }
                Ok(None)
            }
            Err(error)
                if self.until == Until::Shutdown
                    || error.outcome == es_runtime::Outcome::Unknown
                    || error.error.kind.is_transient() =>
            {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(self.storage(error)),
        }
    }
}

/// How often a build lets the one that answers go first before it has that held, a power of two.
const PATIENCE: u32 = 16;

/// Why a partition that was taken cannot be run.
enum Unfit {
    Unreadable(String),
    Other(ProjectionError),
}

/// What follows on the failure of an event.
enum Next {
    Again,
    Park(Parking),
    End(End),
}

/// What a second look shows.
enum Look {
    Still,
    At(Position),
    Lost,
}

/// The partition of a key. The hash is written out, since it must be the same in every program and
/// version: FNV-1a.
pub(super) fn slot_of(key: &str, partitions: u32) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u32::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
}
