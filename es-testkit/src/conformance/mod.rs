//! The conformance suite: what every store of es-runtime must do, as tests that any store can run.
//!
//! ```
//! use es_runtime::MemoryStore;
//! use es_testkit::conformance::StoreFixture;
//!
//! struct Memory;
//!
//! impl StoreFixture for Memory {
//!     type Store = MemoryStore;
//!
//!     async fn open(&self) -> MemoryStore {
//!         MemoryStore::new()
//!     }
//! }
//!
//! // In a test file: one test a check, each with a fixture of its own.
//! es_testkit::conformance!(Memory);
//! # fn main() {}
//! ```
//!
//! A check fails by panicking, and gives up after [`PATIENCE`]. Checks count what they find instead
//! of looking whether something is among it.

// A check says that a store is wrong by panicking, as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod append;
pub mod feed;
pub mod fidelity;
pub mod idempotency;
pub mod reading;
pub mod snapshots;

use es_runtime::{
    Append, AppendError, AppendId, Appended, EventFilter, EventStore, ExpectedVersion, Limits,
    NewEvent, Position, ReadLimit, RecordedEvent, SnapshotStore, StoredEvent, StreamFold, StreamId,
    StreamRange,
};
use std::{future::Future, ops::ControlFlow, time::Duration};

/// How long one check may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Makes the store that a check looks at, and says what it can do.
///
/// Each check has a fixture of its own: put a fresh folder or database into it.
pub trait StoreFixture: Send + Sync + 'static {
    /// The store.
    type Store: EventStore + SnapshotStore;

    /// Opens the store of this fixture: empty the first time; when it
    /// [`reopens`](StoreFixture::reopens), with what was written before after that.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Ends a store as an application does that stops, by dropping it unless there is more to do.
    fn close(&self, store: Self::Store) -> impl Future<Output = ()> + Send {
        async move { drop(store) }
    }

    /// Whether a store that is opened again has what was written before. A store that says no must
    /// be empty then.
    fn reopens(&self) -> bool {
        false
    }

    /// The bounds that the store checks.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Damages the stored row of one event so that it cannot be read any more, and says whether it
    /// did. A store without rows to damage says no.
    fn damage(
        &self,
        store: &Self::Store,
        stream: &StreamId,
        version: u64,
    ) -> impl Future<Output = bool> + Send {
        let _ = (store, stream, version);
        async { false }
    }
}

/// One test for each check, all on the store of a [`StoreFixture`].
///
/// The expression is evaluated once for each test.
#[macro_export]
macro_rules! conformance {
    ($fixture:expr) => {
        $crate::__conformance_tests! { $fixture;
            append: [
                no_stream_starts_a_stream,
                no_stream_is_refused_on_an_existing_stream,
                the_exact_version_is_accepted,
                a_stale_version_is_refused,
                a_future_version_is_refused,
                stream_exists_needs_a_stream,
                any_version_lets_every_writer_in_once,
                one_of_a_hundred_racing_writers_wins,
                a_loser_writes_nothing,
                an_append_without_events_writes_nothing,
                a_batch_is_stored_whole_or_not_at_all,
                answers_agree_with_what_is_read,
                a_thousand_random_operations_leave_no_gaps,
            ]
            idempotency: [
                the_same_request_twice_has_one_effect,
                a_request_is_known_after_ten_thousand_others,
                other_content_under_a_known_id_is_refused,
                an_id_belongs_to_its_stream,
                a_known_event_id_is_refused,
                an_append_id_without_events_is_remembered,
                a_refused_append_leaves_its_id_free,
                racing_repeats_have_one_effect,
                find_append_finds_what_was_done,
            ]
            reading: [
                ranges_and_limits_bound_a_read,
                an_unknown_stream_is_empty,
                a_read_during_appends_sees_whole_batches,
                a_damaged_row_is_an_error_that_names_it,
                a_dropped_read_frees_its_place,
                page_size_does_not_change_the_result,
                a_hundred_thousand_events_fold,
                a_fold_starts_and_stops_where_it_says,
            ]
            feed: [
                positions_rise_and_the_head_is_the_last,
                the_feed_agrees_with_every_stream,
                a_refused_append_does_not_hold_up_the_feed,
                filtering_and_resuming_commute,
                reading_goes_on_from_every_position,
                a_page_says_where_the_next_one_starts,
                nothing_is_missed_while_writers_write,
            ]
            fidelity: [
                payloads_come_back_byte_for_byte,
                numbers_at_their_ends_come_back,
                similar_ids_stay_apart,
                hostile_texts_come_back,
                metadata_comes_back,
                times_and_ids_come_back,
                limits_are_exact,
            ]
            snapshots: [
                a_saved_snapshot_comes_back,
                the_newest_snapshot_is_kept,
                a_snapshot_of_another_shape_takes_over,
                states_come_back_byte_for_byte,
                deleting_a_snapshot_twice_is_deleting_it_once,
                snapshots_and_events_do_not_touch,
            ]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($fixture:expr; $($module:ident: [$($check:ident,)*])*) => {
        $(
            mod $module {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[test]
                    fn $check() {
                        $crate::conformance::run($crate::conformance::$module::$check($fixture));
                    }
                )*
            }
        )*
    };
}

/// Runs one check on a runtime of its own, for at most [`PATIENCE`].
pub fn run(check: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, check).await });
    // A check that hangs may have left tasks that hang.
    runtime.shutdown_background();
    ended.expect("the check ends in time");
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "callers make the text on the spot"
)]
fn stream(id: impl ToString) -> StreamId {
    StreamId::new("conformance", &id.to_string()).expect("a usable id")
}

fn append_id(text: impl AsRef<str>) -> AppendId {
    AppendId::new(text).expect("a usable id")
}

fn numbered(number: u64) -> NewEvent {
    NewEvent::json("test.counted", 1, format!(r#"{{"number":{number}}}"#))
}

/// An append of events with these numbers.
fn request(
    stream: &StreamId,
    expected: ExpectedVersion,
    numbers: impl IntoIterator<Item = u64>,
) -> Append {
    Append::new(stream.clone(), expected).with_events(numbers.into_iter().map(numbered))
}

async fn write<S: EventStore>(
    store: &S,
    stream: &StreamId,
    expected: ExpectedVersion,
    numbers: impl IntoIterator<Item = u64>,
) -> Appended {
    store
        .append(request(stream, expected, numbers))
        .await
        .expect("the append is accepted")
}

async fn all_of<S: EventStore>(store: &S, stream: &StreamId) -> Vec<RecordedEvent> {
    let limit = ReadLimit {
        events: usize::MAX,
        bytes: usize::MAX,
    };
    store
        .read_stream(stream, StreamRange::forward(0), limit)
        .await
        .expect("the stream can be read")
}

async fn version_of<S: EventStore>(store: &S, stream: &StreamId) -> u64 {
    all_of(store, stream).await.len() as u64
}

/// Everything after `after`, in pages of `size`.
async fn feed_from<S: EventStore>(
    store: &S,
    after: Position,
    filter: &EventFilter,
    size: usize,
) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut from = after;
    loop {
        let page = store
            .read_feed(from, filter, ReadLimit::events(size))
            .await
            .expect("the feed can be read");
        assert!(page.events.len() <= size, "a page is larger than asked for");
        assert!(page.next >= from, "the feed goes back");
        assert!(
            page.at_end || page.next > from,
            "the feed stands still before its end"
        );
        events.extend(page.events);
        from = page.next;
        if page.at_end {
            return events;
        }
    }
}

async fn whole_feed<S: EventStore>(store: &S) -> Vec<RecordedEvent> {
    feed_from(store, Position::START, &EventFilter::all(), 1_000).await
}

fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

fn positions(events: &[RecordedEvent]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// Whether each is greater than the one before it.
fn rising<T: PartialOrd>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1])
}

/// The conflict that an append must end in.
fn expect_conflict(
    result: Result<Appended, AppendError>,
    wanted: &StreamId,
    by: ExpectedVersion,
    at: u64,
) {
    match result {
        Err(AppendError::Conflict {
            stream,
            expected,
            actual,
        }) => assert_eq!((&stream, expected, actual), (wanted, by, at)),
        other => panic!("a conflict was to come, not {other:?}"),
    }
}

/// One event as a fold saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    version: u64,
    position: Position,
    name: String,
    schema_version: u16,
    content_type: String,
    bytes: Vec<u8>,
}

impl From<&RecordedEvent> for Seen {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            version: event.version,
            position: event.position,
            name: event.name.to_string(),
            schema_version: event.schema_version,
            content_type: event.content_type.to_string(),
            bytes: event.payload.clone(),
        }
    }
}

/// Keeps what it is given, up to so many.
struct Collect {
    seen: Vec<Seen>,
    most: usize,
}

impl Collect {
    fn up_to(most: usize) -> Self {
        Self {
            seen: Vec::new(),
            most,
        }
    }
}

impl StreamFold for Collect {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        self.seen.push(Seen {
            version: event.version,
            position: event.position,
            name: event.name.to_owned(),
            schema_version: event.payload.schema_version,
            content_type: event.payload.content_type.to_owned(),
            bytes: event.payload.bytes.to_vec(),
        });
        if self.seen.len() < self.most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// What a fold sees of a stream.
async fn folded<S: EventStore>(store: &S, stream: &StreamId, after: u64) -> Vec<Seen> {
    store
        .fold_stream(stream, after, Collect::up_to(usize::MAX))
        .await
        .expect("the stream can be folded")
        .seen
}

/// The store once more, after it was closed, where that means anything.
async fn again<F: StoreFixture>(fixture: &F, store: F::Store) -> F::Store {
    if !fixture.reopens() {
        return store;
    }
    fixture.close(store).await;
    fixture.open().await
}

/// Waits for all tasks, and hands on the panic of one.
async fn join_all<T: Send + 'static>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a task ends without a panic"));
    }
    results
}
