//! The cursor of an input: the position in the feed up to which events were taken.

use super::core::Core;
use crate::error::SagaError;
use es_runtime::{AppendError, Commit, CommitError, CursorMove, FeedPage, Position, WorkQueue};
use std::time::{Duration, Instant};

/// So many events at most share a transaction.
pub(crate) const MAX_BATCH: usize = 64;

/// How far a reader has looked beyond its cursor, past events that are nothing to it. They would cost a
/// commit for every append of others, so the cursor follows now and then.
#[derive(Default)]
pub(crate) struct ReadAhead {
    /// Where the cursor stood, and where everything up to was looked at.
    looked: Option<(Position, Position)>,
    /// When the cursor followed last; `None` where it always follows at once.
    followed: Option<Instant>,
}

impl ReadAhead {
    /// The cursor follows after this time.
    const FOLLOWS: Duration = Duration::from_millis(200);

    /// For a reader that goes on and on.
    #[cfg(feature = "runner")]
    pub(crate) fn lazy() -> Self {
        Self {
            looked: None,
            followed: Some(Instant::now()),
        }
    }

    /// Where to read on, with the cursor at this position.
    pub(crate) fn from(&self, cursor: Position) -> Position {
        match self.looked {
            Some((at, looked)) if at == cursor => looked,
            _ => cursor,
        }
    }

    /// Moves the cursor behind a page, or remembers to.
    pub(crate) async fn pass<S: WorkQueue>(
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
            .followed
            .is_some_and(|last| last.elapsed() < Self::FOLLOWS)
        {
            self.looked = Some((cursor, to));
            return Ok(());
        }
        self.looked = None;
        skip(core, category, Some(cursor), to).await?;
        self.followed = self.followed.map(|_| Instant::now());
        Ok(())
    }
}

/// What reading a page came to.
pub(crate) enum Progress {
    /// There was something to read, and there may be more.
    Made,
    /// Everything up to here was looked at.
    None(
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
            Self::None(page.next)
        } else {
            Self::Made
        }
    }
}

/// Where the saga's input stands; the first time, where it begins.
pub(crate) async fn begin<S: WorkQueue>(
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
    let begun = CursorMove::new(category, None, first);
    match core.store.commit(Commit::new().cursor(begun)).await {
        Ok(_) => Ok(first),
        // Another process was first; it can only have gone on from where it began.
        Err(CommitError::CursorMoved { actual, .. }) => Ok(actual.unwrap_or(first)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) enum Taken {
    All,
    Not,
    Moved,
}

/// Whether the saga has taken this very event before.
pub(crate) fn is_taken(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Repeated { .. } | CommitError::Append(AppendError::IdReused { .. })
    )
}

/// An event that was taken before only moves the cursor.
pub(crate) async fn skip<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    from: Option<Position>,
    to: Position,
) -> Result<Taken, SagaError> {
    let moved = CursorMove::new(category, from, to);
    match core.store.commit(Commit::new().cursor(moved)).await {
        Ok(_) => Ok(Taken::All),
        Err(CommitError::CursorMoved { .. }) => Ok(Taken::Moved),
        Err(error) => Err(error.into()),
    }
}
