//! Execution of one command: load, decide, append, and again when another writer was first.

use super::{ExecuteError, LoadError, Repository, SnapshotUse, cache::Turn};
use crate::{
    Aggregate, Append, AppendError, AppendId, Appended, AsId, Command, Decoded, EventId, EventSet,
    EventStore, Events, ExpectedVersion, InvalidStreamId, Metadata, NewEvent, Outcome, Position,
    ReadLimit, Snapshot, SnapshotStore, StateError, StorageError, StoredPayload, StreamId,
    StreamRange, aggregate::HandledBy, metrics, trace,
};
use std::{
    fmt,
    future::{Future, IntoFuture},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
};

/// A command that runs when it is awaited. [`Repository::execute`] returns it.
#[must_use = "a command does nothing until it is awaited"]
pub struct Execute<'a, A: Aggregate, S, N> {
    repository: &'a Repository<A, S, N>,
    stream: Result<StreamId, InvalidStreamId>,
    /// Boxed, so that the bounds of a command are checked where it is given, and nowhere again.
    decide: Box<Decide<A>>,
    metadata: Metadata,
    append_id: Option<AppendId>,
    request: Option<String>,
    expected: Option<u64>,
}

type Decide<A> = dyn Fn(&A) -> Result<Events<A>, <A as Aggregate>::Error> + Send;

impl<'a, A: Aggregate, S, N> Execute<'a, A, S, N> {
    pub(super) fn new(
        repository: &'a Repository<A, S, N>,
        id: impl AsId<A::Id>,
        command: impl Command + HandledBy<A>,
    ) -> Self {
        Self {
            repository,
            stream: StreamId::of::<A>(id),
            decide: Box::new(move |state| command.clone().handled_by(state)),
            metadata: Metadata::new(),
            append_id: None,
            request: None,
            expected: None,
        }
    }

    /// With this metadata on each event, such as [`Envelope::following`](crate::Envelope::following).
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// With an id that makes the command safe to repeat.
    ///
    /// A command with the same id on the same aggregate writes nothing and returns the first result, with
    /// [`Executed::repeated`] set. Only accepted commands are remembered. A rejected one is decided again.
    ///
    /// Never use one id for two requests: the commands are not compared, so the second one gets the result
    /// of the first, unless both have a [fingerprint](Execute::request).
    pub fn append_id(mut self, id: AppendId) -> Self {
        self.append_id = Some(id);
        self
    }

    /// With a fingerprint of the request, such as a hash of the body of an HTTP request: any text of at most 256
    /// bytes. It is stored with the append id. The same id with another fingerprint fails with
    /// [`AppendError::OtherRequest`] instead of returning the result of the first request.
    pub fn request(mut self, fingerprint: impl Into<String>) -> Self {
        self.request = Some(fingerprint.into());
        self
    }

    /// With the version that the caller saw, such as that of an `If-Match` header. At any other version the
    /// command fails with [`ExecuteError::VersionMismatch`], also when another writer is first while it is decided: it
    /// is never decided on a state that the caller did not see.
    pub fn expect_version(mut self, version: u64) -> Self {
        self.expected = Some(version);
        self
    }
}

impl<A: Aggregate, S, N> fmt::Debug for Execute<'_, A, S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute")
            .field("aggregate", &A::NAME)
            .field("append_id", &self.append_id)
            .finish_non_exhaustive()
    }
}

impl<'a, A: Aggregate, S: EventStore, N: SnapshotStore> IntoFuture for Execute<'a, A, S, N> {
    type Output = Result<Executed<A>, ExecuteError<A::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(trace::in_span(A::NAME, async move {
            let timer = metrics::Timer::start();
            self.metadata = trace::traced(self.metadata);
            let done = self.run().await;
            metrics::executed(timer, &done);
            done
        }))
    }
}

/// The result of a command.
#[non_exhaustive]
pub struct Executed<A: Aggregate> {
    /// The state after the command.
    pub state: A,
    /// The version of the aggregate after the command.
    pub version: u64,
    /// The position of the aggregate's newest event after the command, [`Position::START`] without one. A
    /// read model at this position includes the command.
    pub position: Position,
    /// The stored events, in order and as a later read returns them. Empty when the aggregate accepted the
    /// command without events.
    pub events: Vec<A::Event>,
    /// Whether this is the result of an earlier command with the same append id.
    pub repeated: bool,
    /// The number of attempts: more than 1 when other writers were first, 0 for a repeated command.
    pub attempts: u32,
    /// The failure to store a due snapshot. The command took effect nevertheless.
    pub snapshot_failure: Option<SnapshotFailure>,
}

impl<A: Aggregate> fmt::Debug for Executed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executed")
            .field("version", &self.version)
            .field("position", &self.position)
            .field("events", &self.events.len())
            .field("repeated", &self.repeated)
            .finish_non_exhaustive()
    }
}

/// Why a due snapshot could not be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFailure {
    /// The state cannot be kept in a snapshot.
    #[error(transparent)]
    State(StateError),
    /// Encoding, decoding or comparing the state panicked. The panic hook received the message of the panic.
    #[error("encoding, decoding or comparing the state panicked")]
    Panicked,
    /// The store failed.
    #[error(transparent)]
    Store(StorageError),
}

/// The events of the handler, encoded, and the state after them.
pub(super) struct Decision<A: Aggregate> {
    pub(super) state: A,
    events: Vec<A::Event>,
    pub(super) stored: Vec<NewEvent>,
}

impl<A: Aggregate, S: EventStore, N: SnapshotStore> Execute<'_, A, S, N> {
    async fn run(self) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let (repository, stream) = (self.repository, self.stream.clone());
        let stream = stream.map_err(|e| ExecuteError::Load(e.into()))?;
        let (cache, retry, typed) = (&repository.cache, &repository.retry, repository.cached);
        let mut turn = Turn { kept: None, typed };
        if typed.is_some() || cache.busy(retry, || [&stream]).is_some() {
            turn.wait(cache, &stream, retry, 0).await;
        }
        let mut known = turn.take();
        let was_cached = known.is_some();
        let (mut is_cached, mut attempt) = (was_cached, 0);
        loop {
            metrics::attempt(A::NAME);
            // It may be stale. What fails on it is no answer and no attempt: the newest state decides.
            let may_be_stale = std::mem::take(&mut is_cached);
            let loaded = match known.take() {
                Some(cached) if may_be_stale => cached,
                known => {
                    let before = known.as_ref().map(|known| known.position);
                    let loaded = repository.replay(&stream, known, u64::MAX).await;
                    let loaded = loaded.map_err(ExecuteError::Load)?;
                    if was_cached && attempt == 0 && before != Some(loaded.position) {
                        metrics::cached(A::NAME, "stale");
                    }
                    attempt += 1;
                    loaded
                }
            };
            let (version, position, snapshot) = (loaded.version, loaded.position, loaded.snapshot);
            let mut kept = turn.copy(&loaded);
            let decided = match self.expected {
                Some(expected) if expected != version => Err(ExecuteError::VersionMismatch {
                    stream: stream.clone(),
                    expected,
                    actual: version,
                }),
                _ => decide(&stream, loaded.state, &self.decide),
            };
            let mut decision = match decided {
                // The store compares the version.
                Ok(decision) if !decision.stored.is_empty() || self.append_id.is_some() => decision,
                _ if may_be_stale => {
                    known = kept;
                    continue;
                }
                decided => {
                    turn.end(cache, &stream, kept);
                    return match decided {
                        Ok(decision) => Ok(Self::executed(decision, (version, position), attempt)),
                        Err(rejected) => Box::pin(self.rejected(&stream, rejected)).await,
                    };
                }
            };
            let mut append = Append::new(stream.clone(), ExpectedVersion::Exact(version))
                .with_metadata(self.metadata.clone());
            append.events = std::mem::take(&mut decision.stored);
            (append.append_id, append.request) = (self.append_id.clone(), self.request.clone());
            let refused = match append_resolved(&repository.store, append, version).await {
                Ok(appended) if !appended.repeated => {
                    let at = (appended.version, appended.position);
                    let mut done = Self::executed(decision, at, attempt);
                    let due = repository.due_snapshot(&stream, &done, snapshot);
                    let saved = save(&repository.snapshots, due).await;
                    if let Some(kept) = &mut kept {
                        (kept.version, kept.position) = at;
                        if let Some(Ok(version)) = saved {
                            kept.snapshot = SnapshotUse::Used { version };
                        }
                    }
                    done.snapshot_failure = saved.and_then(Result::err);
                    turn.leave(kept, &done.events);
                    return Ok(done);
                }
                Err(error @ AppendError::Storage { .. }) => {
                    return Err(ExecuteError::Append(error));
                }
                refused => refused,
            };
            if let Err(AppendError::Conflict { .. }) = refused {
                metrics::conflicts(A::NAME, 1);
            }
            match &refused {
                Err(_) if may_be_stale => {
                    known = kept;
                    continue;
                }
                Err(AppendError::Conflict { .. })
                    if self.expected.is_none() && attempt < retry.attempts.get() =>
                {
                    Box::pin(turn.wait(cache, &stream, retry, attempt)).await;
                    known = kept;
                    continue;
                }
                _ => turn.leave(kept, &[]),
            }
            return Box::pin(self.refused(stream, refused, version, attempt)).await;
        }
    }

    /// The answer to a command whose append was refused, or is a repetition.
    async fn refused(
        self,
        stream: StreamId,
        refused: Result<Appended, AppendError>,
        version: u64,
        attempts: u32,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let first = match refused {
            Ok(first) => Some(first),
            // Another decision under this id came first; its result is the first one.
            Err(AppendError::IdReused { append_id, .. }) => {
                let first = self.repository.store.find_append(&stream, &append_id);
                let first = first.await;
                first.map_err(|e| ExecuteError::Repeated(e.into()))?
            }
            Err(AppendError::Conflict { actual, .. }) => {
                // It was at the expected version and never will be again.
                return match self.expected {
                    Some(expected) => {
                        let mismatch = ExecuteError::VersionMismatch {
                            stream: stream.clone(),
                            expected,
                            actual,
                        };
                        self.rejected(&stream, mismatch).await
                    }
                    None => Err(ExecuteError::Conflict {
                        stream,
                        attempts,
                        actual,
                    }),
                };
            }
            Err(error) => return Err(ExecuteError::Append(error)),
        };
        match first {
            Some(first) => self.first(&stream, first).await,
            None => Err(ExecuteError::Conflict {
                stream,
                attempts,
                actual: version,
            }),
        }
    }

    fn executed(decided: Decision<A>, at: (u64, Position), attempt: u32) -> Executed<A> {
        Executed {
            state: decided.state,
            version: at.0,
            position: at.1,
            events: decided.events,
            repeated: false,
            attempts: attempt.max(1),
            snapshot_failure: None,
        }
    }

    /// A rejected command may be the repetition of an accepted one. What is rare like this is boxed where it is awaited, so
    /// that the usual way does not carry it.
    async fn rejected(
        self,
        stream: &StreamId,
        rejected: ExecuteError<A::Error>,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let Some(id) = &self.append_id else {
            return Err(rejected);
        };
        let first = self.repository.store.find_append(stream, id).await;
        match first.map_err(|e| ExecuteError::Load(e.into()))? {
            Some(first) if first.is_of(self.request.as_deref()) => self.first(stream, first).await,
            Some(first) => Err(ExecuteError::Append(AppendError::OtherRequest {
                stream: stream.clone(),
                append_id: id.clone(),
                version: first.version,
            })),
            None => Err(rejected),
        }
    }

    /// The result of the first command with the append id.
    async fn first(
        self,
        stream: &StreamId,
        first: Appended,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let repository = self.repository;
        let read = async {
            let loaded = repository.replay(stream, None, first.version).await?;
            let before = first.version.saturating_sub(first.events);
            let events = repository
                .events_between(stream, before, first.version)
                .await?;
            Ok::<_, LoadError>((loaded, events))
        };
        let (loaded, events) = read.await.map_err(ExecuteError::Repeated)?;
        Ok(Executed {
            state: loaded.state,
            version: first.version,
            position: first.position,
            events,
            repeated: true,
            attempts: 0,
            snapshot_failure: None,
        })
    }
}

/// Stores a snapshot that is due. Returns its version.
async fn save<N: SnapshotStore>(
    store: &N,
    due: Option<Result<Snapshot, SnapshotFailure>>,
) -> Option<Result<u64, SnapshotFailure>> {
    let snapshot = match due? {
        Ok(snapshot) => snapshot,
        Err(failure) => return Some(Err(failure)),
    };
    let version = snapshot.version;
    let saved = store.save_snapshot(snapshot).await;
    Some(saved.map(|()| version).map_err(SnapshotFailure::Store))
}

/// Appends. When the store does not know whether it wrote, looks for the events and the append id.
async fn append_resolved<S: EventStore>(
    store: &S,
    append: Append,
    version: u64,
) -> Result<Appended, AppendError> {
    let stream = append.stream.clone();
    let (append_id, request) = (append.append_id.clone(), append.request.clone());
    let ids: Vec<_> = append.events.iter().map(|event| event.id).collect();
    let error = match store.append(append).await {
        Err(error) if error.outcome() == Outcome::Unknown => error,
        other => return other,
    };
    if let Some(appended) = Box::pin(find_events(store, &stream, version, &ids)).await {
        return Ok(appended);
    }
    if let Some(id) = append_id {
        match store.find_append(&stream, &id).await {
            Ok(Some(first)) if first.is_of(request.as_deref()) => return Ok(first),
            _ => {}
        }
    }
    Err(error)
}

/// What an append wrote whose answer was lost. `None` when the events after version `after` have other ids.
///
/// # Cancel safety
/// Reads only.
pub async fn find_events<S: EventStore>(
    store: &S,
    stream: &StreamId,
    after: u64,
    ids: &[EventId],
) -> Option<Appended> {
    let limit = ReadLimit::events(ids.len()).with_bytes(usize::MAX);
    let range = StreamRange::forward(after);
    let found = store.read_stream(stream, range, limit).await.ok()?;
    let last = found.last()?;
    let events = last.version.saturating_sub(after);
    let found = found.iter().map(|event| event.event_id);
    found
        .eq(ids.iter().copied())
        .then(|| Appended::new(last.version, events, last.position, last.recorded_at))
}

/// Runs the handler, and all code of the user that must work before anything is written.
pub(super) fn decide<A: Aggregate>(
    stream: &StreamId,
    mut state: A,
    handle: impl FnOnce(&A) -> Result<Events<A>, A::Error>,
) -> Result<Decision<A>, ExecuteError<A::Error>> {
    // A panic leaves the state in doubt; it is dropped with the error.
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let decided = handle(&state).map_err(ExecuteError::Rejected)?;
        let mut stored = Vec::with_capacity(decided.len());
        let mut events = Vec::with_capacity(decided.len());
        let mut id = EventId::new();
        for event in decided {
            let (new, read_back) = encode::<A>(stream, &event, id)?;
            id = id.next();
            stored.push(new);
            // The decoded event is applied and returned, because a replay will see that one. A field may
            // not survive its stored form unchanged.
            for event in read_back {
                state.apply_event(&event);
                events.push(event);
            }
        }
        Ok(Decision {
            state,
            events,
            stored,
        })
    }));
    decided.unwrap_or_else(|_| {
        Err(ExecuteError::Panicked {
            stream: stream.clone(),
        })
    })
}

/// An event as it will be stored, and as a read returns it.
type Encoded<A> = (NewEvent, Decoded<<A as Aggregate>::Event>);

pub(super) fn encode<A: Aggregate>(
    stream: &StreamId,
    event: &A::Event,
    id: EventId,
) -> Result<Encoded<A>, ExecuteError<A::Error>> {
    let kind = event.event_type();
    let payload = event
        .encode(A::CODEC)
        .map_err(|source| ExecuteError::Encode {
            stream: stream.clone(),
            event: kind.name,
            source,
        })?;
    let mut new = NewEvent {
        id,
        name: kind.name.into(),
        schema_version: kind.version,
        content_type: A::CODEC.content_type().into(),
        payload,
        unique: Vec::new(),
        tags: Vec::new(),
    };
    let stored = StoredPayload::new(kind.version, &new.content_type, &new.payload);
    match A::Event::decode(kind.name, stored) {
        Ok(read_back) => {
            // A replay sees the decoded event, so its values are the ones to claim and to tag.
            (new.unique, new.tags) = match &read_back {
                Decoded::One(event) => (event.unique(), event.tags()),
                Decoded::Many(events) => (
                    events.iter().flat_map(EventSet::unique).collect(),
                    events.iter().flat_map(EventSet::tags).collect(),
                ),
            };
            Ok((new, read_back))
        }
        Err(source) => Err(ExecuteError::Unreadable {
            stream: stream.clone(),
            event: kind.name,
            source,
        }),
    }
}

impl<A: Aggregate, S: EventStore, N: SnapshotStore> Repository<A, S, N> {
    /// The events of a stream with versions in `(after, until]`.
    async fn events_between(
        &self,
        stream: &StreamId,
        after: u64,
        until: u64,
    ) -> Result<Vec<A::Event>, LoadError> {
        let mut events = Vec::new();
        let mut after = after;
        while after < until {
            let most = usize::try_from(until - after).unwrap_or(usize::MAX);
            let limit = ReadLimit::events(most.min(ReadLimit::default().events));
            let page = self.page(stream, after, limit).await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            let page = page.into_iter().filter(|event| event.version <= until);
            events.extend(page.map(|envelope| envelope.event));
        }
        Ok(events)
    }

    /// The snapshot to take now, when there are enough events since the last one.
    fn due_snapshot(
        &self,
        stream: &StreamId,
        executed: &Executed<A>,
        last: SnapshotUse,
    ) -> Option<Result<Snapshot, SnapshotFailure>> {
        let (policy, fingerprint) = A::SNAPSHOTS.zip(self.fingerprint)?;
        let since = match last {
            SnapshotUse::Used { version } => executed.version.saturating_sub(version),
            _ => executed.version,
        };
        if since < policy.every.get() {
            return None;
        }
        let encode = || policy.encode(&executed.state, A::CODEC);
        let state = match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => return Some(Err(SnapshotFailure::State(error))),
            Err(_) => return Some(Err(SnapshotFailure::Panicked)),
        };
        Some(Ok(Snapshot::new(
            stream.clone(),
            executed.version,
            executed.position,
            fingerprint,
            A::CODEC.content_type().to_owned(),
            state,
        )))
    }
}
