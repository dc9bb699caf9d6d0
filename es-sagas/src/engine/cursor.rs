//! The cursor of an input: the position in the feed up to which events were taken.

use super::core::Core;
use crate::error::SagaError;
use es_runtime::{AppendError, Commit, CommitError, CursorMove, FeedPage, Position, WorkQueue};
use std::time::{Duration, Instant};

/// The largest number of events that share a transaction.
pub(crate) const MAX_BATCH: usize = 64;

/// How far a reader has read beyond its cursor, past events that its filter excludes.
///
/// Moving the cursor past each of them would cost one commit for each append of other writers. So the cursor
/// follows only from time to time.
#[derive(Default)]
pub(crate) struct ReadAhead {
    /// The cursor, and the position up to which everything was read.
    read_to: Option<(Position, Position)>,
    /// When the cursor was moved last, `None` when it always moves at once.
    last_move: Option<Instant>,
}

impl ReadAhead {
    /// The cursor follows at this interval.
    const INTERVAL: Duration = Duration::from_millis(200);

    /// For a reader that runs in a loop.
    #[cfg(feature = "runner")]
    pub(crate) fn lazy() -> Self {
        Self {
            read_to: None,
            last_move: Some(Instant::now()),
        }
    }

    /// The position to continue from, with the cursor at this position.
    pub(crate) fn read_from(&self, cursor: Position) -> Position {
        match self.read_to {
            Some((at, read_to)) if at == cursor => read_to,
            _ => cursor,
        }
    }

    /// Moves the cursor to the end of a page, or remembers to do so.
    pub(crate) async fn advance<S: WorkQueue>(
        &mut self,
        core: &Core<S>,
        category: &str,
        cursor: Position,
        to: Position,
    ) -> Result<(), SagaError> {
        if to <= cursor {
            return Ok(());
        }
        if self
            .last_move
            .is_some_and(|last| last.elapsed() < Self::INTERVAL)
        {
            self.read_to = Some((cursor, to));
            return Ok(());
        }
        self.read_to = None;
        skip_to(core, category, Some(cursor), to).await?;
        self.last_move = self.last_move.map(|_| Instant::now());
        Ok(())
    }
}

/// The outcome of reading a page.
pub(crate) enum Progress {
    /// Something was read, and there may be more.
    More,
    /// The reader has caught up: everything up to this position was read.
    CaughtUp(
        #[cfg_attr(
            not(feature = "runner"),
            expect(dead_code, reason = "only loops wait for more")
        )]
        Position,
    ),
}

impl Progress {
    pub(crate) fn after(page: &FeedPage) -> Self {
        if page.events.is_empty() && page.at_end {
            Self::CaughtUp(page.next)
        } else {
            Self::More
        }
    }
}

/// The cursor of the saga's input. The first call sets it.
pub(crate) async fn cursor_of<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
) -> Result<Position, SagaError> {
    if let Some(at) = core.store.cursor(category).await? {
        return Ok(at);
    }
    let first = if core.settings.from_the_beginning {
        Position::START
    } else {
        core.store.head().await?
    };
    let first_move = CursorMove::new(category, None, first);
    match core.store.commit(Commit::new().cursor(first_move)).await {
        Ok(_) => Ok(first),
        // Another process was first.
        Err(CommitError::CursorMoved { actual, .. }) => Ok(actual.unwrap_or(first)),
        Err(error) => Err(error.into()),
    }
}

/// The outcome of the transaction that takes events.
pub(crate) enum Taken {
    /// All events of the group were taken.
    All,
    /// None was taken: one was taken before, or another writer was first.
    Conflict,
    /// Another process moved the cursor.
    CursorMoved,
}

/// Whether the saga has taken this event before.
pub(crate) fn was_taken_before(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Repeated { .. } | CommitError::Append(AppendError::IdReused { .. })
    )
}

/// Only moves the cursor, past an event that was taken before.
pub(crate) async fn skip_to<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    from: Option<Position>,
    to: Position,
) -> Result<Taken, SagaError> {
    let moved = CursorMove::new(category, from, to);
    match core.store.commit(Commit::new().cursor(moved)).await {
        Ok(_) => Ok(Taken::All),
        Err(CommitError::CursorMoved { .. }) => Ok(Taken::CursorMoved),
        Err(error) => Err(error.into()),
    }
}
