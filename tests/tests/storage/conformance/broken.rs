//! Stores that are broken on purpose: each is caught by a check that is named here, and the same store
//! without its fault passes that check.

use es_projections::{
    Dialect, ReadDatabase, SqlValue,
    backend::{Job, RolledBack, RowsOfQueries, TransactionError},
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, Commit, CommitError, CommitStore, Committed,
    EventFilter, EventStore, ExpectedVersion, FeedPage, MemoryStore, NewEvent, OnDuplicates,
    Outcome, Position, ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore, StorageError,
    StorageErrorKind, StreamFold, StreamId, StreamRange, UniqueChange, UniqueValue, UniqueWalk,
    UniqueWalked, WorkQueue, WorkStatus,
};
use es_sqlite::{SqliteReadDatabase as SqliteRead, SqliteStore, SqliteTransaction};
use es_testkit::conformance::{
    self, AnyFixture, Capabilities, Fault as Injected, NoDatabase, StoreFixture, checkpoints,
};
use es_testkit::{Layered, StoreLayer};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// What is wrong with a store that is otherwise the one in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing: the wrapper itself changes nothing.
    None,
    IgnoresExpectedVersion,
    ChecksThenWritesWithoutALock,
    AppendsHalfABatch,
    SaysOkAndWritesNothing,
    ForgetsAppendIds,
    TakesOtherContentUnderAKnownId,
    ChecksTheVersionBeforeTheId,
    FoldsIdsToLowerCase,
    DropsTheLastEventOfAPage,
    SkipsWhatTheFilterHeldBackTwice,
    StaleHead,
    EndsAFoldEarly,
    FoldStartsOneTooLate,
    ReadsBackwardForward,
    ChangesPayloads,
    LosesMetadata,
    RefusesAtTheLimit,
    KeepsOldSnapshots,
    ForgetsSnapshots,
    /// Ids are remembered for so many appends only.
    ForgetsOldAppendIds,
    /// The id is recorded next to the events, in a transaction of its own.
    RecordsTheIdLater,
    /// Takes the answer of a commit for granted although the database refused a row.
    CommitsWhatWasRefused,
    /// Fails although it wrote.
    FailsAfterWriting,
    /// Positions are taken before the commit, and the feed shows what is committed by now: a serial
    /// column, or a horizon that is not of the same snapshot as the rows.
    ShowsCommitsOutOfOrder,
    /// The feed is in the order of the writers' clocks.
    OrdersTheFeedByTime,
    PutsTheCheckpointAhead,
    /// Reads end before a row that cannot be read.
    TruncatesAtDamage,
    /// Payloads are kept as `jsonb` would.
    NormalisesJson,
    RefusesDeepJson,
    CutsTimesToMilliseconds,
    TrustsEverySnapshot,
    RepairsSnapshots,
    LeaksDroppedReads,
    QuotesPayloads,
    /// Tells a writer that it is blocked, and writes when it is not any more.
    WritesWhatItCalledBusy,
    /// A full disk is reported as a conflict.
    CallsAFullDiskAConflict,
    /// Has wakes and does not say so.
    HidesItsWakes,
    /// Is the same store each time and does not say so.
    HidesThatItReopens,
    /// Says that it was opened for reading, and writes.
    WritesWhenReadOnly,
    /// Says that it closes, and goes on.
    GoesOnAfterClose,
    /// Makes a fault that it does not declare.
    MakesMoreThanItSays,
    /// Claims are ignored, without a word.
    IgnoresClaims,
    /// The same of a store that says that it has no unique values.
    IgnoresClaimsAndSaysSo,
    /// Looks who has a value, and claims it later.
    LooksThenClaimsWithoutALock,
    /// An earlier value of a stream is never given back.
    KeepsEarlierValues,
    /// Is deaf to how long a value is kept.
    FreesKeptValuesAtOnce,
    /// A value that is reserved is reserved for its former holder, too.
    LocksFormerHoldersOut,
    /// Looks who has a value before it looks for the append id.
    ChecksValuesBeforeTheId,
    /// What a refused append released stays released.
    ReleasesAlthoughRefused,
    FoldsValuesToLowerCase,
    /// Once a value is taken, the appends that wait with it are refused, too.
    RefusesTheNeighbours,
    /// No first event turns a rule on.
    NeverTurnsRulesOn,
    /// Turns a rule on although two streams have one value.
    TurnsOnWithDuplicates,
    /// Whoever comes last has the value.
    LastWins,
    /// Does a step of turning a rule on again.
    WalksTwice,
    /// Passes over claims of what the stream has already.
    PassesOverWhatIsHeld,
    /// Takes the value of a stream that it walks, also a later one.
    FreesLaterClaims,
    /// A program that does not know a rule writes as before.
    LetsOlderProgramsPass,
    /// The claim is made outside of the transaction of the event.
    ClaimsLater,
    /// Of a commit, all claims are checked before the first release.
    ChecksTheClaimsOfACommitFirst,
    /// Each work item that is new begins with the epoch 0.
    BeginsEpochsAnew,
    /// Counts the work items of all aggregates, whichever are asked for.
    CountsForeignWork,
    /// A page of streams begins with the last one of the page before.
    ListsTheLastStreamAgain,
    /// Streams of an aggregate are those whose name begins like it.
    ListsByPrefix,
    /// Ids are in the order of a locale.
    ListsIgnoringCase,
    /// Whatever has a row of some kind is a stream.
    ListsStreamsWithoutEvents,
    /// Has lists and does not say so.
    HidesItsLists,
    /// Compares ids of events with stored ones and does not say so.
    HidesThatItComparesIds,
    /// Of two folds at a time, the second one reads the stream of the first one.
    MixesUpFolds,
    /// The feed knows only names.
    IgnoresAggregatesOfAFeed,
}

#[derive(Clone)]
struct Broken {
    inner: MemoryStore,
    fault: Fault,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stale: Option<Position>,
    /// The newest append ids, recorded in transactions of their own.
    recorded: VecDeque<((StreamId, AppendId), Appended)>,
    /// The first shape of each snapshot.
    shapes: HashMap<StreamId, es_runtime::Fingerprint>,
    /// Positions that are given out and not committed yet.
    uncommitted: BTreeSet<Position>,
    damaged: Option<(StreamId, u64)>,
    /// The stream of the fold that is under way.
    folding: Option<StreamId>,
    /// The streams that were named in any request.
    named: BTreeSet<StreamId>,
    is_blocked: bool,
    is_full: bool,
    loses_answers: bool,
    reads: usize,
    /// Whether an append was just refused because of its value.
    has_refused: bool,
    /// Claims that are kept in a map of their own, next to the store in memory.
    held: Vec<(StreamId, String)>,
}

struct BrokenFixture {
    fault: Fault,
    kept: MemoryStore,
}

impl BrokenFixture {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            kept: MemoryStore::new(),
        }
    }
}

impl StoreFixture for BrokenFixture {
    type Store = Layered<Broken>;
    type Database = NoDatabase;

    async fn open(&self) -> Layered<Broken> {
        let inner = match self.fault {
            Fault::HidesThatItReopens => self.kept.clone(),
            _ => MemoryStore::new(),
        };
        Layered(Broken {
            inner,
            fault: self.fault,
            state: Arc::default(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            wakes: self.fault != Fault::HidesItsWakes,
            closes: self.fault == Fault::GoesOnAfterClose,
            read_only: self.fault == Fault::WritesWhenReadOnly,
            damage: true,
            unique: self.fault != Fault::IgnoresClaimsAndSaysSo,
            unique_walks: self.fault != Fault::IgnoresClaimsAndSaysSo,
            lists_streams: self.fault != Fault::HidesItsLists,
            event_ids: self.fault != Fault::HidesThatItComparesIds,
            faults: match self.fault {
                Fault::MakesMoreThanItSays => &[],
                _ => &[
                    Injected::WriterBlocked,
                    Injected::DiskFull,
                    Injected::ConnectionsLost,
                ],
            },
            ..Capabilities::default()
        }
    }

    async fn open_for_reading(&self) -> Option<Layered<Broken>> {
        match self.fault {
            Fault::WritesWhenReadOnly => Some(self.open().await),
            _ => None,
        }
    }

    async fn damage(&self, store: &Layered<Broken>, stream: &StreamId, version: u64) -> bool {
        store.state().damaged = Some((stream.clone(), version));
        true
    }

    async fn inject(&self, store: &Layered<Broken>, fault: Injected) -> bool {
        {
            let mut state = store.state();
            match fault {
                Injected::WriterBlocked => state.is_blocked = true,
                Injected::DiskFull => state.is_full = true,
                Injected::ConnectionsLost => state.loses_answers = true,
                _ => return false,
            }
        }
        tokio::task::yield_now().await;
        true
    }

    async fn heal(&self, store: &Layered<Broken>, _: Injected) {
        let mut state = store.state();
        state.is_blocked = false;
        state.is_full = false;
    }
}

/// What a call on the store in memory answers, which never waits.
fn ready_now<T>(call: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(call).poll(&mut context) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("memory does not wait"),
    }
}

/// A transaction that is under way, and over when this is dropped.
struct Uncommitted<'b>(&'b Broken, Position);

impl Drop for Uncommitted<'_> {
    fn drop(&mut self) {
        self.0.state().uncommitted.remove(&self.1);
    }
}

impl Broken {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under it")
    }

    /// What a store says that cannot write just now.
    fn failed(append: &Append, kind: StorageErrorKind, outcome: Outcome) -> AppendError {
        AppendError::Storage {
            stream: append.stream.clone(),
            outcome,
            error: StorageError::new(kind, "it cannot write"),
        }
    }

    /// The events before a damaged one, or the error that names it.
    fn undamaged(&self, mut events: Vec<RecordedEvent>) -> Result<Vec<RecordedEvent>, ReadError> {
        let damaged = self.state().damaged.clone();
        let is_bad = |event: &RecordedEvent| Some((event.stream.clone(), event.version)) == damaged;
        let Some(index) = events.iter().position(is_bad) else {
            return Ok(events);
        };
        if self.fault == Fault::TruncatesAtDamage {
            events.truncate(index);
            return Ok(events);
        }
        let bad = events.swap_remove(index);
        Err(ReadError::Corrupt {
            stream: bad.stream,
            version: bad.version,
            position: bad.position,
            what: "it is damaged".to_owned(),
        })
    }

    async fn version(&self, stream: &StreamId) -> u64 {
        let newest = StreamRange::backward(u64::MAX);
        let newest = self.inner.read_stream(stream, newest, ReadLimit::events(1));
        let newest = newest.await.expect("memory can be read");
        newest.first().map_or(0, |event| event.version)
    }
}

/// The changes of the events of an append, to be broken.
fn changes(append: &mut Append) -> impl Iterator<Item = &mut UniqueChange> {
    let events = append.events.iter_mut();
    events.flat_map(|event| &mut event.unique)
}

fn claimed(change: &UniqueChange) -> Option<(&str, &str)> {
    match &change.value {
        UniqueValue::Claimed(value) => Some((&change.rule, value)),
        _ => None,
    }
}

impl Broken {
    /// The refusal of an append whose value another stream has just now.
    async fn taken(&self, append: &Append) -> Option<AppendError> {
        for change in append.events.iter().flat_map(|event| &event.unique) {
            let Some((rule, value)) = claimed(change) else {
                continue;
            };
            let holder = self.inner.unique_holder(rule, value).await;
            match holder.expect("memory can be read") {
                Some(holder) if holder != append.stream => {
                    return Some(AppendError::Taken {
                        stream: append.stream.clone(),
                        rule: rule.to_owned(),
                        holder,
                    });
                }
                _ => {}
            }
        }
        None
    }

    /// Breaks what an append does to unique values, or answers it.
    async fn break_unique(&self, append: &mut Append) -> Option<Result<Appended, AppendError>> {
        let has_rules = append.events.iter().any(|event| !event.unique.is_empty());
        let plain = [Fault::RefusesTheNeighbours, Fault::LetsOlderProgramsPass];
        if !has_rules && !plain.contains(&self.fault) {
            return None;
        }
        match self.fault {
            Fault::IgnoresClaims | Fault::IgnoresClaimsAndSaysSo => {
                for event in &mut append.events {
                    event.unique.clear();
                }
            }
            Fault::LooksThenClaimsWithoutALock => {
                if let Some(taken) = self.taken(append).await {
                    return Some(Err(taken));
                }
                tokio::task::yield_now().await;
                // Another's claim of the moment in between is overwritten.
                let mut claimless = append.clone();
                for change in changes(&mut claimless) {
                    change.value = UniqueValue::Unchanged;
                }
                return Some(match self.inner.append(append.clone()).await {
                    Err(AppendError::Taken { .. }) => self.inner.append(claimless).await,
                    other => other,
                });
            }
            Fault::KeepsEarlierValues => {
                for change in changes(append) {
                    change.keep = Duration::from_secs(1_000_000);
                }
            }
            Fault::FreesKeptValuesAtOnce => {
                for change in changes(append) {
                    change.keep = Duration::ZERO;
                }
            }
            Fault::LocksFormerHoldersOut => {
                let reserved = append.events.iter().flat_map(|event| &event.unique);
                let key =
                    |change: &UniqueChange| claimed(change).map(|(_, value)| value.to_owned());
                let again = reserved.clone().filter_map(key).find(|value| {
                    let mut stream = self.state().held.clone().into_iter();
                    stream.any(|(of, held)| of == append.stream && held == *value)
                });
                self.state().held.extend(
                    reserved
                        .filter_map(key)
                        .map(|value| (append.stream.clone(), value)),
                );
                if again.is_some() {
                    return Some(Err(AppendError::Taken {
                        stream: append.stream.clone(),
                        rule: "test.email".to_owned(),
                        holder: append.stream.clone(),
                    }));
                }
            }
            Fault::ChecksValuesBeforeTheId => {
                return self.taken(append).await.map(Err);
            }
            Fault::ReleasesAlthoughRefused => {
                let refused = self.inner.append(append.clone()).await;
                if refused.is_err() && self.version(&append.stream).await > 0 {
                    let release = UniqueChange::release("test.email");
                    let event = NewEvent::json("test.unique", 1, "1").with_unique(vec![release]);
                    let only = Append::new(append.stream.clone(), ExpectedVersion::Any);
                    let _ = self.inner.append(only.with_event(event)).await;
                }
                return Some(refused);
            }
            Fault::FoldsValuesToLowerCase => {
                for change in changes(append) {
                    if let UniqueValue::Claimed(value) = &mut change.value {
                        *value = value.to_lowercase();
                    }
                }
            }
            Fault::RefusesTheNeighbours => {
                if std::mem::take(&mut self.state().has_refused) {
                    let other = StorageErrorKind::Other;
                    return Some(Err(Self::failed(append, other, Outcome::NotApplied)));
                }
                let done = self.inner.append(append.clone()).await;
                self.state().has_refused = matches!(done, Err(AppendError::Taken { .. }));
                return Some(done);
            }
            Fault::NeverTurnsRulesOn => {
                let own = StreamId::new("before", append.stream.id()).expect("usable");
                for event in &append.events {
                    let plain = NewEvent::json(event.name.clone(), 1, "1");
                    let plain = Append::new(own.clone(), ExpectedVersion::Any).with_event(plain);
                    let _ = self.inner.append(plain).await;
                }
            }
            Fault::LetsOlderProgramsPass => {
                let done = self.inner.append(append.clone()).await;
                let Err(AppendError::UniqueRuleUnknown { rule, event, .. }) = done else {
                    return Some(done);
                };
                for of_name in append.events.iter_mut().filter(|new| new.name == event) {
                    of_name.unique = vec![UniqueChange::unchanged(rule.clone())];
                }
                return Some(self.inner.append(append.clone()).await);
            }
            Fault::ClaimsLater => {
                let own = append.stream.clone();
                let mut held = Vec::new();
                for event in &mut append.events {
                    let changes = std::mem::take(&mut event.unique);
                    held.extend(
                        changes
                            .iter()
                            .filter_map(claimed)
                            .map(|(_, value)| (own.clone(), value.to_owned())),
                    );
                }
                let done = self.inner.append(append.clone()).await;
                tokio::task::yield_now().await;
                self.state().held.extend(held);
                return Some(done);
            }
            _ => {}
        }
        None
    }
}

fn lower(stream: &StreamId) -> StreamId {
    StreamId::new(stream.aggregate(), &stream.id().to_lowercase()).expect("usable")
}

impl StoreLayer for Broken {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        match self.fault {
            Fault::BeginsEpochsAnew => {
                for row in &mut commit.work {
                    row.first_epoch = 0;
                }
            }
            Fault::ChecksTheClaimsOfACommitFirst => {
                for append in &commit.appends {
                    if let Some(taken) = self.taken(append).await {
                        return Err(CommitError::Append(taken));
                    }
                }
            }
            Fault::RefusesTheNeighbours if std::mem::take(&mut self.state().has_refused) => {
                return Err(CommitError::Storage {
                    outcome: Outcome::NotApplied,
                    error: StorageError::new(StorageErrorKind::Other, "it cannot write"),
                });
            }
            _ => {}
        }
        let done = self.inner.commit(commit).await;
        self.state().has_refused =
            matches!(done, Err(CommitError::Append(AppendError::Taken { .. })));
        done
    }

    async fn work_counts(
        &self,
        aggregates: Vec<String>,
    ) -> Result<Vec<(String, WorkStatus, u64)>, ReadError> {
        let aggregates = match self.fault {
            Fault::CountsForeignWork => Vec::new(),
            _ => aggregates,
        };
        self.inner.work_counts(aggregates).await
    }

    async fn walk_unique(&self, mut walk: UniqueWalk) -> Result<UniqueWalked, StorageError> {
        match self.fault {
            Fault::TurnsOnWithDuplicates if walk.finish.is_some() => {
                walk.finish = Some(OnDuplicates::FirstWins);
            }
            Fault::PassesOverWhatIsHeld => {
                let mut changes = Vec::new();
                for walked in walk.changes {
                    let UniqueValue::Claimed(value) = &walked.change.value else {
                        continue;
                    };
                    let holder = self.inner.unique_holder(&walk.rule, value).await;
                    if holder.ok().flatten().as_ref() != Some(&walked.stream) {
                        changes.push(walked);
                    }
                }
                walk.changes = changes;
            }
            Fault::FreesLaterClaims => {
                for walked in &mut walk.changes {
                    walked.position = Position::from_parts([0, 0, 1_000_000]);
                }
            }
            Fault::LastWins => walk.changes.reverse(),
            Fault::WalksTwice if !walk.changes.is_empty() => {
                let look = UniqueWalk::new(walk.rule.clone(), walk.events.clone());
                walk.from = self.inner.walk_unique(look).await?.at;
                walk.changes.reverse();
            }
            _ => {}
        }
        self.inner.walk_unique(walk).await
    }

    async fn unique_holder(&self, rule: &str, value: &str) -> Result<Option<StreamId>, ReadError> {
        match self.fault {
            Fault::ClaimsLater => {
                let state = self.state();
                let found = state.held.iter().find(|(_, held)| held == value);
                Ok(found.map(|(stream, _)| stream.clone()))
            }
            Fault::FoldsValuesToLowerCase => {
                self.inner.unique_holder(rule, &value.to_lowercase()).await
            }
            Fault::IgnoresClaimsAndSaysSo => {
                let kind = StorageErrorKind::Unsupported;
                Err(StorageError::new(kind, "there are no unique values").into())
            }
            _ => self.inner.unique_holder(rule, value).await,
        }
    }

    async fn list_streams(
        &self,
        aggregate: &str,
        after: &str,
        at_most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        let all = |name: &'static str| self.inner.list_streams(name, "", usize::MAX);
        let mut streams = match self.fault {
            Fault::ListsTheLastStreamAgain if !after.is_empty() => {
                let mut streams = all("listed").await?;
                streams.retain(|stream| stream.id() >= after);
                streams
            }
            Fault::ListsByPrefix if aggregate == "listed" => {
                let mut streams = all("listed").await?;
                streams.extend(all("listed-2").await?);
                streams.retain(|stream| stream.id() > after);
                streams
            }
            Fault::ListsIgnoringCase if aggregate == "listed" => {
                let mut streams = all("listed").await?;
                streams.sort_by_key(|stream| stream.id().to_lowercase());
                streams.retain(|stream| stream.id().to_lowercase() > after.to_lowercase());
                streams
            }
            Fault::ListsStreamsWithoutEvents => self.state().named.iter().cloned().collect(),
            _ => return self.inner.list_streams(aggregate, after, at_most).await,
        };
        streams.truncate(at_most);
        Ok(streams)
    }

    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        self.state().named.insert(append.stream.clone());
        if let Some(answer) = self.break_unique(&mut append).await {
            return answer;
        }
        if self.state().is_blocked {
            let busy = Self::failed(&append, StorageErrorKind::Busy, Outcome::NotApplied);
            if self.fault == Fault::WritesWhatItCalledBusy {
                self.inner.append(append).await?;
            }
            return Err(busy);
        }
        let bytes: usize = append.events.iter().map(|event| event.payload.len()).sum();
        if self.state().is_full && bytes > 100_000 && append.expected != ExpectedVersion::Exact(3) {
            if self.fault == Fault::CallsAFullDiskAConflict {
                let actual = self.version(&append.stream).await;
                return Err(AppendError::Conflict {
                    stream: append.stream,
                    expected: append.expected,
                    actual,
                });
            }
            return Err(Self::failed(
                &append,
                StorageErrorKind::Full,
                Outcome::NotApplied,
            ));
        }
        match self.fault {
            Fault::ForgetsOldAppendIds | Fault::RecordsTheIdLater => {
                if let Some(id) = append.append_id.take() {
                    let key = (append.stream.clone(), id);
                    let known = |(known, _): &&(_, Appended)| *known == key;
                    if let Some((_, first)) = self.state().recorded.iter().find(known) {
                        return Ok(first.clone().as_repeated());
                    }
                    let done = self.inner.append(append).await?;
                    if self.fault == Fault::RecordsTheIdLater {
                        tokio::task::yield_now().await;
                    }
                    let mut state = self.state();
                    state.recorded.push_back((key, done.clone()));
                    if state.recorded.len() > 1_000 {
                        state.recorded.pop_front();
                    }
                    return Ok(done);
                }
            }
            Fault::CommitsWhatWasRefused => {
                let answer = self.inner.append(append).await;
                return match answer {
                    Err(AppendError::DuplicateEventId { .. }) => {
                        let head = self.inner.head().await.expect("head");
                        Ok(Appended::new(1, 1, head, es_runtime::Timestamp::now()))
                    }
                    other => other,
                };
            }
            Fault::FailsAfterWriting => {
                let failed = Self::failed(&append, StorageErrorKind::Busy, Outcome::NotApplied);
                let done = self.inner.append(append).await?;
                return if done.version % 50 == 0 {
                    Err(failed)
                } else {
                    Ok(done)
                };
            }
            Fault::ShowsCommitsOutOfOrder => {
                // Positions are dense and one event has one: the next one is known beforehand.
                let (done, _open) = {
                    let mut state = self.state();
                    let done = ready_now(self.inner.append(append))?;
                    state.uncommitted.insert(done.position);
                    drop(state);
                    (done.clone(), Uncommitted(self, done.position))
                };
                let pause = done.version % 3;
                tokio::time::sleep(Duration::from_millis(pause)).await;
                return Ok(done);
            }
            Fault::NormalisesJson => {
                for event in &mut append.events {
                    let value = serde_json::from_slice::<serde_json::Value>(&event.payload);
                    if let Ok(value) = value {
                        event.payload = value.to_string().into_bytes();
                    }
                }
            }
            Fault::RefusesDeepJson => {
                let deep = |event: &es_runtime::NewEvent| {
                    let depth = event.payload.iter().filter(|byte| **byte == b'[').count();
                    depth > 127
                };
                if append.events.iter().any(deep) {
                    let other = StorageErrorKind::Other;
                    return Err(Self::failed(&append, other, Outcome::NotApplied));
                }
            }
            Fault::QuotesPayloads => {
                let reason = append.events.first().map(|event| event.payload.clone());
                let reason = reason.map(String::from_utf8).and_then(Result::ok);
                let stream = append.stream.clone();
                return match self.inner.append(append).await {
                    Err(AppendError::IdReused { .. }) => Err(AppendError::Projection {
                        stream,
                        projection: "quoting",
                        error: reason.unwrap_or_default().into(),
                    }),
                    other => other,
                };
            }
            Fault::IgnoresExpectedVersion => append.expected = ExpectedVersion::Any,
            Fault::ChecksThenWritesWithoutALock => {
                let actual = self.version(&append.stream).await;
                tokio::task::yield_now().await;
                if append.expected.accepts(actual) {
                    append.expected = ExpectedVersion::Any;
                }
            }
            Fault::AppendsHalfABatch if append.events.len() > 1 => {
                let half = append.events.len() / 2;
                let rest = append.events.split_off(half);
                let first = self.inner.append(append.clone()).await?;
                // The moment in which a reader sees the half.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                append.events = rest;
                append.append_id = None;
                append.expected = ExpectedVersion::Exact(first.version);
                let mut done = self.inner.append(append).await?;
                done.events += first.events;
                return Ok(done);
            }
            Fault::SaysOkAndWritesNothing => {
                let actual = self.version(&append.stream).await;
                if !append.expected.accepts(actual) {
                    let head = self.inner.head().await.expect("head");
                    let now = es_runtime::Timestamp::now();
                    let count = append.events.len() as u64;
                    return Ok(Appended::new(actual + count, count, head, now));
                }
            }
            Fault::ForgetsAppendIds => append.append_id = None,
            Fault::TakesOtherContentUnderAKnownId => {
                if let Some(id) = &append.append_id {
                    let known = self.inner.find_append(&append.stream, id).await;
                    if let Some(first) = known.expect("memory can be read") {
                        return Ok(first);
                    }
                }
            }
            Fault::ChecksTheVersionBeforeTheId => {
                let actual = self.version(&append.stream).await;
                if !append.expected.accepts(actual) {
                    return Err(AppendError::Conflict {
                        stream: append.stream,
                        expected: append.expected,
                        actual,
                    });
                }
            }
            Fault::FoldsIdsToLowerCase => append.stream = lower(&append.stream),
            Fault::ChangesPayloads => {
                for event in &mut append.events {
                    let text = String::from_utf8_lossy(&event.payload).into_owned();
                    event.payload = text.into_bytes();
                }
            }
            Fault::LosesMetadata => append.metadata.custom.clear(),
            Fault::RefusesAtTheLimit => {
                let mut tighter = es_runtime::Limits::default();
                tighter.payload_bytes -= 1;
                if let Err(reason) = append.check(&tighter) {
                    let stream = append.stream;
                    return Err(AppendError::Invalid { stream, reason });
                }
            }
            _ => {}
        }
        let before = self.inner.head().await.expect("head");
        let lost = std::mem::take(&mut self.state().loses_answers);
        let failed = Self::failed(&append, StorageErrorKind::Unreachable, Outcome::Unknown);
        let done = self.inner.append(append).await?;
        self.state().stale = Some(before);
        if lost { Err(failed) } else { Ok(done) }
    }

    async fn fold_stream<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        mut fold: F,
    ) -> Result<F, ReadError> {
        match self.fault {
            Fault::EndsAFoldEarly => {
                let range = StreamRange::forward(after);
                let page = self.inner.read_stream(stream, range, ReadLimit::default());
                for event in page.await? {
                    let payload = event.stored_payload();
                    let event = es_runtime::StoredEvent::new(
                        event.version,
                        event.position,
                        &event.name,
                        payload,
                    );
                    if fold.event(event).is_break() {
                        break;
                    }
                }
                Ok(fold)
            }
            Fault::MixesUpFolds => {
                let first = self.state().folding.get_or_insert(stream.clone()).clone();
                tokio::task::yield_now().await;
                self.state().folding = None;
                self.inner.fold_stream(&first, after, fold).await
            }
            Fault::FoldStartsOneTooLate if after > 0 => {
                self.inner.fold_stream(stream, after + 1, fold).await
            }
            _ => self.inner.fold_stream(stream, after, fold).await,
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        if self.fault == Fault::LeaksDroppedReads {
            // A place of a hundred is taken, and given back when the read ends.
            let places = self.state().reads;
            if places >= 100 {
                let busy = StorageError::new(StorageErrorKind::Busy, "no connection is free");
                return Err(busy.into());
            }
            self.state().reads += 1;
            tokio::task::yield_now().await;
            self.state().reads -= 1;
        }
        match self.fault {
            Fault::FoldsIdsToLowerCase => {
                self.inner.read_stream(&lower(stream), range, limit).await
            }
            Fault::CutsTimesToMilliseconds => {
                let mut events = self.inner.read_stream(stream, range, limit).await?;
                for event in &mut events {
                    let millis = event.recorded_at.unix_micros() / 1_000;
                    event.recorded_at = es_runtime::Timestamp::from_unix_micros(millis * 1_000)
                        .expect("a time as before");
                }
                Ok(events)
            }
            Fault::ReadsBackwardForward
                if range.direction == es_runtime::ReadDirection::Backward =>
            {
                let mut events = self.inner.read_stream(stream, range, limit).await?;
                events.reverse();
                Ok(events)
            }
            _ => {
                let events = self.inner.read_stream(stream, range, limit).await?;
                self.undamaged(events)
            }
        }
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let hidden = self.state().uncommitted.clone();
        let names = filter.as_names().map(<[_]>::to_vec);
        let only_names = names.map_or_else(EventFilter::all, EventFilter::names);
        let filter = match self.fault {
            Fault::IgnoresAggregatesOfAFeed => &only_names,
            _ => filter,
        };
        let mut page = self.inner.read_feed(after, filter, limit).await?;
        page.events = self.undamaged(page.events)?;
        match self.fault {
            Fault::ShowsCommitsOutOfOrder => {
                page.events
                    .retain(|event| !hidden.contains(&event.position));
                page.next = page.events.last().map_or(after, |event| event.position);
            }
            Fault::OrdersTheFeedByTime => {
                // Two writers with clocks that differ: each other event is older than it is.
                page.events.sort_by_key(|event| event.version % 2);
            }
            Fault::PutsTheCheckpointAhead if page.at_end => {
                let [high, middle, low] = page.next.to_parts();
                page.next = Position::from_parts([high, middle, low + 1]);
            }
            Fault::DropsTheLastEventOfAPage if page.events.len() > 1 => {
                page.events.pop();
            }
            Fault::SkipsWhatTheFilterHeldBackTwice if page.at_end => {
                page.next = page.events.last().map_or(after, |event| event.position);
            }
            _ => {}
        }
        Ok(page)
    }

    async fn head(&self) -> Result<Position, ReadError> {
        match self.fault {
            Fault::StaleHead => Ok(self.state().stale.unwrap_or(Position::START)),
            _ => self.inner.head().await,
        }
    }

    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        let mut found = self.inner.load_snapshot(stream).await?;
        if let (Fault::RepairsSnapshots, Some(snapshot)) = (self.fault, &mut found) {
            let newest = StreamRange::backward(u64::MAX);
            let newest = self.inner.read_stream(stream, newest, ReadLimit::events(1));
            if let [newest] = newest.await?.as_slice()
                && snapshot.version > newest.version
            {
                snapshot.version = newest.version;
                snapshot.position = newest.position;
            }
        }
        Ok(found)
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        match self.fault {
            Fault::ForgetsSnapshots => return Ok(()),
            Fault::TrustsEverySnapshot => {
                let known = self.state().shapes.get(&snapshot.stream).copied();
                let shape = known.unwrap_or(snapshot.fingerprint);
                self.state().shapes.insert(snapshot.stream.clone(), shape);
                let mut snapshot = snapshot;
                snapshot.fingerprint = shape;
                return self.inner.save_snapshot(snapshot).await;
            }
            Fault::KeepsOldSnapshots => self.inner.delete_snapshot(&snapshot.stream).await?,
            _ => {}
        }
        self.inner.save_snapshot(snapshot).await
    }
}

broken_stores! {
    ignored_version: IgnoresExpectedVersion => append::a_stale_version_is_refused;
    ignored_no_stream: IgnoresExpectedVersion
        => append::no_stream_is_refused_on_an_existing_stream;
    stale_states: IgnoresExpectedVersion => snapshots::cached_states_change_no_result;
    ignored_future_version: IgnoresExpectedVersion => append::a_future_version_is_refused;
    unlocked_check: ChecksThenWritesWithoutALock
        => append::one_of_a_hundred_racing_writers_wins;
    false_success: SaysOkAndWritesNothing => append::one_of_a_hundred_racing_writers_wins;
    half_a_batch: AppendsHalfABatch => append::a_batch_is_stored_whole_or_not_at_all;
    half_a_batch_seen: AppendsHalfABatch => reading::a_read_during_appends_sees_whole_batches;
    forgotten_ids: ForgetsAppendIds => idempotency::the_same_request_twice_has_one_effect;
    forgotten_ids_found: ForgetsAppendIds => idempotency::find_append_finds_what_was_done;
    forgotten_empty_ids: ForgetsAppendIds
        => idempotency::an_append_id_without_events_is_remembered;
    unchecked_content: TakesOtherContentUnderAKnownId
        => idempotency::other_content_under_a_known_id_is_refused;
    version_before_id: ChecksTheVersionBeforeTheId
        => idempotency::the_same_request_twice_has_one_effect;
    folded_case: FoldsIdsToLowerCase => fidelity::similar_ids_stay_apart;
    dropped_last_event: DropsTheLastEventOfAPage => reading::page_size_does_not_change_the_result;
    dropped_while_following: DropsTheLastEventOfAPage
        => feed::nothing_is_missed_while_writers_write;
    next_stands_still: SkipsWhatTheFilterHeldBackTwice
        => feed::a_page_says_where_the_next_one_starts;
    stale_head: StaleHead => feed::positions_rise_and_the_head_is_the_last;
    short_fold: EndsAFoldEarly => reading::a_hundred_thousand_events_fold;
    late_fold: FoldStartsOneTooLate => reading::a_fold_starts_and_stops_where_it_says;
    wrong_direction: ReadsBackwardForward => reading::ranges_and_limits_bound_a_read;
    changed_payloads: ChangesPayloads => fidelity::payloads_come_back_byte_for_byte;
    lost_metadata: LosesMetadata => fidelity::metadata_comes_back;
    early_limit: RefusesAtTheLimit => fidelity::limits_are_exact;
    old_snapshots: KeepsOldSnapshots => snapshots::the_newest_snapshot_is_kept;
    no_snapshots: ForgetsSnapshots => snapshots::a_saved_snapshot_comes_back;
        window_of_ids: ForgetsOldAppendIds
            => idempotency::a_request_is_known_after_ten_thousand_others;
        id_beside_the_transaction: RecordsTheIdLater => faults::calls_can_be_dropped_at_every_poll;
        half_a_batch_dropped: AppendsHalfABatch => faults::calls_can_be_dropped_at_every_poll;
        aborted_commit: CommitsWhatWasRefused => idempotency::a_known_event_id_is_refused;
        false_failure: FailsAfterWriting => append::any_version_lets_every_writer_in_once;
        commits_out_of_order: ShowsCommitsOutOfOrder => feed::nothing_is_missed_while_writers_write;
        commits_out_of_order_followed: ShowsCommitsOutOfOrder
            => feed::slow_commits_hide_nothing;
        time_ordered: OrdersTheFeedByTime => feed::the_feed_agrees_with_every_stream;
        checkpoint_ahead: PutsTheCheckpointAhead => feed::a_checkpoint_at_the_end_is_not_ahead;
        truncated_read: TruncatesAtDamage => faults::a_damaged_row_leaves_the_others;
        jsonb: NormalisesJson => fidelity::payloads_come_back_byte_for_byte;
        shallow_json: RefusesDeepJson => fidelity::nesting_comes_back;
        cut_times: CutsTimesToMilliseconds => fidelity::times_and_ids_come_back;
        trusted_snapshots: TrustsEverySnapshot
            => snapshots::a_snapshot_of_another_shape_changes_no_result;
        repaired_snapshots: RepairsSnapshots
            => snapshots::a_snapshot_ahead_of_its_stream_changes_no_result;
        leaked_reads: LeaksDroppedReads => reading::a_dropped_read_frees_its_place;
        quoted_payloads: QuotesPayloads => safety::errors_and_debug_forms_quote_no_payload;
        late_write: WritesWhatItCalledBusy => faults::a_blocked_writer_is_busy_in_time;
        full_is_conflict: CallsAFullDiskAConflict => faults::a_full_disk_refuses_and_recovers;
        doubled_by_lost_answers: ForgetsAppendIds
            => faults::lost_connections_lose_and_double_nothing;
        hidden_wakes: HidesItsWakes => feed::wakes_come_as_declared;
        hidden_reopening: HidesThatItReopens => lifecycle::two_handles_are_one_store_or_two;
        writes_read_only: WritesWhenReadOnly => lifecycle::a_store_for_reading_refuses_to_write;
        open_after_close: GoesOnAfterClose => lifecycle::a_close_answers_what_is_in_flight;
        hidden_fault: MakesMoreThanItSays => faults::a_blocked_writer_is_busy_in_time;
    ignored_claims: IgnoresClaims => unique::a_unique_value_has_one_holder;
    ignored_claims_said: IgnoresClaimsAndSaysSo => unique::a_unique_value_has_one_holder;
    unlocked_claims: LooksThenClaimsWithoutALock => unique::one_of_sixteen_racing_claims_wins;
    kept_values: KeepsEarlierValues => unique::a_stream_has_one_value_for_each_rule;
    freed_at_once: FreesKeptValuesAtOnce => unique::a_kept_value_is_reserved_until_its_time;
    locked_out: LocksFormerHoldersOut => unique::a_kept_value_is_reserved_until_its_time;
    value_before_id: ChecksValuesBeforeTheId => unique::a_repeated_append_claims_nothing;
    refused_releases: ReleasesAlthoughRefused => unique::a_refused_append_claims_nothing;
    value_before_version: ChecksValuesBeforeTheId => unique::a_refused_append_claims_nothing;
    folded_values: FoldsValuesToLowerCase
        => unique::values_are_bounded_and_compared_byte_by_byte;
    refused_neighbours: RefusesTheNeighbours => unique::a_taken_value_fails_no_neighbour;
    refused_commits: RefusesTheNeighbours => sagas::a_taken_value_fails_no_commit_beside_it;
    never_on: NeverTurnsRulesOn => unique::a_rule_is_on_from_the_first_event;
    on_with_duplicates: TurnsOnWithDuplicates => unique::a_rule_is_turned_on_for_older_events;
    held_passed_over: PassesOverWhatIsHeld
        => unique::a_rule_that_is_on_for_some_events_is_turned_on_for_all;
    later_claims_freed: FreesLaterClaims
        => unique::a_later_claim_outlives_the_walk_of_older_events;
    last_wins: LastWins => unique::the_first_event_wins_where_that_is_wanted;
    walks_twice: WalksTwice => unique::a_rule_is_turned_on_for_older_events;
    unfenced: LetsOlderProgramsPass => unique::a_program_without_the_rule_is_fenced;
    late_claims: ClaimsLater => unique::an_event_and_its_claim_are_there_or_neither_is;
    epochs_anew: BeginsEpochsAnew
        => sagas::a_work_item_that_was_lost_begins_above_its_epochs;
    foreign_counts: CountsForeignWork => sagas::rows_are_listed_in_order_and_by_filter;
    listed_twice: ListsTheLastStreamAgain => listing::streams_are_listed_in_order_and_by_pages;
    listed_by_prefix: ListsByPrefix => listing::streams_are_listed_in_order_and_by_pages;
    listed_by_locale: ListsIgnoringCase => listing::streams_are_listed_in_order_and_by_pages;
    listed_without_events: ListsStreamsWithoutEvents
        => listing::a_stream_without_events_is_not_listed;
    hidden_lists: HidesItsLists => listing::streams_are_listed_in_order_and_by_pages;
    hidden_ids: HidesThatItComparesIds => idempotency::a_known_event_id_is_refused;
    mixed_up_folds: MixesUpFolds => listing::many_are_loaded_as_each_one_alone;
    aggregates_of_a_feed: IgnoresAggregatesOfAFeed
        => feed::a_feed_of_aggregates_has_their_events_only;
    commit_checked_first: ChecksTheClaimsOfACommitFirst
        => sagas::claims_of_a_commit_follow_its_order;
}

/// A read database that does not do what its transactions ask for.
#[derive(Clone)]
struct BrokenDatabase {
    inner: SqliteRead,
    commits_all: bool,
}

/// Turns a job that wants to be undone into one that is committed.
struct Unbroken<J> {
    job: J,
    commits_all: bool,
}

impl<J: Job<BrokenDatabase>> Job<SqliteRead> for Unbroken<J> {
    type Output = J::Output;

    async fn run(self, tx: &mut SqliteTransaction) -> Result<J::Output, RolledBack<J::Output>> {
        match self.job.run(tx).await {
            Err(RolledBack::With(output)) if self.commits_all => Ok(output),
            other => other,
        }
    }
}

impl ReadDatabase for BrokenDatabase {
    type Transaction = SqliteTransaction;

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn transact<J: Job<Self>>(&self, job: J) -> Result<J::Output, TransactionError> {
        let commits_all = self.commits_all;
        self.inner.transact(Unbroken { job, commits_all }).await
    }

    async fn query(
        &self,
        sql: &str,
        values: &[SqlValue],
    ) -> Result<Vec<Vec<SqlValue>>, StorageError> {
        self.inner.query(sql, values).await
    }

    async fn query_together(
        &self,
        queries: &[(&str, &[SqlValue])],
    ) -> Result<RowsOfQueries, StorageError> {
        self.inner.query_together(queries).await
    }
}

struct BrokenReads {
    store: es_tests::fixtures::Sqlite,
    commits_all: bool,
}

impl StoreFixture for BrokenReads {
    type Store = SqliteStore;
    type Database = BrokenDatabase;

    async fn open(&self) -> SqliteStore {
        self.store.open().await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn read_database(&self, store: &SqliteStore) -> Option<BrokenDatabase> {
        let inner = self.store.read_database(store).await?;
        let commits_all = self.commits_all;
        Some(BrokenDatabase { inner, commits_all })
    }
}

/// Effects of a handler that failed are kept: they count again when the event is tried again.
#[test]
fn committed_although_undone() {
    let passes = |commits_all| {
        let store = es_tests::fixtures::Sqlite::fresh();
        let fixture = BrokenReads { store, commits_all };
        let check = checkpoints::rows_and_checkpoint_move_together(AnyFixture::new(fixture));
        catch_unwind(AssertUnwindSafe(|| conformance::run(check))).is_ok()
    };
    assert!(passes(false), "the check fails on a database that is right");
    assert!(
        !passes(true),
        "a database that commits what was undone is not noticed"
    );
}
