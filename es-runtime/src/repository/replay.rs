//! Rebuilding an aggregate from its snapshot, if that fits, and the events after it.

use super::{LoadError, Repository};
use crate::{
    Aggregate, AsId, Codec, DecodeError, EventSet, EventStore, Position, SnapshotStore,
    StoredEvent, StreamFold, StreamId,
};
use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A loaded aggregate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded<A> {
    /// Its state.
    pub state: A,
    /// The version of its newest event, 0 when it has none.
    pub version: u64,
    /// The position of its newest event, [`Position::START`] when it has none.
    pub position: Position,
    /// Whether the load used a snapshot.
    pub snapshot: SnapshotUse,
}

impl<A: Aggregate> Loaded<A> {
    /// An aggregate without events.
    pub fn initial() -> Self {
        Self {
            state: A::initial(),
            version: 0,
            position: Position::START,
            snapshot: SnapshotUse::None,
        }
    }
}

/// Whether a load used a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotUse {
    /// There was no snapshot.
    None,
    /// The load started from the snapshot at this version.
    Used {
        /// The version of the snapshot.
        version: u64,
    },
    /// The snapshot did not fit. The stream was replayed from its start.
    Dropped(SnapshotDropped),
}

/// Why a snapshot was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotDropped {
    /// The shape of the state or `apply_revision` has changed since.
    OtherShape,
    /// Its bytes do not decode, or its content type is unknown.
    Damaged,
    /// The stream has another event at its version, so the snapshot belongs to another history.
    NotOfThisStream,
    /// It could not be read.
    ReadFailed,
}

impl<A: Aggregate, S: EventStore, N: SnapshotStore> Repository<A, S, N> {
    /// The aggregate at version `until`, or at the end of the stream. A known state saves reading what is before it.
    pub(super) async fn replay(
        &self,
        stream: &StreamId,
        known: Option<Loaded<A>>,
        until: u64,
    ) -> Result<Loaded<A>, LoadError> {
        let mut outcome = SnapshotUse::None;
        let start = match known {
            Some(known) => Ok(Some(known)),
            None => self.usable_snapshot(stream).await,
        };
        match start {
            Ok(Some(from)) if from.version <= until => {
                let place = (from.version, from.position);
                let mut replay = Replay::at(from.state, place, until);
                replay.anchor = Some(place).filter(|(version, _)| *version > 0);
                let after = from.version.saturating_sub(1);
                let replay = self.store.fold_stream(stream, after, replay).await?;
                if replay.anchor.is_none() {
                    return replay.into_loaded(stream, from.snapshot);
                }
                outcome = SnapshotUse::Dropped(SnapshotDropped::NotOfThisStream);
            }
            Ok(_) => {}
            Err(dropped) => outcome = SnapshotUse::Dropped(dropped),
        }
        let replay = Replay::from_start(until);
        let replay = self.store.fold_stream(stream, 0, replay).await?;
        replay.into_loaded(stream, outcome)
    }

    /// Reads and applies what was appended since `loaded`, and nothing before.
    ///
    /// # Errors
    /// [`LoadError`] as for [`load`](Repository::load).
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn refresh(
        &self,
        id: impl AsId<A::Id>,
        loaded: Loaded<A>,
    ) -> Result<Loaded<A>, LoadError> {
        let stream = StreamId::of::<A>(id)?;
        let place = (loaded.version, loaded.position);
        let replay = Replay::at(loaded.state, place, u64::MAX);
        let replay = self.store.fold_stream(&stream, place.0, replay).await?;
        replay.into_loaded(&stream, loaded.snapshot)
    }

    /// The snapshot of a stream, if it has the current shape of the state.
    async fn usable_snapshot(
        &self,
        stream: &StreamId,
    ) -> Result<Option<Loaded<A>>, SnapshotDropped> {
        let (Some(policy), Some(fingerprint)) = (A::SNAPSHOTS, self.fingerprint) else {
            return Ok(None);
        };
        let loaded = self.snapshots.load_snapshot(stream).await;
        let Some(snapshot) = loaded.map_err(|_| SnapshotDropped::ReadFailed)? else {
            return Ok(None);
        };
        if snapshot.fingerprint != fingerprint {
            return Err(SnapshotDropped::OtherShape);
        }
        let codec = Codec::from_content_type(&snapshot.content_type);
        let decode = |codec| catch_unwind(|| (policy.decode)(&snapshot.state, codec).ok());
        match codec.map(decode) {
            Some(Ok(Some(state))) if snapshot.version > 0 => Ok(Some(Loaded {
                state,
                version: snapshot.version,
                position: snapshot.position,
                snapshot: SnapshotUse::Used {
                    version: snapshot.version,
                },
            })),
            _ => Err(SnapshotDropped::Damaged),
        }
    }
}

/// Folds a stream into the state.
pub(super) struct Replay<A> {
    state: A,
    version: u64,
    position: Position,
    until: u64,
    /// The last event that the state at the start includes. The stream must still have it.
    anchor: Option<(u64, Position)>,
    failure: Option<Failure>,
}

enum Failure {
    Gap {
        next: u64,
    },
    Decode {
        version: u64,
        position: Position,
        source: DecodeError,
    },
    Panicked {
        version: u64,
        event: String,
    },
}

impl<A: Aggregate> Replay<A> {
    pub(super) fn from_start(until: u64) -> Self {
        Self::at(A::initial(), (0, Position::START), until)
    }

    fn at(state: A, (version, position): (u64, Position), until: u64) -> Self {
        Self {
            state,
            version,
            position,
            until,
            anchor: None,
            failure: None,
        }
    }

    pub(super) fn into_loaded(
        self,
        stream: &StreamId,
        snapshot: SnapshotUse,
    ) -> Result<Loaded<A>, LoadError> {
        let stream = || stream.clone();
        match self.failure {
            None => Ok(Loaded {
                state: self.state,
                version: self.version,
                position: self.position,
                snapshot,
            }),
            Some(Failure::Gap { next }) => Err(LoadError::Gap {
                stream: stream(),
                version: self.version,
                next,
            }),
            Some(Failure::Decode {
                version,
                position,
                source,
            }) => Err(LoadError::Decode {
                stream: stream(),
                version,
                position,
                source,
            }),
            Some(Failure::Panicked { version, event }) => Err(LoadError::Panicked {
                stream: stream(),
                version,
                event,
            }),
        }
    }

    fn fail(&mut self, failure: Failure) -> ControlFlow<()> {
        self.failure = Some(failure);
        ControlFlow::Break(())
    }
}

impl<A: Aggregate> StreamFold for Replay<A> {
    fn event(&mut self, event: StoredEvent<'_>) -> ControlFlow<()> {
        if let Some(anchor) = self.anchor {
            if anchor != (event.version, event.position) {
                return ControlFlow::Break(());
            }
            self.anchor = None;
            return ControlFlow::Continue(());
        }
        let version = event.version;
        if version > self.until {
            return ControlFlow::Break(());
        }
        if version != self.version.saturating_add(1) {
            return self.fail(Failure::Gap { next: version });
        }
        let state = &mut self.state;
        // A panic leaves the state in doubt; it is dropped with the failure.
        let applied = catch_unwind(AssertUnwindSafe(|| {
            for event in A::Event::decode(event.name, event.payload)? {
                state.apply_event(&event);
            }
            Ok(())
        }));
        match applied {
            Ok(Ok(())) => {
                self.version = version;
                self.position = event.position;
                ControlFlow::Continue(())
            }
            Ok(Err(source)) => self.fail(Failure::Decode {
                version,
                position: event.position,
                source,
            }),
            Err(_) => self.fail(Failure::Panicked {
                version,
                event: event.name.to_owned(),
            }),
        }
    }
}
