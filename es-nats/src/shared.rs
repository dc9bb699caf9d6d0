//! What all handles of a store share.

use crate::{
    ahead::Ahead,
    clock::ServerClock,
    durability::Durability,
    errors,
    identity::Identity,
    known::{Head, Known},
    listing::Walks,
    quiet::Quiet,
    record::StoredCommit,
    subject::Subjects,
    tags::Batches,
    unique::Names,
    wire::{Attempts, StoredMessage, Wire},
    work::Work,
};
use es_runtime::{
    Limits, Position, ReadError, StorageError, StorageErrorKind, StreamId, Timestamp,
};
use std::{
    collections::BTreeSet,
    fmt,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash},
    ops::RangeInclusive,
    sync::Arc,
};
use tokio::sync::{Mutex, MutexGuard, OnceCell, RwLock, RwLockReadGuard, Semaphore, watch};

/// Lanes of writers: appends of this process to one stream do not race each other.
const LANES: u16 = 1_024;
/// Batches of this process at one time. The server takes 50 for one stream, from all processes.
const BATCHES: usize = 16;
/// Messages without events that are passed over one by one.
const NEAR: u64 = 16;

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) wire: Wire,
    pub(crate) snapshots: Wire,
    pub(crate) subjects: Subjects,
    pub(crate) limits: Limits,
    pub(crate) identity: Identity,
    pub(crate) durability: Durability,
    pub(crate) read_only: bool,
    /// The time of appends.
    pub(crate) clock: Clock,
    /// The clock that was set, which is also that of work items.
    pub(crate) set_clock: Option<Clock>,
    pub(crate) server_clock: ServerClock,
    /// Sequences that may be missing.
    pub(crate) erased: Vec<RangeInclusive<u64>>,
    pub(crate) known: Known,
    pub(crate) ahead: Ahead,
    pub(crate) quiet: Quiet,
    pub(crate) walks: Walks,
    pub(crate) names: Names,
    pub(crate) work: Work,
    pub(crate) batches_of_events: Batches,
    pub(crate) batches: Semaphore,
    /// The newest position that this process knows of. Readers wait for it.
    pub(crate) newest: watch::Sender<Position>,
    /// What listens to other processes, from the first reader on.
    pub(crate) listener: OnceCell<crate::wake::Listener>,
    lanes: Vec<Mutex<()>>,
    closed: RwLock<bool>,
}

impl Shared {
    #[allow(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub(crate) fn new(
        wire: Wire,
        subjects: Subjects,
        limits: Limits,
        identity: Identity,
        durability: Durability,
        read_only: bool,
        set_clock: Option<Clock>,
        erased: Vec<RangeInclusive<u64>>,
    ) -> Self {
        Self {
            snapshots: wire.to(subjects.snapshots()),
            wire,
            subjects,
            limits,
            identity,
            durability,
            read_only,
            clock: set_clock
                .clone()
                .unwrap_or_else(|| Arc::new(Timestamp::now)),
            set_clock,
            server_clock: ServerClock::default(),
            erased,
            known: Known::default(),
            ahead: Ahead::default(),
            quiet: Quiet::default(),
            walks: Walks::default(),
            names: Names::default(),
            work: Work::default(),
            batches_of_events: Batches::default(),
            batches: Semaphore::new(BATCHES),
            newest: watch::Sender::new(Position::START),
            listener: OnceCell::new(),
            lanes: std::iter::repeat_with(Mutex::default)
                .take(LANES.into())
                .collect(),
            closed: RwLock::new(false),
        }
    }

    /// Keeps the store open for one call.
    ///
    /// # Errors
    /// It is closed, or its stream was made anew.
    pub(crate) async fn enter(&self) -> Result<RwLockReadGuard<'_, bool>, StorageError> {
        let open = self.closed.read().await;
        if *open {
            return Err(errors::closed());
        }
        self.identity.check()?;
        Ok(open)
    }

    /// Keeps the store open for one write.
    ///
    /// # Errors
    /// It is closed, or open for reading only, or the server that it is connected to now is too old.
    pub(crate) async fn enter_to_write(&self) -> Result<RwLockReadGuard<'_, bool>, StorageError> {
        let open = self.enter().await?;
        if self.read_only {
            let what = "the store was opened for reading only";
            return Err(StorageError::new(StorageErrorKind::ReadOnly, what));
        }
        crate::connect::check_version(&self.wire.client)?;
        Ok(open)
    }

    pub(crate) async fn close(&self) {
        *self.closed.write().await = true;
        self.ahead.clear();
        self.walks.clear();
    }

    /// The lane of a stream, or of something else that writers compare.
    pub(crate) fn lane(of: &impl Hash) -> u64 {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        hasher.hash_one(of) % u64::from(LANES)
    }

    /// Waits for these lanes.
    ///
    /// # Errors
    /// The time is over. Nothing was written.
    pub(crate) async fn lanes(
        &self,
        lanes: impl IntoIterator<Item = u64>,
        attempts: &Attempts,
    ) -> Result<Vec<MutexGuard<'_, ()>>, StorageError> {
        // In order, so that two commits never wait for each other.
        let lanes: BTreeSet<u64> = lanes.into_iter().collect();
        let lanes = lanes
            .into_iter()
            .filter_map(|lane| usize::try_from(lane).ok());
        let mut held = Vec::new();
        for lane in lanes.filter_map(|lane| self.lanes.get(lane)) {
            let waited = tokio::time::timeout(attempts.left(), lane.lock()).await;
            held.push(waited.map_err(|_| {
                let what = "other writes of this process to the same stream or tag wait for an answer of the server";
                StorageError::new(StorageErrorKind::Unreachable, what)
            })?);
        }
        Ok(held)
    }

    /// The last commit of a stream, from the leader.
    pub(crate) async fn last_commit(
        &self,
        stream: &StreamId,
    ) -> Result<Option<StoredCommit>, StorageError> {
        let least = self.known.least(stream);
        let message = self.wire.last(&self.subjects.commits(stream)).await?;
        let commit = message.map(|message| StoredCommit::of(&message, &self.subjects));
        let commit = commit.transpose()?;
        let found = commit.as_ref().map_or(0, |commit| commit.sequence);
        self.same_stream(found, least).await?;
        self.known.set_head(stream, Some(Head::of(commit.as_ref())));
        Ok(commit)
    }

    /// The commit of a stream with this sequence, `None` where there is none.
    pub(crate) async fn commit_at(
        &self,
        stream: &StreamId,
        sequence: u64,
    ) -> Result<Option<StoredCommit>, StorageError> {
        let message = self.wire.at(sequence).await?;
        let own = self.subjects.commits(stream);
        let message = message.filter(|message| *message.subject == own);
        let commit = message.map(|message| StoredCommit::of(&message, &self.subjects));
        commit.transpose()
    }

    /// The position of the newest event.
    pub(crate) async fn head(&self) -> Result<Position, ReadError> {
        Ok(self.end().await?.position())
    }

    /// The position of the newest event, and the newest commit that is there, from the leader. They differ where the newest
    /// one was erased since the end was looked at.
    pub(crate) async fn newest_commit(
        &self,
    ) -> Result<(Position, Option<StoredCommit>), ReadError> {
        let position = match self.end().await? {
            End::Commit(commit) => return Ok((commit.head().position, Some(commit))),
            End::Known(position) => position,
        };
        let [_, sequence, _] = position.to_parts();
        if sequence == 0 {
            return Ok((position, None));
        }
        if let Some(message) = self.wire.at(sequence).await? {
            return Ok((position, self.commit_of(&message)?));
        }
        // It was erased since, or the server is behind and does not have it.
        let is_erased = self.last_sequence().await? >= sequence;
        let last = self.wire.last(&self.subjects.all_commits()).await?;
        let commit = last.map(|last| self.commit_of(&last)).transpose()?;
        let Some(commit) = commit.flatten() else {
            return Ok((Position::START, None));
        };
        let newest = commit.head().position;
        let head = if is_erased {
            newest.max(position)
        } else {
            newest
        };
        Ok((head, Some(commit)))
    }

    /// The end of the feed, from the leader.
    async fn end(&self) -> Result<End, ReadError> {
        // The last messages may have no events. What is before them is looked for, up to what was looked at before.
        let known = self.quiet.end();
        let floor = known.map_or(0, |(_, up_to)| up_to);
        let seen = self.identity.seen();
        let last = self.wire.last(">").await?;
        let newest = last.as_ref().map_or(0, |last| last.sequence);
        self.same_stream(newest, seen).await?;
        let (end, mut found) = match last {
            Some(last) => (last.sequence, self.commit_of(&last)?),
            // There is none, or the newest ones are erased.
            None => (self.last_sequence().await?.saturating_add(1), None),
        };
        let mut up_to = end.saturating_sub(u64::from(newest == 0));
        let mut next = floor.saturating_add(1);
        if found.is_none() && end.saturating_sub(next) > NEAR {
            // Many of them: a copy ends with them. The server looks through its blocks.
            let last = self.wire.last(&self.subjects.all_commits()).await?;
            let last = last.filter(|last| last.sequence > floor);
            found = last
                .map(|last| self.commit_of(&last))
                .transpose()?
                .flatten();
            let sequence = found.as_ref().map_or(0, |found| found.sequence);
            up_to = up_to.max(sequence);
        } else if found.is_none() {
            while next < end {
                let Some(message) = self.wire.next(">", next).await? else {
                    break;
                };
                next = message.sequence.saturating_add(1);
                if message.sequence < end {
                    found = self.commit_of(&message)?.or(found);
                }
            }
        }
        let end = match (found, known) {
            (Some(commit), _) => End::Commit(commit),
            (None, Some((position, _))) => End::Known(position),
            (None, None) => End::Known(Position::START),
        };
        self.quiet.ends(end.position(), up_to);
        Ok(end)
    }

    /// The commit that a message is, `None` where it has no events.
    pub(crate) fn commit_of(
        &self,
        message: &StoredMessage,
    ) -> Result<Option<StoredCommit>, StorageError> {
        if !self.subjects.is_commit(&message.subject) {
            return Ok(None);
        }
        StoredCommit::of(message, &self.subjects).map(Some)
    }

    /// Whether this sequence may be missing.
    pub(crate) fn is_erased(&self, sequence: u64) -> bool {
        self.erased.iter().any(|range| range.contains(&sequence))
    }
}

/// Where the feed ends.
enum End {
    /// With this commit.
    Commit(StoredCommit),
    /// At this position, as an earlier look has found.
    Known(Position),
}

impl End {
    fn position(&self) -> Position {
        match self {
            Self::Commit(commit) => commit.head().position,
            Self::Known(position) => *position,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStore")
            .field("stream", &self.subjects.name())
            .field("durability", &self.durability)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}
