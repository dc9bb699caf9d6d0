//! The cursor of an input: the position in the feed up to which events were taken.
//!
//! Programs of several releases share the cursor, and they may read different events. So the cursor says for
//! each name of an event how far it was read. A program moves only the names that it reads. The others keep
//! their place, and nothing is lost, whichever program runs.

use super::core::Core;
use crate::{error::SagaError, names::name_of};
use es_runtime::{
    AppendError, Commit, CommitError, CommitStore, CursorMove, EventFilter, EventStore, FeedPage,
    Position, ReadLimit, RecordedEvent, StorageError, StorageErrorKind,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The largest number of events that share a transaction.
pub(crate) const MAX_BATCH: usize = 64;

/// The cursor, as one program knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    category: String,
    /// The position of the names that are not behind.
    position: Position,
    /// The stored text about the inputs.
    text: Option<String>,
    inputs: CursorInputs,
    /// What this program reads.
    filter: EventFilter,
}

/// What is stored with the position of a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CursorInputs {
    /// Where the saga began to read.
    began: Position,
    /// The names that some program has read, with their position when it is before that of the cursor.
    names: BTreeMap<String, Option<Position>>,
}

impl Place {
    /// Up to where events of this name were read.
    fn of(&self, name: &str) -> Position {
        let behind = self.inputs.names.get(name).copied().flatten();
        behind.map_or(self.position, |behind| behind.min(self.position))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.filter.as_names().unwrap_or_default();
        names.iter().map(AsRef::as_ref)
    }

    /// Up to where all events that this program reads were read.
    pub(crate) fn start(&self) -> Position {
        let places = self.names().map(|name| self.of(name));
        places.min().unwrap_or(self.position)
    }

    /// Whether the event was not taken yet.
    pub(crate) fn is_ahead(&self, event: &RecordedEvent) -> bool {
        event.position > self.of(&event.name)
    }

    /// The place when everything that this program reads was read up to `to`, and the move to it. The store
    /// compares all of it, because another process may have moved the cursor.
    pub(crate) fn moved(&self, to: Position) -> Result<(CursorMove, Self), SagaError> {
        let mut next = self.clone();
        next.position = self.position.max(to);
        for (name, behind) in &mut next.inputs.names {
            let read = self.of(name);
            let read = if self.filter.accepts_name(name) {
                read.max(to)
            } else {
                read
            };
            *behind = (read < next.position).then_some(read);
        }
        self.to(next)
    }

    fn to(&self, mut next: Self) -> Result<(CursorMove, Self), SagaError> {
        let text = serde_json::to_string(&next.inputs).map_err(|e| damaged(&self.category, &e))?;
        let moved = CursorMove::new(&self.category, Some(self.position), next.position)
            .with_inputs(self.text.clone(), text.clone());
        next.text = Some(text);
        Ok((moved, next))
    }
}

fn damaged(category: &str, why: &serde_json::Error) -> SagaError {
    let what = format!("the inputs of the cursor `{category}` cannot be read: {why}");
    StorageError::new(StorageErrorKind::Corrupt, what).into()
}

/// How far a reader has read beyond its cursor, past events that its filter excludes.
///
/// Moving the cursor past each of them would cost one commit for each append of other writers. So the cursor
/// follows only from time to time.
#[derive(Default)]
pub(crate) struct ReadAhead {
    /// The cursor, and the position up to which everything was read.
    read_to: Option<(Place, Position)>,
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

    /// The position to continue from, with the cursor at this place.
    pub(crate) fn read_from(&self, cursor: &Place) -> Position {
        match &self.read_to {
            Some((at, read_to)) if at == cursor => *read_to,
            _ => cursor.start(),
        }
    }

    /// Moves the cursor to the end of a page, or remembers to do so.
    pub(crate) async fn advance(
        &mut self,
        core: &Core,
        cursor: Place,
        to: Position,
    ) -> Result<(), SagaError> {
        if to <= cursor.start() {
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
        commit_base(core, Commit::new().cursor(cursor.moved(to)?.0)).await?;
        self.last_move = self.last_move.map(|_| Instant::now());
        Ok(())
    }
}

#[cfg(feature = "runner")]
impl ReadAhead {
    /// Moves the cursor to what was read, before the reader ends. If this fails, the next reader reads it again.
    pub(crate) async fn settle(self, core: &Core) -> Result<(), SagaError> {
        if let Some((cursor, to)) = self.read_to {
            // Where another process moved it, it is not moved.
            commit_base(core, Commit::new().cursor(cursor.moved(to)?.0)).await?;
        }
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

/// The place of the saga's input as it is stored, `None` before the first program ran.
pub(crate) async fn stored_place(
    core: &Core,
    category: &str,
    filter: &EventFilter,
) -> Result<Option<Place>, SagaError> {
    // The position first. The cursor may move between the two reads, and only forward: an older position with newer inputs
    // says of no name that it was read further than it was. The other way round events would seem to be read that are not.
    let Some(position) = core.store.cursor(category).await? else {
        return Ok(None);
    };
    let text = core.store.cursor_inputs(category).await?;
    let stored = text.as_deref().map(serde_json::from_str::<CursorInputs>);
    Ok(Some(Place {
        category: category.to_owned(),
        position,
        inputs: match stored {
            Some(inputs) => inputs.map_err(|e| damaged(category, &e))?,
            None => inputs_of(position, filter),
        },
        text,
        filter: filter.clone(),
    }))
}

/// The place of the saga's input. The first call sets it, and a program that reads more than all programs
/// before it adds what is new.
pub(crate) async fn place_of(
    core: &Core,
    category: &str,
    filter: EventFilter,
) -> Result<Place, SagaError> {
    loop {
        let Some(mut place) = stored_place(core, category, &filter).await? else {
            begin(core, category, &filter).await?;
            continue;
        };
        let position = place.position;
        let known = &place.inputs.names;
        let new = place.names().filter(|name| !known.contains_key(*name));
        let new: Vec<String> = new.map(ToOwned::to_owned).collect();
        if new.is_empty() {
            return Ok(place);
        }
        let start = start_of_new(core, &place, &new).await?;
        let mut next = place.clone();
        let behind = (start < position).then_some(start);
        next.inputs
            .names
            .extend(new.into_iter().map(|name| (name, behind)));
        let (moved, next) = place.to(next)?;
        match core.store.commit(Commit::new().cursor(moved)).await {
            Ok(_) => place = next,
            Err(CommitError::CursorMoved { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        return Ok(place);
    }
}

fn inputs_of(began: Position, filter: &EventFilter) -> CursorInputs {
    let names = filter.as_names().unwrap_or_default().iter();
    CursorInputs {
        began,
        names: names.map(|name| (name.to_string(), None)).collect(),
    }
}

/// Sets the cursor of a saga that runs for the first time.
async fn begin(core: &Core, category: &str, filter: &EventFilter) -> Result<(), SagaError> {
    let first = if core.settings.from_the_beginning {
        Position::START
    } else {
        core.store.head().await?
    };
    let inputs = inputs_of(first, filter);
    let text = serde_json::to_string(&inputs).map_err(|e| damaged(category, &e))?;
    let first = CursorMove::new(category, None, first).with_inputs(None, text);
    match core.store.commit(Commit::new().cursor(first)).await {
        // Or another process was first.
        Ok(_) | Err(CommitError::CursorMoved { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where to begin with events that no program of this saga has read before.
async fn start_of_new(core: &Core, place: &Place, new: &[String]) -> Result<Position, SagaError> {
    if core.settings.from_the_beginning {
        return Ok(place.inputs.began);
    }
    if core.settings.new_inputs_from_now {
        return Ok(place.position);
    }
    // Whether old events count is for the user to say. Without any there is nothing to say.
    let filter = EventFilter::names(new.iter().map(String::as_str));
    let mut after = place.inputs.began;
    while after < place.position {
        let page = core.store.read_feed(after, &filter, ReadLimit::events(1));
        let page = page.await?;
        if let Some(event) = page.events.first() {
            if event.position > place.position {
                break;
            }
            return Err(SagaError::NewInput {
                saga: name_of(&place.category).to_owned(),
                event: event.name.to_string(),
                position: event.position,
            });
        }
        if page.at_end {
            break;
        }
        after = page.next;
    }
    Ok(place.position)
}

/// The outcome of the transaction that takes events.
pub(crate) enum Taken {
    /// All events of the group were taken.
    All,
    /// None was taken: one was taken before, or another writer was first.
    Conflict,
    /// Another process moved the cursor.
    CursorMoved,
    /// None was taken, and the store would reject what follows from them each time.
    Rejected(String),
}

/// Whether the saga has taken this event before.
pub(crate) fn was_taken_before(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::Repeated { .. } | CommitError::Append(AppendError::IdReused { .. })
    )
}

/// Commits only what has to be stored with every event, the move of the cursor: the event was taken before.
pub(crate) async fn commit_base(core: &Core, base: Commit) -> Result<Taken, SagaError> {
    match core.store.commit(base).await {
        Ok(_) => Ok(Taken::All),
        Err(CommitError::CursorMoved { .. }) => Ok(Taken::CursorMoved),
        Err(error) => Err(error.into()),
    }
}
