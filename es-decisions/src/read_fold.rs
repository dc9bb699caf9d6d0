//! One fold that a decision reads.

use crate::{
    Fold,
    read::{
        Boxed, NotProven,
        sealed::{Copied, OfFold, Part, Source},
    },
    repositories::Repositories,
};
use es_runtime::{
    Append, Appended, EventStore, LoadError, Position, ReadLimit, RecordedEvent, TagQuery,
    TagQueryEmpty, Timestamp,
};
use std::{
    fmt,
    ops::{Bound, Deref},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A fold that a decision reads. It dereferences to the state.
///
/// ```
/// use es_decisions::{Fold, Readable};
/// use es_runtime::{Apply, Event, Position, Tag};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Tag, Serialize, Deserialize)]
/// #[tag("course")]
/// struct CourseId(String);
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("student.subscribed")]
/// struct StudentSubscribed {
///     #[tag]
///     course: CourseId,
/// }
///
/// #[derive(Fold, Clone, Default)]
/// #[fold("seats", by(CourseId), events(StudentSubscribed))]
/// struct Seats {
///     taken: u32,
/// }
///
/// impl Apply<StudentSubscribed> for Seats {
///     fn apply(&mut self, _: &StudentSubscribed) {
///         self.taken += 1;
///     }
/// }
///
/// let seats = Seats::read(&CourseId("c1".into()));
/// assert_eq!((seats.position(), seats.taken), (Position::START, 0));
/// ```
pub struct ReadFold<F> {
    query: Result<TagQuery, TagQueryEmpty>,
    state: F,
    /// Of a fold of the newest event, once something was read: the state before the first event.
    initial: Option<F>,
    /// Every event up to this position that the query finds is applied.
    position: Position,
    /// The state after the events of the decision.
    proven: Option<F>,
}

impl<F: Fold> ReadFold<F> {
    /// The fold of the events that this query finds, not yet loaded. `initial` is the state before the first of them.
    pub fn of(query: Result<TagQuery, TagQueryEmpty>, initial: F) -> Self {
        Self {
            query,
            state: initial,
            initial: None,
            position: Position::START,
            proven: None,
        }
    }
}

impl<F: Fold + Copied> ReadFold<F> {
    /// Reads what came since, or what came since up to `end`. Returns whether something came.
    async fn read(
        &mut self,
        repositories: &Repositories,
        end: Option<Position>,
    ) -> Result<bool, LoadError> {
        if F::LAST {
            self.read_last(repositories, end).await
        } else {
            self.read_all(repositories, end).await
        }
    }

    /// Looks for the newest event that is applied, from the end on. A stored event that is read as none is passed over.
    async fn read_last(
        &mut self,
        repositories: &Repositories,
        end: Option<Position>,
    ) -> Result<bool, LoadError> {
        // An event that is read as none leaves it as it is, so it serves the next one.
        let mut state = self.initial_state();
        let Ok(query) = &self.query else {
            return Ok(false);
        };
        let (store, after) = (repositories.store(), self.position);
        let mut until = end.map_or(Bound::Unbounded, Bound::Included);
        let mut limit = 1;
        let mut read_to = None;
        let mut is_new = false;
        loop {
            let page = store
                .read_tagged_backward(query, after, until, ReadLimit::events(limit))
                .await?;
            // What came later than the first page is not looked at.
            let read_to = *read_to.get_or_insert(end.map_or(page.head, |end| end.min(page.head)));
            for event in &page.events {
                is_new = true;
                if apply(&mut state, query, event)? {
                    (self.state, self.position) = (state, read_to);
                    return Ok(true);
                }
                until = Bound::Excluded(event.position);
            }
            if page.at_start {
                self.position = read_to.max(after);
                return Ok(is_new);
            }
            limit = PASSED_OVER;
        }
    }

    /// The state before the first event.
    fn initial_state(&mut self) -> F {
        let initial = self.initial.get_or_insert_with(|| self.state.clone());
        initial.clone()
    }

    /// Applies all events in order.
    async fn read_all(
        &mut self,
        repositories: &Repositories,
        end: Option<Position>,
    ) -> Result<bool, LoadError> {
        let Ok(query) = &self.query else {
            return Ok(false);
        };
        let (store, limit) = (repositories.store(), ReadLimit::default());
        let mut is_new = false;
        loop {
            let page = store.read_tagged(query, self.position, limit).await?;
            for event in &page.events {
                if let Some(end) = end.filter(|end| *end < event.position) {
                    self.position = end;
                    return Ok(is_new);
                }
                let _ = apply(&mut self.state, query, event)?;
                self.position = event.position;
                is_new = true;
            }
            self.position = end.map_or(page.next, |end| end.min(page.next));
            if page.at_end || end == Some(self.position) {
                return Ok(is_new);
            }
        }
    }
}

impl<F> ReadFold<F> {
    /// The position up to which it has read the store.
    pub const fn position(&self) -> Position {
        self.position
    }
}

impl<F> Deref for ReadFold<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.state
    }
}

impl<F: fmt::Debug> fmt::Debug for ReadFold<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadFold")
            .field("state", &self.state)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// So many events are read at once after a newest one that is read as none.
const PASSED_OVER: usize = 100;

/// Applies an event that the query finds, and returns whether it is read as one.
fn apply<F: Fold>(
    state: &mut F,
    query: &TagQuery,
    event: &RecordedEvent,
) -> Result<bool, LoadError> {
    let applied = catch_unwind(AssertUnwindSafe(|| state.apply_stored(query, event)));
    match applied {
        Ok(Ok(is_applied)) => Ok(is_applied),
        Ok(Err(source)) => Err(LoadError::Decode {
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
            source,
        }),
        Err(_) => Err(LoadError::Panicked {
            stream: event.stream.clone(),
            version: event.version,
            event: event.name.to_string(),
        }),
    }
}

impl<F: Fold + Copied> Source for ReadFold<F> {
    fn part(&mut self) -> Part<'_> {
        Part::Fold(self)
    }

    fn position(&self) -> Position {
        self.position
    }

    fn load<'a>(
        &'a mut self,
        repositories: &'a Repositories,
    ) -> Boxed<'a, Result<bool, LoadError>> {
        Box::pin(self.read(repositories, None))
    }
}

impl<F: Fold + Copied> OfFold for ReadFold<F> {
    fn load_at<'a>(
        &'a mut self,
        repositories: &'a Repositories,
        position: Position,
    ) -> Boxed<'a, Result<(), LoadError>> {
        Box::pin(async move { self.read(repositories, Some(position)).await.map(|_| ()) })
    }

    fn name(&self) -> &'static str {
        F::NAME
    }

    fn query(&self) -> Result<&TagQuery, TagQueryEmpty> {
        self.query.as_ref().map_err(|empty| *empty)
    }

    fn prove(&mut self, appends: &[Append]) -> Result<(), NotProven> {
        self.proven = None;
        let initial = F::LAST.then(|| self.initial_state());
        let Ok(query) = &self.query else {
            return Ok(());
        };
        for append in appends {
            // Versions and positions are those of the commit, which nobody knows yet.
            let count = u64::try_from(append.events.len()).unwrap_or(u64::MAX);
            let nowhere = Appended::new(count, count, Position::START, Timestamp::now());
            let recorded = append.recorded(&nowhere);
            for (event, new) in recorded.iter().zip(&append.events) {
                if !query.finds(&new.name, &crate::emitted::texts(&new.tags)) {
                    continue;
                }
                let failed = |error: LoadError| NotProven::Fold(error.to_string());
                if let Some(initial) = &initial {
                    let mut state = initial.clone();
                    if apply(&mut state, query, event).map_err(failed)? {
                        self.proven = Some(state);
                    }
                    continue;
                }
                let state = self.proven.get_or_insert_with(|| self.state.clone());
                let _ = apply(state, query, event).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn stored(&mut self, position: Position) {
        if let Some(state) = self.proven.take() {
            self.state = state;
        }
        // The guard says that nothing else came in between.
        self.position = position.max(self.position);
    }
}
