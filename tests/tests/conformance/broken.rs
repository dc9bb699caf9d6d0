//! Stores that are broken on purpose: each is caught by a check that is named here, and the same store
//! without its fault passes that check.

use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, ExpectedVersion, FeedPage,
    MemoryStore, Position, ReadError, ReadLimit, RecordedEvent, Snapshot, SnapshotStore,
    StorageError, StreamFold, StreamId, StreamRange,
};
use es_testkit::conformance::{
    self, NoDatabase, StoreFixture, append, feed, fidelity, idempotency, reading, snapshots,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

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
}

#[derive(Clone)]
struct Broken {
    inner: MemoryStore,
    fault: Fault,
    stale: std::sync::Arc<std::sync::Mutex<Position>>,
}

struct BrokenFixture(Fault);

impl StoreFixture for BrokenFixture {
    type Store = Broken;
    type Database = NoDatabase;

    async fn open(&self) -> Broken {
        Broken {
            inner: MemoryStore::new(),
            fault: self.0,
            stale: std::sync::Arc::new(std::sync::Mutex::new(Position::START)),
        }
    }
}

impl Broken {
    async fn version(&self, stream: &StreamId) -> u64 {
        let newest = StreamRange::backward(u64::MAX);
        let newest = self.inner.read_stream(stream, newest, ReadLimit::events(1));
        let newest = newest.await.expect("memory can be read");
        newest.first().map_or(0, |event| event.version)
    }
}

fn lower(stream: &StreamId) -> StreamId {
    StreamId::new(stream.aggregate(), &stream.id().to_lowercase()).expect("usable")
}

impl EventStore for Broken {
    async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        match self.fault {
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
        let done = self.inner.append(append).await?;
        *self.stale.lock().expect("no panic under it") = before;
        Ok(done)
    }

    async fn find_append(
        &self,
        stream: &StreamId,
        id: &AppendId,
    ) -> Result<Option<Appended>, ReadError> {
        self.inner.find_append(stream, id).await
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
        match self.fault {
            Fault::FoldsIdsToLowerCase => {
                self.inner.read_stream(&lower(stream), range, limit).await
            }
            Fault::ReadsBackwardForward if range.direction == es_runtime::Direction::Backward => {
                let mut events = self.inner.read_stream(stream, range, limit).await?;
                events.reverse();
                Ok(events)
            }
            _ => self.inner.read_stream(stream, range, limit).await,
        }
    }

    async fn read_feed(
        &self,
        after: Position,
        filter: &EventFilter,
        limit: ReadLimit,
    ) -> Result<FeedPage, ReadError> {
        let mut page = self.inner.read_feed(after, filter, limit).await?;
        match self.fault {
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
            Fault::StaleHead => Ok(*self.stale.lock().expect("no panic under it")),
            _ => self.inner.head().await,
        }
    }
}

impl SnapshotStore for Broken {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        self.inner.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> Result<(), StorageError> {
        match self.fault {
            Fault::ForgetsSnapshots => return Ok(()),
            Fault::KeepsOldSnapshots => self.inner.delete_snapshot(&snapshot.stream).await?,
            _ => {}
        }
        self.inner.save_snapshot(snapshot).await
    }

    async fn delete_snapshot(&self, stream: &StreamId) -> Result<(), StorageError> {
        self.inner.delete_snapshot(stream).await
    }
}

/// Whether a check passes on a store with this fault.
macro_rules! passes {
    ($module:ident::$check:ident, $fault:expr) => {
        catch_unwind(AssertUnwindSafe(|| {
            conformance::run($module::$check(BrokenFixture($fault)));
        }))
        .is_ok()
    };
}

macro_rules! broken_stores {
    ($($test:ident: $fault:ident => $module:ident::$check:ident;)*) => {
        $(
            #[test]
            fn $test() {
                let control = passes!($module::$check, Fault::None);
                assert!(control, "the check fails on a store that is right");
                let passes = passes!($module::$check, Fault::$fault);
                assert!(!passes, "{:?} is not noticed", Fault::$fault);
            }
        )*
    };
}

broken_stores! {
    ignored_version: IgnoresExpectedVersion => append::a_stale_version_is_refused;
    ignored_no_stream: IgnoresExpectedVersion
        => append::no_stream_is_refused_on_an_existing_stream;
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
}
