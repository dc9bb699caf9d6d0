//! What the store remembers of streams that it has lately read or written: where their commits are. It may be stale,
//! so whoever uses it checks it: an append by the expected sequence, a read by the versions in the message.

use crate::record::StoredCommit;
use es_runtime::{AppendId, Snapshot, StreamId, store::author::StreamHead};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most streams in one of the two maps. When one is full it takes the place of the other, so what was not used
/// for long goes.
const KEPT: usize = 4_096;
/// Places that are kept for each stream.
const SPOTS: usize = 4;

/// The last commit of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Its sequence, 0 where the stream has no commit.
    pub(crate) sequence: u64,
    pub(crate) end: StreamHead,
    /// Its append id, which its successor records.
    pub(crate) append_id: Option<AppendId>,
}

impl Head {
    pub(crate) const NONE: Self = Self {
        sequence: 0,
        end: StreamHead::EMPTY,
        append_id: None,
    };

    pub(crate) fn of(commit: Option<&StoredCommit>) -> Self {
        commit.map_or(Self::NONE, |commit| Self {
            sequence: commit.sequence,
            end: commit.head(),
            append_id: commit.append_id.clone(),
        })
    }
}

/// Where a commit is, and which versions it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) sequence: u64,
    pub(crate) first: u64,
    pub(crate) version: u64,
}

impl Spot {
    pub(crate) const fn of(commit: &StoredCommit) -> Self {
        Self {
            sequence: commit.sequence,
            first: commit.first(),
            version: commit.version,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Stream {
    head: Option<Head>,
    /// The sequence that the last commit has at least.
    least: u64,
    spots: Vec<Spot>,
}

#[derive(Debug, Default)]
struct Maps {
    young: HashMap<StreamId, Stream>,
    old: HashMap<StreamId, Stream>,
}

/// The streams that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Known {
    maps: Mutex<Maps>,
}

impl Known {
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, stream: &StreamId, change: impl FnOnce(&mut Stream)) {
        let mut maps = self.maps();
        if !maps.young.contains_key(stream) {
            if maps.young.len() >= KEPT {
                maps.old = std::mem::take(&mut maps.young);
            }
            let known = maps.old.remove(stream).unwrap_or_default();
            maps.young.insert(stream.clone(), known);
        }
        if let Some(known) = maps.young.get_mut(stream) {
            change(known);
        }
    }

    fn read<T>(&self, stream: &StreamId, read: impl FnOnce(&Stream) -> Option<T>) -> Option<T> {
        let maps = self.maps();
        let known = maps.young.get(stream).or_else(|| maps.old.get(stream));
        known.and_then(read)
    }

    /// The last commit of a stream, as far as is known.
    pub(crate) fn head(&self, stream: &StreamId) -> Option<Head> {
        self.read(stream, |known| known.head.clone())
    }

    /// Takes the last commit of a stream, `None` when the known one is wrong.
    pub(crate) fn set_head(&self, stream: &StreamId, head: Option<Head>) {
        self.change(stream, |known| {
            if let Some(head) = &head {
                known.least = head.sequence;
            }
            known.head = head;
        });
    }

    /// The sequence that the last commit of a stream has at least, 0 where nothing is known. It is kept when a head is
    /// wrong.
    pub(crate) fn least(&self, stream: &StreamId) -> u64 {
        self.read(stream, |known| Some(known.least)).unwrap_or(0)
    }

    /// Takes where a commit is.
    pub(crate) fn note(&self, stream: &StreamId, spot: Spot) {
        self.change(stream, |known| {
            if !known.spots.contains(&spot) {
                if known.spots.len() >= SPOTS {
                    known.spots.remove(0);
                }
                known.spots.push(spot);
            }
        });
    }

    /// Takes where the event is that a snapshot ends with. A load reads from there.
    pub(crate) fn note_snapshot(&self, snapshot: &Snapshot) {
        let [high, sequence, number] = snapshot.position.to_parts();
        let first = snapshot.version.checked_sub(number.saturating_sub(1));
        if let (0, Some(first)) = (high, first.filter(|first| *first > 0 && number > 0)) {
            let version = snapshot.version;
            self.note(
                &snapshot.stream,
                Spot {
                    sequence,
                    first,
                    version,
                },
            );
        }
    }

    /// The last known commit that begins before or with the event after this version.
    pub(crate) fn up_to(&self, stream: &StreamId, after: u64) -> Option<Spot> {
        self.read(stream, |known| {
            let spots = known.spots.iter().copied();
            let spots = spots.filter(|spot| spot.first <= after.saturating_add(1));
            spots.max_by_key(|spot| spot.first)
        })
    }

    /// The first known commit with the event before this version, or a later one.
    pub(crate) fn from(&self, stream: &StreamId, before: u64) -> Option<Spot> {
        self.read(stream, |known| {
            let spots = known.spots.iter().copied();
            let spots = spots.filter(|spot| spot.version.saturating_add(1) >= before);
            spots.min_by_key(|spot| spot.version)
        })
    }

    /// Forgets where commits are, because one was not where it should be.
    pub(crate) fn forget(&self, stream: &StreamId) {
        self.change(stream, |known| known.spots.clear());
    }
}
