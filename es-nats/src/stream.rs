//! Reads of one stream. The leader says where it ends; the commits before come in batches from any replica. Each commit
//! names the one before it, so a replica that is behind, or that has lost messages, is noticed.

use crate::{known::Spot, record::StoredCommit, shared::Shared};
use es_runtime::{
    ReadDirection, ReadError, ReadLimit, RecordedEvent, StorageError, StreamFold, StreamId,
    StreamRange,
    store::author::{Page, Repeated, RowLocation},
};
use std::ops::ControlFlow;

/// Messages of one batch.
const COMMITS: usize = 256;
/// Bytes of one batch. A single message may be larger.
const BYTES: usize = 4 * 1024 * 1024;

impl Shared {
    pub(crate) async fn fold<F: StreamFold>(
        &self,
        stream: &StreamId,
        after: u64,
        mut fold: F,
    ) -> Result<F, ReadError> {
        let each = |commit: &StoredCommit| {
            commit.each(|event| {
                if event.version() <= after {
                    return ControlFlow::Continue(());
                }
                fold.event(event.stored())
            })
        };
        self.forward(stream, after, each).await?;
        Ok(fold)
    }

    pub(crate) async fn read(
        &self,
        stream: &StreamId,
        range: StreamRange,
        limit: ReadLimit,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut page = Page::new(limit);
        if page.is_full() {
            return Ok(page.events);
        }
        let mut texts = Repeated::default();
        match range.direction {
            ReadDirection::Forward => {
                let each = |commit: &StoredCommit| {
                    commit.each_recorded(&mut texts, |event, recorded| {
                        if event.version() <= range.after
                            || page.take(recorded()) && !page.is_full()
                        {
                            return ControlFlow::Continue(());
                        }
                        ControlFlow::Break(())
                    })
                };
                self.forward(stream, range.after, each).await?;
            }
            ReadDirection::Backward => self.backward(stream, range.after, &mut page).await?,
        }
        Ok(page.events)
    }

    /// Passes the commits with events after this version to `each`, in order, until it breaks.
    pub(crate) async fn forward(
        &self,
        stream: &StreamId,
        after: u64,
        mut each: impl FnMut(&StoredCommit) -> Result<ControlFlow<()>, ReadError> + Send,
    ) -> Result<(), ReadError> {
        let Some(last) = self.last_commit(stream).await? else {
            return Ok(());
        };
        if last.version <= after {
            return Ok(());
        }
        if last.first() <= after.saturating_add(1) {
            return each(&last).map(|_| ());
        }
        let mut walk = Walk::new(self, stream, after);
        while let Some(commit) = walk.next(&last).await? {
            let is_last = commit.sequence >= last.sequence;
            if commit.version > after && each(&commit)?.is_break() || is_last {
                self.known.note(stream, Spot::of(&commit));
                return Ok(());
            }
        }
        Ok(())
    }

    async fn backward(
        &self,
        stream: &StreamId,
        before: u64,
        page: &mut Page,
    ) -> Result<(), ReadError> {
        let mut commit = match self.known.from(stream, before) {
            Some(spot) => {
                let commit = self.commit_at(stream, spot.sequence).await?;
                commit.filter(|commit| Spot::of(commit) == spot)
            }
            None => None,
        };
        if commit.is_none() {
            commit = self.last_commit(stream).await?;
        }
        let mut texts = Repeated::default();
        while let Some(newer) = commit {
            if newer.first() < before {
                let mut events = Vec::new();
                let damaged = newer.each_recorded(&mut texts, |event, recorded| {
                    if event.version() < before {
                        events.push(recorded());
                    }
                    ControlFlow::Continue(())
                });
                let _ = damaged?;
                for event in events.into_iter().rev() {
                    if !page.take(event) || page.is_full() {
                        self.known.note(stream, Spot::of(&newer));
                        return Ok(());
                    }
                }
            }
            if newer.previous == 0 {
                if newer.first() == 1 {
                    return Ok(());
                }
                return Err(missing(stream, &newer, 0));
            }
            let older = self.commit_at(stream, newer.previous).await?;
            let older = older.filter(|older| older.version.saturating_add(1) == newer.first());
            commit = Some(older.ok_or_else(|| missing(stream, &newer, newer.previous))?);
        }
        Ok(())
    }
}

/// The error for a commit whose predecessor is not there.
fn missing(stream: &StreamId, commit: &StoredCommit, previous: u64) -> ReadError {
    let location = RowLocation {
        version: commit.first(),
        position: crate::record::position(commit.sequence, 1),
    };
    let what =
        format!("the commit before it, message {previous}, is missing: it was erased or lost");
    location.damaged(stream, what)
}

/// Goes through the commits of a stream in order.
struct Walk<'a> {
    shared: &'a Shared,
    stream: &'a StreamId,
    subject: String,
    /// The commit before the next one.
    before: Option<Spot>,
    /// Where the read begins, and whether that is only remembered.
    start: u64,
    is_guess: bool,
    after: u64,
    ready: std::vec::IntoIter<StoredCommit>,
}

impl<'a> Walk<'a> {
    fn new(shared: &'a Shared, stream: &'a StreamId, after: u64) -> Self {
        let guess = shared.known.up_to(stream, after);
        Self {
            shared,
            stream,
            subject: shared.subjects.commits(stream),
            before: None,
            start: guess.map_or(1, |spot| spot.sequence),
            is_guess: guess.is_some(),
            after,
            ready: Vec::new().into_iter(),
        }
    }

    /// Whether this is the commit that comes next.
    fn follows(&self, commit: &StoredCommit) -> bool {
        match &self.before {
            Some(before) => {
                commit.previous == before.sequence
                    && commit.first() == before.version.saturating_add(1)
            }
            None if self.is_guess => {
                commit.sequence == self.start && commit.first() <= self.after.saturating_add(1)
            }
            None => commit.first() == 1 && commit.previous == 0,
        }
    }

    fn took(&mut self, commit: StoredCommit) -> StoredCommit {
        self.before = Some(Spot::of(&commit));
        commit
    }

    /// The next commit, up to the last one of the stream.
    async fn next(&mut self, last: &StoredCommit) -> Result<Option<StoredCommit>, ReadError> {
        if self
            .before
            .is_some_and(|before| before.sequence >= last.sequence)
        {
            return Ok(None);
        }
        if let Some(commit) = self.ready.next() {
            if self.follows(&commit) {
                return Ok(Some(self.took(commit)));
            }
            self.ready = Vec::new().into_iter();
        }
        let next = self
            .before
            .map_or(self.start, |before| before.sequence.saturating_add(1));
        let batch = self
            .shared
            .wire
            .some_from(&self.subject, next, COMMITS, BYTES)
            .await?;
        let commits = batch.messages.into_iter();
        let commits = commits.map(|message| StoredCommit::of(&message, &self.shared.subjects));
        let commits: Result<Vec<StoredCommit>, StorageError> = commits.collect();
        self.ready = commits?.into_iter();
        let commit = self.ready.next();
        if let Some(commit) = commit.filter(|commit| self.follows(commit)) {
            return Ok(Some(self.took(commit)));
        }
        // The replica does not have it, or what was remembered is wrong. The leader knows.
        self.ready = Vec::new().into_iter();
        let message = self.shared.wire.next(&self.subject, next).await?;
        let commit = message.map(|message| StoredCommit::of(&message, &self.shared.subjects));
        match commit.transpose()? {
            Some(commit) if self.follows(&commit) => Ok(Some(self.took(commit))),
            _ if self.is_guess && self.before.is_none() => {
                self.shared.known.forget(self.stream);
                self.is_guess = false;
                self.start = 1;
                Box::pin(self.next(last)).await
            }
            Some(commit) => Err(missing(self.stream, &commit, commit.previous)),
            None => Err(missing(self.stream, last, last.previous)),
        }
    }
}
