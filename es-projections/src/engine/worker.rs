//! The loop of one partition: it reads pages of the feed, has them handled, and waits at the end for more.
//! Catching up and following use the same loop.

use super::{
    batch::{Page, PageEnd, ParkRule, key_or_stream},
    builds::WentLive,
    consumer::Consumer,
    core::{CommittedPage, Core, Paused},
    erased::Definition,
    lease::{Acquire, Acquired, Lease, Lost, Renew},
    task::{End, Task, Until},
};
use crate::{
    api::{
        BrokenConstraint, HandlerError, Measure, Partition, Poison, ProjectionError, ReadDatabase,
        Stalled, TransactionError,
    },
    state::{
        builds,
        checkpoints::{self, Checkpoint, LeaseNote},
    },
};
use es_runtime::{EventStore, Position, ReadLimit, RecordedEvent, StreamRange};
use std::{ops::Range, sync::Arc, time::Instant};

/// The loop of one partition.
pub(crate) struct Worker<S, Db> {
    core: Arc<Core<S, Db>>,
    consumer: Arc<Consumer<Db>>,
    partition: Partition,
    /// Whether its build is not live yet.
    building: bool,
    until: Until,
    /// Whether to replace an owner whose lease has not expired.
    take_over: bool,
    /// The position that an unfinished build must reach before it goes live.
    goal: Option<Position>,
    /// How many times in a row a database failed at the end of the feed.
    failures_at_end: u32,
    /// How often the live build was further when this one could have gone live.
    live_was_ahead: u32,
    /// What the store said about more events.
    hint: Hint,
}

/// What the store said about more events, and whether it was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hint {
    #[default]
    Nothing,
    /// There are more events.
    More,
    /// It announced more events, but there were none. It is not asked again before the next poll.
    InVain,
}

/// What is left of a page, and how much of it the next call gets.
struct Rest {
    start: usize,
    most: usize,
    rule: ParkRule,
}

impl From<usize> for Rest {
    fn from(start: usize) -> Self {
        Self {
            start,
            most: usize::MAX,
            rule: ParkRule::BlockedKeys,
        }
    }
}

/// Counts the attempts at one event.
#[derive(Default)]
struct Attempts {
    position: Option<Position>,
    count: u32,
}

impl Attempts {
    fn of(&self, position: Position) -> u32 {
        if self.position == Some(position) {
            self.count
        } else {
            0
        }
    }

    /// The number of the next attempt at this event, from 1.
    fn next(&self, event: Option<&RecordedEvent>) -> u32 {
        let before = event.map_or(0, |event| self.of(event.position));
        before.saturating_add(1)
    }

    fn failed(&mut self, position: Position) -> u32 {
        self.count = self.of(position).saturating_add(1);
        self.position = Some(position);
        self.count
    }
}

impl<S: EventStore, Db: ReadDatabase> Worker<S, Db> {
    pub(crate) fn new(core: Arc<Core<S, Db>>, consumer: Arc<Consumer<Db>>, task: Task) -> Self {
        Self {
            core,
            consumer,
            partition: task.partition,
            building: task.building,
            until: task.until,
            take_over: task.take_over,
            goal: None,
            failures_at_end: 0,
            live_was_ahead: 0,
            hint: Hint::default(),
        }
    }

    /// Runs until a shutdown, until `until` is reached, or until it cannot go on.
    pub(crate) async fn run(mut self) -> Result<End, ProjectionError> {
        let mut lease = match self.acquire().await? {
            Ok(lease) => lease,
            Err(end) => return Ok(end),
        };
        let ended = self.follow(&mut lease).await;
        let why = match &ended {
            Ok(_) => LeaseNote::Clear,
            Err(error) => LeaseNote::Stopped(error.to_string()),
        };
        let release = Renew {
            partition: self.partition.clone(),
            epoch: lease.epoch,
            lease_ms: 0,
            why,
        };
        // If this fails, the lease expires by itself.
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

    /// Waits until the partition is free, takes it, and checks that the store has the history of
    /// the checkpoint.
    async fn acquire(&mut self) -> Result<Result<Lease, End>, ProjectionError> {
        let mut failures = 0;
        let mut expired = None;
        let mut watched: Option<((String, i64), Instant)> = None;
        loop {
            let job = Acquire {
                partition: self.partition.clone(),
                owner: self.core.owner.clone(),
                lease_ms: self.core.settings.lease_ms(),
                take_over: self.take_over,
                expired: expired.take(),
            };
            let now = Instant::now();
            let stalled = match self.core.db.transact(job).await {
                Ok(Acquired::Mine(checkpoint)) => {
                    self.core.stalled(&self.partition, None);
                    match self.verify_history(&checkpoint).await {
                        Ok(()) => {
                            return Ok(Ok(Lease {
                                epoch: checkpoint.epoch,
                                position: checkpoint.position,
                                renewed: now,
                            }));
                        }
                        Err(CannotRun::Other(error)) => {
                            let release = Renew {
                                partition: self.partition.clone(),
                                epoch: checkpoint.epoch,
                                lease_ms: 0,
                                why: LeaseNote::Stopped(error.to_string()),
                            };
                            let _ = self.core.db.transact(release).await;
                            return Err(error);
                        }
                        Err(CannotRun::Unreadable(error)) => {
                            self.take_over = true;
                            Stalled::Database(error)
                        }
                    }
                }
                Ok(Acquired::Gone) => return Ok(Err(End::Gone)),
                // The build was completed by an append.
                Ok(Acquired::Inline) if self.building => return Ok(Err(End::Reached)),
                Ok(Acquired::Inline) => {
                    return Err(ProjectionError::RunsInline {
                        projection: self.name(),
                    });
                }
                Ok(Acquired::Busy {
                    owner,
                    lease_until,
                    position,
                }) => {
                    let lease = (owner.clone(), lease_until);
                    // A clock that was ahead makes a lease that does not end. So a lease also ends when its
                    // owner has not renewed it for longer than it should last, on the clock of who waits.
                    let longest = self.core.settings.lease.saturating_mul(2);
                    let unchanged = watched.as_ref().filter(|(known, _)| *known == lease);
                    let is_over = unchanged.is_some_and(|(_, since)| since.elapsed() >= longest);
                    if unchanged.is_none() {
                        watched = Some((lease.clone(), now));
                    }
                    if is_over || self.core.db.is_gone(&owner) {
                        expired = Some(lease);
                        continue;
                    }
                    // After that: an owner that has ended makes no build live.
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

    /// Checks that the store has the event that the checkpoint names as the last one handled.
    async fn verify_history(&self, checkpoint: &Checkpoint) -> Result<(), CannotRun> {
        let unreadable = |error: es_runtime::ReadError| CannotRun::Unreadable(error.to_string());
        let head = self.core.store.head().await.map_err(unreadable)?;
        if head < checkpoint.position {
            return Err(CannotRun::Other(ProjectionError::StoreBehind {
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
        Err(CannotRun::Other(ProjectionError::OtherHistory {
            projection: self.name(),
            stream: Box::new(last.stream.clone()),
            version: last.version,
            expected: last.event_id,
        }))
    }

    /// Reads page after page until the end.
    async fn follow(&mut self, lease: &mut Lease) -> Result<End, ProjectionError> {
        let filter = self.consumer.definition().filter.clone();
        let limit = self.core.settings.page;
        let mut failures = 0;
        loop {
            if self.core.is_shutdown() {
                return Ok(End::Shutdown);
            }
            let read = self.core.store.read_feed(lease.position, &filter, limit);
            let page = match self.core.while_leased(&self.partition, lease, read).await {
                Err(Lost) => return self.fenced().await,
                Ok(Ok(page)) => page,
                Ok(Err(error)) => {
                    failures += 1;
                    let stalled = Stalled::Database(error.to_string());
                    if self.wait_stalled(stalled, failures).await {
                        return Ok(End::Shutdown);
                    }
                    continue;
                }
            };
            failures = 0;
            let is_in_vain = self.hint == Hint::More && page.next <= lease.position;
            self.hint = if is_in_vain {
                Hint::InVain
            } else {
                Hint::Nothing
            };
            let at_end = page.at_end;
            if page.next > lease.position {
                // Only measurements need it.
                let end = if at_end {
                    Some(page.next)
                } else {
                    self.core.store.head().await.ok()
                };
                let events = self.mine(page.events);
                if let Some(end) = self.page(lease, events, page.next, end).await? {
                    return Ok(end);
                }
            }
            if !at_end {
                continue;
            }
            if let Some(end) = self.at_the_end(lease).await? {
                return Ok(end);
            }
        }
    }

    /// The events of this partition.
    fn mine(&self, mut events: Vec<RecordedEvent>) -> Arc<[RecordedEvent]> {
        let &Definition {
            key, partitions, ..
        } = self.consumer.definition();
        if partitions > 1 {
            events.retain(|event| {
                partition_of(&key_or_stream(key, event), partitions) == self.partition.partition
            });
        }
        events.into()
    }

    /// These events of a page, for one call.
    fn part_of_page(
        &self,
        lease: &Lease,
        events: &Arc<[RecordedEvent]>,
        part: Range<usize>,
        to: Position,
    ) -> Page {
        Page {
            partition: self.partition.clone(),
            epoch: lease.epoch,
            from: lease.position,
            to,
            events: Arc::clone(events),
            part,
            lease_ms: self.core.settings.lease_ms(),
            traced: !self.building,
        }
    }

    /// Handles one page, in one call unless an event fails.
    async fn page(
        &mut self,
        lease: &mut Lease,
        events: Arc<[RecordedEvent]>,
        next: Position,
        end: Option<Position>,
    ) -> Result<Option<End>, ProjectionError> {
        let mut rest = Rest::from(0);
        let mut attempts_so_far = Attempts::default();
        let mut failures = 0;
        loop {
            let start = rest.start;
            let until = start.saturating_add(rest.most).min(events.len());
            let to = match events.get(until.wrapping_sub(1)) {
                Some(last) if until < events.len() => last.position,
                _ => next,
            };
            let page = self.part_of_page(lease, &events, start..until, to);
            let attempt = attempts_so_far.next(events.get(start));
            let began = Instant::now();
            let mut failed = None;
            let ended = self
                .consumer
                .handle(&self.core, lease, page, rest.rule.clone(), attempt)
                .await;
            let ended = blame_event(ended, until.saturating_sub(start));
            match ended {
                Ok(PageEnd::Committed {
                    count,
                    parked,
                    keys,
                    error,
                }) => {
                    let committed = start.saturating_add(count).min(until);
                    let done = events.get(start..committed).unwrap_or_default();
                    let to = match done.last() {
                        Some(last) if committed < until => last.position,
                        _ => to,
                    };
                    let done = CommittedPage {
                        events: done,
                        parked,
                        keys,
                        began,
                        from: lease.position,
                        to,
                        end,
                    };
                    self.committed(lease, &done);
                    if committed == events.len() {
                        return Ok(None);
                    }
                    if self.core.is_shutdown() {
                        return Ok(Some(End::Shutdown));
                    }
                    rest = Rest::from(committed);
                    failures = 0;
                    failed = error;
                }
                Ok(PageEnd::Fenced) => return self.fenced().await.map(Some),
                Ok(PageEnd::Interrupted) => return Ok(Some(End::Shutdown)),
                // The events before the failed one are handled first, then the failed one alone.
                Ok(PageEnd::Failed { index, .. }) if index > 0 => rest.most = index,
                Ok(PageEnd::Failed { error, .. }) => failed = Some(error),
                Err(error) => {
                    failures += 1;
                    let stalled = Stalled::Database(error.to_string());
                    if self.wait_stalled(stalled, failures).await {
                        return Ok(Some(End::Shutdown));
                    }
                    match self.read_checkpoint_again(lease).await? {
                        AfterUnknown::Still => {}
                        // The transaction was committed after all, perhaps for a part of the page.
                        AfterUnknown::At(position) => {
                            let part = events.get(start..until).unwrap_or_default();
                            let Some(committed) = committed_until(part, position, to) else {
                                return self.fenced_or_gone().await.map(Some);
                            };
                            lease.position = position;
                            if position == next {
                                return Ok(None);
                            }
                            rest = Rest::from(start.saturating_add(committed));
                        }
                        AfterUnknown::Lost => return self.fenced_or_gone().await.map(Some),
                    }
                }
            }
            if let (Some(error), Some(event)) = (failed, events.get(rest.start)) {
                // It is tried again alone.
                rest.most = 1;
                match self
                    .failed(lease, event, error, &mut attempts_so_far)
                    .await?
                {
                    Next::Again => {}
                    Next::Park(parked) => rest.rule = parked,
                    Next::End(end) => return Ok(Some(end)),
                }
            }
        }
    }

    /// Records a page that was committed.
    fn committed(&self, lease: &mut Lease, done: &CommittedPage<'_>) {
        lease.position = done.to;
        lease.renewed = Instant::now();
        self.core.stalled(&self.partition, None);
        self.core.committed(&self.partition, done);
    }

    /// Decides, after a pause, what to do with an event that failed alone.
    async fn failed(
        &self,
        lease: &mut Lease,
        event: &RecordedEvent,
        error: HandlerError,
        attempts_so_far: &mut Attempts,
    ) -> Result<Next, ProjectionError> {
        let pause = if error.is_newer() {
            if self.until != Until::Shutdown {
                return Err(self.too_new(&error));
            }
            let newer = Stalled::NewerEvent(error.message());
            self.core.stalled(&self.partition, Some(newer));
            self.core.settings.backoff(u32::MAX)
        } else {
            let attempts = attempts_so_far.failed(event.position);
            if attempts >= self.core.settings.attempts {
                return Ok(Next::Park(ParkRule::First {
                    reason: error.message(),
                    attempts,
                }));
            }
            self.retrying(event, &error, attempts);
            self.core.settings.backoff(attempts)
        };
        // The projection state shows other processes what it waits for. Its lease is renewed
        // meanwhile.
        let waits = Renew {
            partition: self.partition.clone(),
            epoch: lease.epoch,
            lease_ms: self.core.settings.lease_ms(),
            why: LeaseNote::Waits(error.message()),
        };
        lease.renewed = Instant::now();
        let kept = self.core.db.transact(waits).await.unwrap_or(true);
        if !kept {
            return self.fenced().await.map(Next::End);
        }
        let pause = self.core.pause(pause);
        match self.core.while_leased(&self.partition, lease, pause).await {
            Err(Lost) => self.fenced().await.map(Next::End),
            Ok(paused) if paused.is_shutdown() => Ok(Next::End(End::Shutdown)),
            Ok(_) => Ok(Next::Again),
        }
    }

    fn too_new(&self, error: &HandlerError) -> ProjectionError {
        ProjectionError::NewerEvent {
            projection: self.name(),
            what: error.message(),
        }
    }

    fn retrying(&self, event: &RecordedEvent, error: &HandlerError, attempts: u32) {
        let poison = Poison {
            position: event.position,
            stream: event.stream.clone(),
            version: event.version,
            event_id: event.event_id,
            name: Arc::clone(&event.name),
            reason: error.message(),
            attempts,
        };
        self.core.measure(&Measure::Retry {
            partition: &self.partition,
            poison: &poison,
        });
        self.core
            .stalled(&self.partition, Some(Stalled::Retrying(Box::new(poison))));
    }

    /// Records why it waits, and waits. The result is `true` if it must shut down.
    async fn wait_stalled(&self, stalled: Stalled, failures: u32) -> bool {
        self.core.stalled(&self.partition, Some(stalled));
        let pause = self.core.settings.backoff(failures);
        self.core.pause(pause).await.is_shutdown()
    }

    /// Reads the checkpoint after a transaction of unknown outcome.
    async fn read_checkpoint_again(&self, lease: &Lease) -> Result<AfterUnknown, ProjectionError> {
        let rows = loop {
            let values = [self.partition.name.into(), self.partition.build.into()];
            match self
                .core
                .db
                .query(&checkpoints::checkpoints_sql(), &values)
                .await
            {
                Ok(rows) => break rows,
                Err(error) => {
                    if self
                        .wait_stalled(Stalled::Database(error.to_string()), u32::MAX)
                        .await
                    {
                        return Ok(AfterUnknown::Lost);
                    }
                }
            }
        };
        let number = usize::try_from(self.partition.partition).unwrap_or(usize::MAX);
        let Some(row) = rows.into_iter().nth(number) else {
            return Ok(AfterUnknown::Lost);
        };
        let now = checkpoints::checkpoint(self.name(), row).map_err(|e| self.storage(e))?;
        Ok(match now.position {
            _ if now.epoch != lease.epoch => AfterUnknown::Lost,
            position if position == lease.position => AfterUnknown::Still,
            position => AfterUnknown::At(position),
        })
    }

    /// Another owner took the partition.
    async fn fenced(&self) -> Result<End, ProjectionError> {
        self.core.measure(&Measure::FenceLost {
            partition: &self.partition,
        });
        self.fenced_or_gone().await
    }

    /// Finds out whether the partition is gone with its build or has another owner.
    async fn fenced_or_gone(&self) -> Result<End, ProjectionError> {
        let name = self.partition.name;
        let values = [name.into()];
        match self.core.db.query(builds::BUILDS, &values).await {
            Ok(rows) => {
                for row in rows {
                    let found = builds::build(name, row).map_err(|e| self.storage(e))?;
                    if found.number == self.partition.build {
                        return Ok(End::Fenced);
                    }
                }
                Ok(End::Gone)
            }
            Err(_) => Ok(End::Fenced),
        }
    }

    /// Everything was handled: makes a new build live, ends, or waits for more events.
    async fn at_the_end(&mut self, lease: &mut Lease) -> Result<Option<End>, ProjectionError> {
        let stalled = match self.core.store.head().await {
            Ok(end) if end < lease.position => {
                return Err(ProjectionError::StoreBehind {
                    projection: self.name(),
                    checkpoint: lease.position,
                    head: end,
                });
            }
            Ok(end) if self.building => self.try_to_go_live(end).await?,
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let is_well = stalled.is_none();
        if is_well && self.until.is_reached_at(lease.position) {
            return Ok(Some(End::Reached));
        }
        self.core
            .stalled(&self.partition, stalled.map(Stalled::Database));
        let pause = if is_well {
            self.failures_at_end = 0;
            self.core.settings.poll
        } else {
            self.failures_at_end = self.failures_at_end.saturating_add(1);
            self.core.settings.backoff(self.failures_at_end)
        };
        let listens = is_well && self.hint != Hint::InVain;
        let position = lease.position;
        let more = async {
            if listens {
                self.core.store.changed(position).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let pause = self.core.pause_or(pause, more);
        match self.core.while_leased(&self.partition, lease, pause).await {
            Err(Lost) => self.fenced().await.map(Some),
            Ok(Paused::Shutdown) => Ok(Some(End::Shutdown)),
            Ok(Paused::Over) => Ok(None),
            Ok(Paused::Woken) => {
                self.hint = Hint::More;
                Ok(None)
            }
        }
    }

    /// Makes a build live that has caught up. Returns the reason if a transient failure prevents
    /// it.
    async fn try_to_go_live(&mut self, head: Position) -> Result<Option<String>, ProjectionError> {
        // The goal is the same for all attempts, since the store may grow faster than the build
        // reads.
        let goal = *self.goal.get_or_insert(match self.until {
            Until::Reached(goal) => goal,
            Until::Shutdown => head,
        });
        // Rarely, and less often each time: the live build gets no new events while it is held.
        let hold =
            self.live_was_ahead >= ATTEMPTS_BEFORE_HOLD && self.live_was_ahead.is_power_of_two();
        match self.core.go_live(&self.partition, goal, hold).await {
            Ok(went_live) => {
                self.building = went_live != WentLive::Yes;
                if went_live == WentLive::LiveIsAhead {
                    self.live_was_ahead = self.live_was_ahead.saturating_add(1);
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

/// A constraint that is checked at the commit does not name the event that broke it. So half of the
/// events are tried, then half of these, until one is left.
fn blame_event(
    ended: Result<PageEnd, TransactionError>,
    tried: usize,
) -> Result<PageEnd, TransactionError> {
    match ended {
        Err(failed) if tried > 0 && BrokenConstraint::is_cause_of(&failed.error) => {
            Ok(PageEnd::Failed {
                index: tried / 2,
                error: HandlerError::from(failed.error),
            })
        }
        other => other,
    }
}

/// How often the live build may be further before its checkpoint is held. A power of two.
const ATTEMPTS_BEFORE_HOLD: u32 = 16;

/// Why a partition cannot be run although its lease was taken.
enum CannotRun {
    Unreadable(String),
    Other(ProjectionError),
}

/// What to do after the failure of an event.
enum Next {
    Again,
    Park(ParkRule),
    End(End),
}

/// What the checkpoint says after a transaction of unknown outcome.
enum AfterUnknown {
    Still,
    At(Position),
    Lost,
}

/// How many of these events a checkpoint at `position` covers, which may be that of one of them or `to`, their
/// end. `None` if it is neither.
fn committed_until(events: &[RecordedEvent], position: Position, to: Position) -> Option<usize> {
    if position == to {
        return Some(events.len());
    }
    let last = events.iter().position(|event| event.position == position)?;
    Some(last.saturating_add(1))
}

/// The partition of a key. It uses FNV-1a, written out here because the hash must be the same in
/// every program and version.
pub(crate) fn partition_of(key: &str, partitions: u32) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u32::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
}
