//! Snapshots: a cache of an aggregate's state, dropped whenever it does not fit.

use super::{ReadError, StorageError};
use crate::{Codec, CodecError, Fingerprint, Position, StreamId};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, num::NonZeroU64};

/// A store of snapshots. Each stream has at most one, the newest.
///
/// A snapshot is a cache: missing, old or damaged ones never change a result.
pub trait SnapshotStore: Clone + Send + Sync + 'static {
    /// The snapshot of a stream, if there is one.
    ///
    /// # Errors
    /// [`ReadError`] when the store cannot be read. The repository replays the stream then.
    fn load_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<Snapshot>, ReadError>> + Send;

    /// Keeps a snapshot, unless one of the same fingerprint that is as new or newer is there.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be written; nothing else is lost by it.
    fn save_snapshot(
        &self,
        snapshot: Snapshot,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Forgets the snapshot of a stream; without one it does nothing.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be removed.
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
    /// The version that the state stands at.
    pub version: u64,
    /// The position of the event with that version.
    pub position: Position,
    /// The fingerprint of the state's shape, and of the revision of `apply`, when it was taken.
    pub fingerprint: Fingerprint,
    /// How the state is encoded.
    pub content_type: String,
    /// The state's bytes.
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

    /// For stores: whether this one takes the place of `old`: it is newer, or of another shape.
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

/// When an aggregate takes snapshots, and how its state is stored.
///
/// `#[aggregate(snapshot(every = 100))]` makes one.
pub struct SnapshotPolicy<A> {
    /// A snapshot is taken when at least this many events came after the last one.
    pub every: NonZeroU64,
    /// The revision of `apply`. Snapshots of any other one are dropped.
    pub apply_revision: u32,
    shape: fn(Codec) -> Fingerprint,
    pub(crate) encode: fn(&A, Codec) -> Result<Vec<u8>, CodecError>,
    pub(crate) decode: fn(&[u8], Codec) -> Result<A, CodecError>,
}

impl<A: Serialize + DeserializeOwned> SnapshotPolicy<A> {
    /// A snapshot every so many events.
    pub const fn every(events: NonZeroU64) -> Self {
        Self {
            every: events,
            apply_revision: 0,
            shape: Fingerprint::of::<A>,
            encode: |state, codec| codec.encode(state),
            decode: |bytes, codec| codec.decode(bytes),
        }
    }
}

impl<A> SnapshotPolicy<A> {
    /// The same, for another revision of `apply`.
    ///
    /// `#[aggregate(snapshot(every = 100, apply_revision = 1))]` calls it.
    #[must_use]
    pub const fn with_apply_revision(mut self, apply_revision: u32) -> Self {
        self.apply_revision = apply_revision;
        self
    }

    /// What a snapshot must have been taken with to be used: the state's shape and the revision.
    pub(crate) fn fingerprint(&self, codec: Codec) -> Fingerprint {
        (self.shape)(codec).revised(self.apply_revision)
    }

    /// The state as it would be stored and read back, for tests.
    ///
    /// # Errors
    /// [`CodecError`] when the state has no form in `codec`, or cannot be read back from it.
    pub fn round_trip(&self, state: &A, codec: Codec) -> Result<A, CodecError> {
        (self.decode)(&(self.encode)(state, codec)?, codec)
    }
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

/// Keeps no snapshots: every load replays the stream.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_revision_has_its_own_fingerprint_and_the_first_that_of_the_shape() {
        let shape = Fingerprint::of::<(String, u64)>(Codec::Json);
        let policy = SnapshotPolicy::<(String, u64)>::every(NonZeroU64::MIN);
        assert_eq!(policy.fingerprint(Codec::Json), shape);
        let mut met: Vec<_> = [0, 1, 2, 255, 256, u32::MAX - 1, u32::MAX]
            .map(|revision| {
                policy
                    .with_apply_revision(revision)
                    .fingerprint(Codec::Json)
            })
            .map(Fingerprint::to_u64)
            .to_vec();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met.len(), 7);
    }
}
