//! Checks of snapshots and cached states: the newest snapshot of each stream is kept, and events do not depend on
//! either.

use super::{AnyFixture, again, all_of, folded, join_all, spawn, stream, whole_feed, write};
use es_runtime::{
    Aggregate, Append, Codec, CodecError, DecodeError, Event, EventOf, EventStore, Events,
    ExpectedVersion, Fingerprint, Handle, NewEvent, Position, Repository, Snapshot, SnapshotPolicy,
    SnapshotStore, StoredPayload, StreamId,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, num::NonZeroU64, ops::Range};

fn snapshot(stream: &StreamId, version: u64, shape: u64, state: &[u8]) -> Snapshot {
    Snapshot::new(
        stream.clone(),
        version,
        Position::from_parts([0, 0, version * 10]),
        Fingerprint::from_u64(shape),
        "application/json".to_owned(),
        state.to_vec(),
    )
}

async fn save<S: SnapshotStore>(store: &S, snapshot: &Snapshot) {
    store.save_snapshot(snapshot.clone()).await.expect("saved");
}

async fn load<S: SnapshotStore>(store: &S, stream: &StreamId) -> Option<Snapshot> {
    store.load_snapshot(stream).await.expect("loads")
}

/// A saved snapshot comes back for its own stream only, also after the store was reopened.
pub async fn a_saved_snapshot_comes_back(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (one, two) = (stream("one"), stream("two"));
    assert_eq!(load(&store, &one).await, None);
    let mine = snapshot(&one, 5, 1, br#"{"a":1}"#);
    save(&store, &mine).await;
    assert_eq!(load(&store, &one).await, Some(mine.clone()));
    assert_eq!(load(&store, &two).await, None);
    let other = snapshot(&two, 2, 1, b"[]");
    save(&store, &other).await;
    let store = again(&fixture, store).await;
    assert_eq!(load(&store, &one).await, Some(mine));
    assert_eq!(load(&store, &two).await, Some(other));
}

/// A newer snapshot replaces an older one. An older one that comes late does not.
pub async fn the_newest_snapshot_is_kept(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("newest");
    for version in [1, 5, 10] {
        let newer = snapshot(&order, version, 1, version.to_string().as_bytes());
        save(&store, &newer).await;
        assert_eq!(load(&store, &order).await, Some(newer));
    }
    let newest = load(&store, &order).await;
    for version in [0, 1, 9] {
        save(&store, &snapshot(&order, version, 1, b"late")).await;
        assert_eq!(load(&store, &order).await, newest);
    }
    // Two of one version stand for one state; it does not matter which of them stays.
    save(&store, &snapshot(&order, 10, 1, b"10")).await;
    assert_eq!(load(&store, &order).await, newest);
}

/// A snapshot with another fingerprint replaces the stored one, newer or not.
pub async fn a_snapshot_of_another_shape_takes_over(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("shape");
    for (version, shape) in [(10, 1), (3, 2), (3, 1), (4, u64::MAX), (1, 0), (2, 1 << 63)] {
        let next = snapshot(&order, version, shape, b"state");
        save(&store, &next).await;
        assert_eq!(load(&store, &order).await, Some(next));
    }
}

/// Any bytes can be a state, with any content type and position.
pub async fn states_come_back_byte_for_byte(fixture: AnyFixture) {
    let store = fixture.open().await;
    let all: Vec<u8> = (0..=255).collect();
    let states: [&[u8]; 6] = [b"", b"\0", &all, b"{broken", b"\xff\xfe", b"{}"];
    for (number, state) in states.into_iter().enumerate() {
        for kind in ["application/json", "application/x-postcard", ""] {
            let order = stream(format!("{number}-{kind}"));
            let mut saved = snapshot(&order, 1, 7, state);
            saved.content_type = kind.to_owned();
            saved.position = Position::from_parts([1, u64::MAX, number as u64]);
            save(&store, &saved).await;
            assert_eq!(load(&store, &order).await, Some(saved));
        }
    }
}

/// A deleted snapshot is gone, and deleting it again is no error.
pub async fn deleting_a_snapshot_twice_is_deleting_it_once(fixture: AnyFixture) {
    let store = fixture.open().await;
    let (order, other) = (stream("deleted"), stream("kept"));
    let kept = snapshot(&other, 1, 1, b"kept");
    save(&store, &kept).await;
    store.delete_snapshot(&order).await.expect("nothing there");
    save(&store, &snapshot(&order, 8, 1, b"x")).await;
    for _ in 0..2 {
        store.delete_snapshot(&order).await.expect("deleted");
        assert_eq!(load(&store, &order).await, None);
    }
    let late = snapshot(&order, 2, 1, b"again");
    save(&store, &late).await;
    assert_eq!(load(&store, &order).await, Some(late));
    assert_eq!(load(&store, &other).await, Some(kept));
}

/// An invalid snapshot, or one ahead of its stream, changes no event, and events change no snapshot.
pub async fn snapshots_and_events_do_not_touch(fixture: AnyFixture) {
    let store = fixture.open().await;
    let order = stream("apart");
    let ahead = snapshot(&order, 1_000, 1, b"\xffnonsense");
    save(&store, &ahead).await;
    assert_eq!(all_of(&store, &order).await, []);
    let done = write(&store, &order, ExpectedVersion::NoStream, 0..3).await;
    assert_eq!(done.version, 3);
    assert_eq!(folded(&store, &order, 0).await.len(), 3);
    assert_eq!(whole_feed(&store).await.len(), 3);
    assert_eq!(store.head().await.expect("head"), done.position);
    assert_eq!(load(&store, &order).await, Some(ahead));
    store.delete_snapshot(&order).await.expect("deleted");
    assert_eq!(all_of(&store, &order).await.len(), 3);
}

/// A number that grows, with a snapshot every three events.
#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) sum: u64,
}

pub(super) struct Added(u64);

impl Event for Added {
    const NAME: &'static str = "conformance.added";
    const VERSION: u16 = 1;

    fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
        codec.encode(&self.0)
    }

    fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError> {
        let decoded = Codec::Json.decode(stored.bytes);
        decoded.map(Self).map_err(|source| DecodeError::Payload {
            name: Self::NAME,
            version: Self::VERSION,
            source,
        })
    }
}

impl EventOf<Tally> for Added {
    type Event = Self;

    fn into_event(self) -> Self {
        self
    }

    fn from_event(event: Self) -> Result<Self, Self> {
        Ok(event)
    }
}

impl Aggregate for Tally {
    const NAME: &'static str = "conformance";
    const SNAPSHOTS: Option<SnapshotPolicy<Self>> = match NonZeroU64::new(3) {
        Some(every) => Some(SnapshotPolicy::every(every)),
        None => None,
    };

    type Id = String;
    type Event = Added;
    type Error = Infallible;

    fn initial() -> Self {
        Self::default()
    }

    fn apply_event(&mut self, event: &Added) {
        self.sum += event.0;
    }
}

impl Handle<u64> for Tally {
    fn handle(&self, number: u64) -> Result<Events<Self>, Infallible> {
        Ok(Added(number).into())
    }
}

/// Adds this where the sum is in the range.
#[derive(Clone)]
struct Within(Range<u64>, u64);

impl Handle<Within> for Tally {
    fn handle(&self, Within(sums, number): Within) -> Result<Events<Self>, Infallible> {
        if sums.contains(&self.sum) {
            return Ok(Added(number).into());
        }
        Ok(Events::none())
    }
}

/// Two handles decide on states that each has cached, and something else writes to the same streams. The results are those
/// of one writer that loads.
pub async fn cached_states_change_no_result(fixture: AnyFixture) {
    const CALLERS: u64 = 40;
    let store = fixture.open().await;
    let other = if fixture.capabilities().reopens {
        fixture.open().await
    } else {
        store.clone()
    };
    let handles =
        [&store, &other].map(|store| Repository::<Tally, _>::new(store.clone()).cached(10));
    let id = stream("cached");
    let (mut version, mut sum) = (0, 0);
    for round in 0..24_u64 {
        let tallies = &handles[usize::from(round % 3 == 1)];
        let event = NewEvent::json(Added::NAME, Added::VERSION, "7");
        if round % 4 == 3 {
            let append = Append::new(id.clone(), ExpectedVersion::Any).with_event(event);
            other.append(append).await.expect("appended");
            (version, sum) = (version + 1, sum + 7);
        }
        // Every third command would add to an earlier state only. The others would add to no earlier state.
        let sums = if round % 3 == 2 { 0..sum } else { sum..sum + 1 };
        if sums.contains(&sum) {
            (version, sum) = (version + 1, sum + 2);
        }
        let done = tallies.execute(id.id(), Within(sums, 2)).await;
        let done = done.expect("executed");
        assert_eq!((done.version, done.state.sum), (version, sum), "{round}");
    }
    let most = sum + CALLERS / 2;
    let tasks = (0..CALLERS).map(|caller| {
        let tallies = handles[usize::from(caller % 2 == 1)].clone();
        let id = id.id().to_owned();
        spawn(async move {
            let done = tallies.execute(id, Within(0..most, 1)).await;
            done.expect("executed").events.len() as u64
        })
    });
    let added: u64 = join_all(tasks.collect()).await.into_iter().sum();
    assert_eq!(added, CALLERS / 2);
    for tallies in handles {
        let loaded = tallies.load(id.id()).await.expect("loads");
        assert_eq!((loaded.version, loaded.state.sum), (version + added, most));
    }
}

/// Loads and continues an aggregate with its snapshot, then with a changed snapshot, with cached states and without. The
/// results are equal.
async fn changes_no_result(fixture: AnyFixture, change: fn(&mut Snapshot)) {
    let store = fixture.open().await;
    let plain = || Repository::<Tally, _>::new(store.clone());
    let repositories = [
        ("tally", plain(), plain()),
        ("cached", plain().cached(10), plain().cached(10)),
    ];
    for (id, before, after) in repositories {
        for number in 1..=7 {
            before.execute(id, number).await.expect("executed");
        }
        let good = load(&store, &stream(id))
            .await
            .expect("a snapshot was taken");
        assert!(good.version >= 3);
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad, good);
        store.delete_snapshot(&stream(id)).await.expect("deleted");
        save(&store, &bad).await;
        assert_eq!(load(&store, &stream(id)).await, Some(bad));
        let loaded = after.load(id).await.expect("loads");
        assert_eq!((loaded.version, loaded.state.sum), (7, 28));
        let done = after.execute(id, 10).await.expect("executed");
        assert_eq!((done.version, done.state.sum), (8, 38));
        assert_eq!(all_of(&store, &stream(id)).await.len(), 8);
    }
}

/// An aggregate does not use a snapshot of a state with another shape.
pub async fn a_snapshot_of_another_shape_changes_no_result(fixture: AnyFixture) {
    changes_no_result(fixture, |snapshot| {
        snapshot.fingerprint = Fingerprint::from_u64(snapshot.fingerprint.to_u64() ^ 1);
        snapshot.state = br#"{"sum":999}"#.to_vec();
    })
    .await;
}

/// An aggregate does not use a snapshot whose state cannot be read.
pub async fn a_snapshot_of_garbage_changes_no_result(fixture: AnyFixture) {
    changes_no_result(fixture, |snapshot| snapshot.state = b"\xff\x00{".to_vec()).await;
}

/// An aggregate does not use a snapshot ahead of its stream, as after a loss of events.
pub async fn a_snapshot_ahead_of_its_stream_changes_no_result(fixture: AnyFixture) {
    changes_no_result(fixture, |snapshot| {
        snapshot.version += 100;
        snapshot.state = br#"{"sum":999}"#.to_vec();
    })
    .await;
}
