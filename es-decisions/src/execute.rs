//! Execution of a decision: load, decide, commit, and again when another writer was first.

mod commit;
mod find;

use crate::{
    Decide, DecisionError, Emitted, ReadSource, Reads, metrics,
    read::{
        Boxed,
        sealed::{OfAggregate, OfFold, Part},
    },
    repositories::Repositories,
    trace::in_span,
};
use es_runtime::{
    __private::{StateCache, pause, traced},
    Aggregate, AnyStore, AppendError, AppendId, AsId, CommitError, CommitStore, EventStore,
    InvalidStreamId, Metadata, Outcome, Position, RetryPolicy, SnapshotStore, StreamId, WorkQueue,
    metrics::Timer,
};
use find::{EventIds, Found};
use std::{
    fmt,
    future::IntoFuture,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Executes decisions on a store.
///
/// A clone is cheap. The aggregates' snapshots are used and none are taken.
#[derive(Clone)]
pub struct Decisions {
    repositories: Repositories,
    retry: RetryPolicy,
    /// Of decisions that met at a stream or at tags.
    queues: Arc<StateCache<Changed>>,
}

impl Decisions {
    /// Decisions on `store`.
    pub fn new(store: impl WorkQueue + SnapshotStore) -> Self {
        Self {
            repositories: Repositories::new(AnyStore::new(store)),
            retry: RetryPolicy::default(),
            queues: Arc::new(StateCache::new(128)),
        }
    }

    /// With this policy for conflicts.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Executes a decision: loads what it reads, decides, and commits all events in one transaction, if every
    /// aggregate that was read is still at the version that was read, and no event came that a fold would see. When
    /// another writer was first it decides again, as often as the [`RetryPolicy`] allows, and reads only what is new. Where
    /// decisions of this value and its clones met at a stream or at tags, they take turns.
    ///
    /// The returned [`Execute`] takes metadata, an append id and expected versions. It runs when it is awaited.
    ///
    /// # Errors
    /// [`DecisionError`]. Its [`outcome`](DecisionError::outcome) says whether something was written.
    ///
    /// # Cancel safety
    /// A dropped future leaves the decision done or not done, never half. With an
    /// [`append_id`](Execute::append_id) you can repeat it safely.
    pub fn execute<D: Decide>(&self, decision: D) -> Execute<'_, D> {
        Execute {
            decisions: self,
            decision,
            metadata: Metadata::new(),
            append_id: None,
            request: None,
            expected: Vec::new(),
        }
    }
}

impl fmt::Debug for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions")
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// A decision that runs when it is awaited. [`Decisions::execute`] returns it.
#[must_use = "a decision does nothing until it is awaited"]
pub struct Execute<'a, D> {
    decisions: &'a Decisions,
    decision: D,
    metadata: Metadata,
    append_id: Option<AppendId>,
    request: Option<String>,
    expected: Vec<(Result<StreamId, InvalidStreamId>, u64)>,
}

impl<D: Decide> Execute<'_, D> {
    /// With this metadata on each event of each aggregate.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// With an id that makes the decision safe to repeat.
    ///
    /// It is recorded with every aggregate that the decision reads, as `NAME:ID`; where it reads folds, by an event
    /// `decision.recorded` on a stream of its own (`decision:NAME`, the id) too. A decision of this type with the same id,
    /// which reads the same aggregates, writes nothing and returns the first result, with [`Decided::repeated`] set: what it
    /// read, as it was after the first one. Only accepted decisions are recorded. A rejected one is decided again.
    pub fn append_id(mut self, id: AppendId) -> Self {
        self.append_id = Some(id);
        self
    }

    /// With a fingerprint of the request, such as a hash of the body of an HTTP request: any text of at most 256
    /// bytes. It is stored with the append id. The same id with another fingerprint fails with
    /// [`DecisionError::OtherRequest`] instead of returning the result of the first request.
    pub fn request(mut self, fingerprint: impl Into<String>) -> Self {
        self.request = Some(fingerprint.into());
        self
    }

    /// With the version that the caller saw of one of the aggregates, such as that of an `If-Match` header. At any
    /// other version the decision fails with [`DecisionError::VersionMismatch`], also when another writer of that aggregate
    /// is first while it is decided.
    pub fn expect_version<A: Aggregate>(mut self, id: impl AsId<A::Id>, version: u64) -> Self {
        self.expected.push((StreamId::of::<A>(id), version));
        self
    }
}

impl<D> fmt::Debug for Execute<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute")
            .field("append_id", &self.append_id)
            .finish_non_exhaustive()
    }
}

impl<'a, D: Decide> IntoFuture for Execute<'a, D> {
    type Output = Result<Decided<D>, DecisionError<D::Error>>;
    type IntoFuture = Boxed<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(in_span(D::NAME, async move {
            let timer = Timer::start();
            let done = self.run().await;
            metrics::decided(timer, &done);
            done
        }))
    }
}

/// The result of a decision.
#[non_exhaustive]
pub struct Decided<D: Decide> {
    /// What it read, with the states and versions after the decision.
    pub reads: D::Reads,
    /// The position of the newest event of the decision; without events that up to which it read. A read model at this
    /// position includes the decision.
    pub position: Position,
    /// The streams that got events: those of the aggregates in the order of the reads, then those of events with tags.
    /// A repeated decision has those of the aggregates.
    pub streams: Vec<Written>,
    /// Whether this is the result of an earlier decision with the same append id.
    pub repeated: bool,
    /// The number of attempts: more than 1 when other writers were first, 0 for a repeated decision.
    pub attempts: u32,
}

/// What a decision wrote to one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The stream.
    pub stream: StreamId,
    /// Its version after the decision.
    pub version: u64,
    /// The number of events of the decision.
    pub events: u64,
}

impl<D: Decide> fmt::Debug for Decided<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided")
            .field("decision", &D::NAME)
            .field("position", &self.position)
            .field("streams", &self.streams)
            .field("repeated", &self.repeated)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended without a result.
enum Attempt<E> {
    /// Another writer was first.
    Conflict(Changed),
    /// The store has seen the append id.
    Repeated(CommitError),
    Failed(DecisionError<E>),
}

impl<E> From<DecisionError<E>> for Attempt<E> {
    fn from(error: DecisionError<E>) -> Self {
        Self::Failed(error)
    }
}

/// What another writer may change, or has changed.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Changed {
    Stream(StreamId),
    /// With the texts of its tags.
    Fold(&'static str, String),
}

impl Changed {
    fn of(read: &mut dyn ReadSource) -> Result<Self, InvalidStreamId> {
        match read.part() {
            Part::Aggregate(of) => of.stream().map(Self::Stream),
            Part::Fold(of) => Ok(Self::fold(of)),
        }
    }

    fn fold(fold: &dyn OfFold) -> Self {
        let tags = fold.query().map(|query| query.texts().collect());
        Self::Fold(fold.name(), tags.unwrap_or_default())
    }

    fn after<E>(self, attempts: u32) -> DecisionError<E> {
        match self {
            Self::Stream(stream) => DecisionError::Conflict { stream, attempts },
            Self::Fold(fold, _) => DecisionError::FoldConflict { fold, attempts },
        }
    }
}

/// What an attempt wrote, and the position of the newest event.
type Done = (Vec<Written>, Position);

impl<D: Decide> Execute<'_, D> {
    const fn store(&self) -> &AnyStore {
        self.decisions.repositories.store()
    }

    async fn run(mut self) -> Result<Decided<D>, DecisionError<D::Error>> {
        self.metadata = traced(self.metadata);
        let mut reads = self.decision.reads();
        let streams = streams_of(&mut reads)?;
        let id = self.append_id.as_ref();
        let id = id.map(|id| AppendId::new(format!("{}:{id}", D::NAME)));
        let id = id.transpose().map_err(DecisionError::AppendId)?;
        for fold in folds(&mut reads) {
            let fold = (fold.name(), fold.query().err());
            if let (fold, Some(source)) = fold {
                return Err(DecisionError::NoEvents { fold, source });
            }
        }
        let retry = &self.decisions.retry;
        let queues = &self.decisions.queues;
        let mut attempts = 0;
        let mut turn = None;
        let mut met = queues.busy(retry, || keys(&mut reads));
        let (failed, may_be_known) = loop {
            if let Some(key) = met.take() {
                // Never two at once: others could have them the other way round.
                drop(turn.take());
                let since = Timer::start();
                turn = Some((Box::pin(queues.turn(&key, retry)).await, key));
                metrics::queued(since, D::NAME);
            }
            attempts += 1;
            metrics::attempt(D::NAME);
            let attempt = self.attempt(&mut reads, &streams, id.as_ref()).await;
            if let Some((turn, key)) = turn.take_if(|_| writes_nothing(&attempt)) {
                queues.end(&key, &turn);
            }
            match attempt {
                Ok((streams, position)) => {
                    return Ok(Decided {
                        reads,
                        position,
                        streams,
                        repeated: false,
                        attempts,
                    });
                }
                Err(Attempt::Conflict(changed)) => {
                    metrics::conflict(D::NAME);
                    if attempts >= retry.attempts.get() {
                        return Err(changed.after(attempts));
                    }
                    let is_in_its_turn = turn
                        .as_ref()
                        .is_some_and(|(turn, key)| *key == changed && queues.is_current(key, turn));
                    if is_in_its_turn {
                        pause(retry.wait(attempts)).await;
                    } else {
                        met = Some(changed);
                    }
                }
                Err(Attempt::Repeated(error)) => break (DecisionError::Commit(error), true),
                Err(Attempt::Failed(error)) => {
                    let is_sure = error.outcome() == Outcome::NotApplied;
                    break (error, is_sure);
                }
            }
        };
        drop(turn);
        // What fails now may be the repetition of an accepted decision.
        match &id {
            Some(id) if may_be_known => {
                let first = self.first(&streams, id).await?;
                first.ok_or(failed)
            }
            _ => Err(failed),
        }
    }

    async fn attempt(
        &self,
        reads: &mut D::Reads,
        streams: &[StreamId],
        id: Option<&AppendId>,
    ) -> Result<Done, Attempt<D::Error>> {
        self.load(reads).await?;
        self.check_expected(reads, streams)?;
        let emitted = catch_unwind(AssertUnwindSafe(|| self.decision.decide(reads)));
        let emitted = emitted.map_err(|_| DecisionError::Panicked { decision: D::NAME })?;
        let emitted = match emitted {
            Ok(emitted) if emitted.is_empty() && id.is_none() => Ok(()),
            Ok(emitted) => return self.commit(reads, streams, emitted, id).await,
            Err(rejected) => Err(DecisionError::Rejected(rejected)),
        };
        // Nothing is written that could find out that the states never belonged together.
        if reads.each().len() > 1 {
            if let Some(changed) = self.changed(reads, streams).await? {
                return Err(Attempt::Conflict(changed));
            }
        }
        emitted?;
        Ok((Vec::new(), newest(reads)))
    }

    /// Loads everything, or reads what came since. Which of the reads is the last one to which something came.
    async fn load(&self, reads: &mut D::Reads) -> Result<Option<usize>, DecisionError<D::Error>> {
        let mut moved = None;
        for (index, read) in reads.each().into_iter().enumerate() {
            let loaded = read.load(&self.decisions.repositories).await;
            if loaded.map_err(DecisionError::Load)? {
                moved = Some(index);
            }
        }
        Ok(moved)
    }

    /// Whether something came to a read meanwhile.
    async fn changed(
        &self,
        reads: &mut D::Reads,
        streams: &[StreamId],
    ) -> Result<Option<Changed>, DecisionError<D::Error>> {
        let Some(moved) = self.load(reads).await? else {
            return Ok(None);
        };
        let expected = self.check_expected(reads, streams);
        expected.inspect_err(|_| metrics::conflict(D::NAME))?;
        let read = reads.each().into_iter().nth(moved);
        let changed = read.map(Changed::of).transpose();
        changed.map_err(|id| DecisionError::Load(id.into()))
    }

    fn check_expected(
        &self,
        reads: &mut D::Reads,
        streams: &[StreamId],
    ) -> Result<(), DecisionError<D::Error>> {
        for (stream, expected) in &self.expected {
            let stream = stream
                .clone()
                .map_err(|id| DecisionError::Load(id.into()))?;
            let at = streams.iter().position(|read| *read == stream);
            let read = at.and_then(|at| aggregates(reads).nth(at));
            let Some(read) = read else {
                return Err(DecisionError::NotRead { stream });
            };
            if read.version() != *expected {
                return Err(DecisionError::VersionMismatch {
                    stream,
                    expected: *expected,
                    actual: read.version(),
                });
            }
        }
        Ok(())
    }

    async fn commit(
        &self,
        reads: &mut D::Reads,
        streams: &[StreamId],
        emitted: Emitted<D>,
        id: Option<&AppendId>,
    ) -> Result<Done, Attempt<D::Error>> {
        let commit = self.commit_of(reads, emitted, id)?;
        let ids: Vec<_> = commit.appends.iter().map(EventIds::of).collect();
        let committed = match self.store().commit(commit).await {
            Ok(committed) => committed.appended,
            Err(CommitError::Append(AppendError::Conflict { stream, actual, .. })) => {
                let mut expected = self.expected.iter();
                let expected = expected.find(|(of, _)| of.as_ref() == Ok(&stream));
                let Some(&(_, expected)) = expected else {
                    return Err(Attempt::Conflict(Changed::Stream(stream)));
                };
                // It was at that version and never will be again.
                metrics::conflict(D::NAME);
                return Err(Attempt::from(DecisionError::VersionMismatch {
                    stream,
                    expected,
                    actual,
                }));
            }
            // Another writer may have been first at a stream whose version the store had not compared yet: what the value
            // was made of is old then.
            Err(error @ CommitError::Append(AppendError::Taken { .. })) => {
                return Err(match self.changed(reads, streams).await? {
                    Some(changed) => Attempt::Conflict(changed),
                    None => DecisionError::Commit(error).into(),
                });
            }
            Err(CommitError::Guarded { guard, .. }) => {
                let fold = folds(reads).nth(guard).map(|fold| Changed::fold(fold));
                let unnamed = || Changed::Fold(D::NAME, String::new());
                return Err(Attempt::Conflict(fold.unwrap_or_else(unnamed)));
            }
            Err(
                error @ (CommitError::Repeated { .. }
                | CommitError::Append(
                    AppendError::IdReused { .. } | AppendError::OtherRequest { .. },
                )),
            ) => return Err(Attempt::Repeated(error)),
            Err(error) if error.outcome() == Outcome::Unknown => match self.find(&ids, id).await {
                Found::Stored(appended) => appended,
                Found::Recorded => return Err(Attempt::Repeated(error)),
                Found::Nothing => return Err(DecisionError::Commit(error).into()),
            },
            Err(error) => return Err(DecisionError::Commit(error).into()),
        };
        let own_stream = id.map(|_| self.own_stream()).transpose()?;
        let mut written = Vec::new();
        for (appended, ids) in committed.iter().zip(ids) {
            if appended.events > 0 && Some(&ids.stream) != own_stream.as_ref() {
                written.push(Written {
                    stream: ids.stream,
                    version: appended.version,
                    events: appended.events,
                });
            }
        }
        for (read, appended) in aggregates(reads).zip(&committed) {
            read.stored(appended.version, appended.position);
        }
        let with_events = committed.iter().filter(|appended| appended.events > 0);
        let end = with_events.map(|appended| appended.position).max();
        for fold in folds(reads) {
            fold.stored(end.unwrap_or(Position::START));
        }
        Ok((written, newest(reads).max(end.unwrap_or(Position::START))))
    }

    /// The result of the first decision with the append id.
    async fn first(
        &self,
        streams: &[StreamId],
        id: &AppendId,
    ) -> Result<Option<Decided<D>>, DecisionError<D::Error>> {
        let mut reads = self.decision.reads();
        let mut written = Vec::new();
        let has_folds = folds(&mut reads).next().is_some();
        let own_stream = has_folds.then(|| self.own_stream()).transpose()?;
        let known: Vec<_> = streams.iter().chain(&own_stream).collect();
        if known.is_empty() {
            return Ok(None);
        }
        let mut repeated = Vec::new();
        for stream in known {
            let first = self.store().find_append(stream, id).await;
            let Some(first) = first.map_err(|error| DecisionError::Load(error.into()))? else {
                return Ok(None);
            };
            if !first.is_of(self.request.as_deref()) {
                let stream = stream.clone();
                return Err(DecisionError::OtherRequest { stream });
            }
            repeated.push((stream, first));
        }
        let repositories = &self.decisions.repositories;
        let end = if has_folds { repeated.pop() } else { None };
        for (read, (stream, first)) in aggregates(&mut reads).zip(repeated) {
            let loaded = read.load_at(repositories, first.version).await;
            loaded.map_err(DecisionError::Repeated)?;
            if first.events > 0 {
                written.push(Written {
                    stream: stream.clone(),
                    version: first.version,
                    events: first.events,
                });
            }
        }
        if let Some((_, end)) = end {
            for fold in folds(&mut reads) {
                let loaded = fold.load_at(repositories, end.position).await;
                loaded.map_err(DecisionError::Repeated)?;
            }
        }
        Ok(Some(Decided {
            position: newest(&mut reads),
            reads,
            streams: written,
            repeated: true,
            attempts: 0,
        }))
    }
}

fn aggregates(reads: &mut impl Reads) -> impl Iterator<Item = &mut dyn OfAggregate> {
    let reads = reads.each().into_iter();
    reads.filter_map(|read| match read.part() {
        Part::Aggregate(of) => Some(of),
        Part::Fold(_) => None,
    })
}

fn folds(reads: &mut impl Reads) -> impl Iterator<Item = &mut dyn OfFold> {
    let reads = reads.each().into_iter();
    reads.filter_map(|read| match read.part() {
        Part::Fold(of) => Some(of),
        Part::Aggregate(_) => None,
    })
}

/// What could have changed meanwhile.
fn keys(reads: &mut impl Reads) -> Vec<Changed> {
    let reads = reads.each().into_iter();
    reads.filter_map(|read| Changed::of(read).ok()).collect()
}

/// Whether it was decided that nothing is written.
fn writes_nothing<E>(attempt: &Result<Done, Attempt<E>>) -> bool {
    match attempt {
        Ok((streams, _)) => streams.is_empty(),
        Err(Attempt::Failed(error)) => matches!(
            error,
            DecisionError::Rejected(_) | DecisionError::VersionMismatch { .. }
        ),
        Err(_) => false,
    }
}

/// The position of the newest event of all that was read.
fn newest(reads: &mut impl Reads) -> Position {
    let positions = reads.each().into_iter().map(|read| read.position());
    positions.max().unwrap_or(Position::START)
}

fn stream_of<E>(read: &dyn OfAggregate) -> Result<StreamId, DecisionError<E>> {
    read.stream().map_err(|id| DecisionError::Load(id.into()))
}

/// The streams of the aggregates, each once.
fn streams_of<E>(reads: &mut impl Reads) -> Result<Vec<StreamId>, DecisionError<E>> {
    let mut streams = Vec::new();
    for read in aggregates(reads) {
        let stream = stream_of(read)?;
        if streams.contains(&stream) {
            return Err(DecisionError::SameStream { stream });
        }
        streams.push(stream);
    }
    Ok(streams)
}
