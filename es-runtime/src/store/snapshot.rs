//! Snapshots: a cache of the states of aggregates. A snapshot that does not fit is dropped.

use super::{ReadError, StorageError};
use crate::{Codec, CodecError, Fingerprint, Position, StreamId};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, num::NonZeroU64};

/// A store of snapshots. Each stream has at most one, the newest.
///
/// The event stores implement it, and [`NoSnapshots`]. Implement it to keep snapshots elsewhere. A
/// snapshot is a cache: a missing, old or damaged one never changes a result.
pub trait SnapshotStore: Clone + Send + Sync + 'static {
    /// The snapshot of a stream, `None` without one.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read. The repository then replays the stream.
    fn load_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<Snapshot>, ReadError>> + Send;

    /// Stores a snapshot, unless the stored one has the same fingerprint and is as new or newer.
    ///
    /// # Errors
    /// [`StorageError`] when the snapshot cannot be written. No event is affected.
    fn save_snapshot(
        &self,
        snapshot: Snapshot,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Deletes the snapshot of a stream, if there is one.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be deleted.
    fn delete_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}

/// The state of an aggregate at one version of its stream.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The stream.
    pub stream: StreamId,
    /// The version of the stream that the state includes.
    pub version: u64,
    /// The position of the event with that version.
    pub position: Position,
    /// The fingerprint of the state's shape and of the revision of `apply` at that time.
    pub fingerprint: Fingerprint,
    /// The encoding of the state.
    pub content_type: String,
    /// The encoded state.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// A snapshot with these parts, for stores that read one and for tests.
    pub fn new(
        stream: StreamId,
        version: u64,
        position: Position,
        fingerprint: Fingerprint,
        content_type: impl Into<String>,
        state: Vec<u8>,
    ) -> Self {
        Self {
            stream,
            version,
            position,
            fingerprint,
            content_type: content_type.into(),
            state,
        }
    }

    /// For stores: whether this snapshot replaces `old`. It does when it is newer or has another shape.
    pub fn replaces(&self, old: &Self) -> bool {
        self.version > old.version || self.fingerprint != old.fingerprint
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("stream", &self.stream)
            .field("version", &self.version)
            .field("position", &self.position)
            .field("fingerprint", &self.fingerprint)
            .field("content_type", &self.content_type)
            .field("state", &format_args!("{} bytes", self.state.len()))
            .finish()
    }
}

/// When an aggregate takes snapshots, and how it stores its state.
///
/// `#[aggregate(snapshot(every = 100))]` creates it. Use snapshots for streams that are long enough for
/// a load to take noticeable time.
pub struct SnapshotPolicy<A> {
    /// The least number of events between two snapshots.
    pub every: NonZeroU64,
    /// The revision of `apply`. Snapshots of other revisions are dropped.
    pub apply_revision: u32,
    shape: fn(Codec) -> Fingerprint,
    pub(crate) encode: fn(&A, Codec) -> Result<Vec<u8>, CodecError>,
    pub(crate) decode: fn(&[u8], Codec) -> Result<A, CodecError>,
    equal: fn(&A, &A) -> bool,
}

impl<A: Serialize + DeserializeOwned + PartialEq> SnapshotPolicy<A> {
    /// A snapshot after each this many events.
    ///
    /// A state is stored only if it is equal to what its stored form decodes to. So derive `PartialEq`,
    /// and never leave a field out of it that `apply` or `handle` reads.
    pub const fn every(events: NonZeroU64) -> Self {
        Self {
            every: events,
            apply_revision: 0,
            shape: Fingerprint::of::<A>,
            encode: |state, codec| codec.encode(state),
            decode: |bytes, codec| codec.decode(bytes),
            equal: A::eq,
        }
    }
}

impl<A> SnapshotPolicy<A> {
    /// With another revision of `apply`.
    ///
    /// `#[aggregate(snapshot(every = 100, apply_revision = 1))]` calls it.
    #[must_use]
    pub const fn with_apply_revision(mut self, apply_revision: u32) -> Self {
        self.apply_revision = apply_revision;
        self
    }

    /// The fingerprint that a usable snapshot has: of the state's shape and the revision. Tests that store
    /// snapshots of their own need it.
    pub fn fingerprint(&self, codec: Codec) -> Fingerprint {
        (self.shape)(codec).revised(self.apply_revision)
    }

    /// Whether a snapshot holds this state, which the events of its stream fold to. `None` where it is one of another
    /// shape or revision, which loads drop. Tools that check a store call it.
    pub fn holds(&self, snapshot: &Snapshot, state: &A, codec: Codec) -> Option<bool> {
        let is_current = snapshot.fingerprint == self.fingerprint(codec);
        let codec = Codec::from_content_type(&snapshot.content_type).filter(|_| is_current)?;
        let kept = (self.decode)(&snapshot.state, codec);
        Some(kept.is_ok_and(|kept| (self.equal)(&kept, state)))
    }

    /// The stored form of the state, if it decodes to an equal state. Repositories call it before they
    /// store a snapshot, and tests can.
    ///
    /// # Errors
    /// See [`StateError`]. The state cannot be kept in a snapshot.
    pub fn encode(&self, state: &A, codec: Codec) -> Result<Vec<u8>, StateError> {
        let bytes = (self.encode)(state, codec)?;
        if (self.equal)(state, &(self.decode)(&bytes, codec)?) {
            Ok(bytes)
        } else {
            Err(StateError::Changed)
        }
    }
}

/// Why a state cannot be kept in a snapshot. Loads replay the stream instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The codec cannot encode the state, or not decode it again.
    #[error("the state cannot be encoded and decoded: {0}")]
    Codec(#[from] CodecError),
    /// The decoded state is another one. A type in it leaves a field out, such as with `#[serde(skip)]`,
    /// or stores a value inexactly.
    #[error(
        "the state is not equal to what its stored form decodes to: every type in it must store all of its fields"
    )]
    Changed,
}

impl<A> Clone for SnapshotPolicy<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for SnapshotPolicy<A> {}

impl<A> fmt::Debug for SnapshotPolicy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotPolicy")
            .field("every", &self.every)
            .field("apply_revision", &self.apply_revision)
            .finish_non_exhaustive()
    }
}

/// A snapshot store without snapshots: every load replays the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    async fn load_snapshot(&self, _: &StreamId) -> Result<Option<Snapshot>, ReadError> {
        Ok(None)
    }

    async fn save_snapshot(&self, _: Snapshot) -> Result<(), StorageError> {
        Ok(())
    }

    async fn delete_snapshot(&self, _: &StreamId) -> Result<(), StorageError> {
        Ok(())
    }
}
