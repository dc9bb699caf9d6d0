//! Reading the feed: each event that starts or cancels a saga becomes one transaction of the saga's
//! own events, the record that the event was taken, and the place in the feed.

use super::{
    CancelRequested, InputIgnored, SagaError, SagaEvent,
    commit::{ATTEMPTS, append_of, contended, info_for, may_decide_again, pause_after},
    decide::Draft,
    definition::{Kind, Routed},
    load::{load, may_pass, row_of},
    names::UNREADABLE,
    runner::Core,
};
use es_runtime::{
    Append, AppendError, AppendId, CommitError, ExpectedVersion, FeedPage, LoadError, Metadata,
    Position, RecordedEvent, StreamId, WorkChange,
};
use es_runtime::{Commit, CursorMove, WorkQueue, WorkStatus};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// So many events at most share a transaction.
pub(crate) const GROUP: usize = 64;

/// What one event asks of one instance.
struct Asked<'e> {
    event: &'e RecordedEvent,
    routed: Routed,
}

/// How far a reader has looked beyond its cursor, past events that are nothing to it. They would cost a
/// commit for every append of others, so the cursor follows now and then.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Where the cursor stood, and where everything up to was looked at.
    looked: Option<(Position, Position)>,
    /// When the cursor followed last; `None` where it always follows at once.
    followed: Option<Instant>,
}

impl Ahead {
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

/// Reads one page of the events of a saga.
pub(crate) async fn read_on<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    ahead: &mut Ahead,
) -> Result<Progress, SagaError> {
    if let Some(manager) = core.manager(category) {
        return super::process::read_on(core, manager, ahead).await;
    }
    let Some(kind) = core.newest(category) else {
        return Ok(Progress::None(Position::START));
    };
    let mut at = begin(core, category).await?;
    let page = core
        .store
        .read_feed(ahead.from(at), &kind.filter(), core.settings.page)
        .await?;
    let mut rest = page.events.as_slice();
    while !rest.is_empty() {
        let group = group(&**kind, category, rest)?;
        let taken = match take(core, category, at, &group).await? {
            Taken::All => group.len(),
            // One of them was taken before, or others are busy with its saga: one by one then.
            Taken::Not if group.len() > 1 => {
                let first = group.events.into_iter().take(1).collect();
                let first = Group::of(first);
                match take(core, category, at, &first).await? {
                    Taken::All => 1,
                    Taken::Not | Taken::Moved => return Ok(Progress::Made),
                }
            }
            Taken::Not | Taken::Moved => return Ok(Progress::Made),
        };
        if let Some(last) = rest.get(taken - 1) {
            at = last.position;
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    ahead.pass(core, category, at, page.next).await?;
    Ok(Progress::after(&page))
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

/// Events that can share a transaction: none of their sagas is asked by two of them.
struct Group<'e> {
    events: Vec<(&'e RecordedEvent, Vec<Asked<'e>>)>,
}

impl<'e> Group<'e> {
    fn of(events: Vec<(&'e RecordedEvent, Vec<Asked<'e>>)>) -> Self {
        Self { events }
    }

    fn len(&self) -> usize {
        self.events.len()
    }
}

fn group<'e>(
    kind: &dyn Kind,
    category: &str,
    events: &'e [RecordedEvent],
) -> Result<Group<'e>, SagaError> {
    let mut seen: Vec<String> = Vec::new();
    let mut taken = Vec::new();
    for event in events.iter().take(GROUP) {
        let failed = |reason: String| SagaError::Event {
            saga: category.to_owned(),
            position: event.position,
            reason,
        };
        let routed = catch_unwind(AssertUnwindSafe(|| kind.route(event)));
        let routed = routed
            .map_err(|_| "the function that reads it panicked".to_owned())
            .and_then(|routed| routed);
        let routed = match routed {
            Ok(routed) => routed,
            // What stands before it is taken first.
            Err(_) if !taken.is_empty() => break,
            Err(reason) => return Err(failed(reason)),
        };
        if routed.iter().any(|r| seen.iter().any(|id| id == r.id())) {
            break;
        }
        seen.extend(routed.iter().map(|routed| routed.id().to_owned()));
        let asked = routed.into_iter().map(|routed| Asked { event, routed });
        taken.push((event, asked.collect()));
    }
    Ok(Group::of(taken))
}

pub(crate) enum Taken {
    All,
    Not,
    Moved,
}

/// Takes the events of a group, in one transaction with the move of the cursor behind them.
async fn take<S: WorkQueue>(
    core: &Core<S>,
    category: &str,
    from: Position,
    group: &Group<'_>,
) -> Result<Taken, SagaError> {
    let Some((last, _)) = group.events.last() else {
        return Ok(Taken::All);
    };
    // Events of one group that ask the same saga twice are those of one event: start, then cancel.
    let mut asked: BTreeMap<&str, Vec<&Asked<'_>>> = BTreeMap::new();
    for one in group.events.iter().flat_map(|(_, asked)| asked) {
        asked.entry(one.routed.id()).or_default().push(one);
    }
    let space = core.space().await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let now = core.store.now().await?;
        // Compared with where the page was read from: another process may have moved it since.
        let moved = CursorMove::new(category, Some(from), last.position);
        let mut commit = Commit::new().cursor(moved);
        for (id, asked) in &asked {
            let Some(first) = asked.first() else { continue };
            let instance = StreamId::new(category, id).map_err(|e| SagaError::Event {
                saga: category.to_owned(),
                position: first.event.position,
                reason: format!("the id that its function gave: {e}"),
            })?;
            let loaded = match load(&core.store, &instance).await {
                Ok(loaded) => loaded,
                Err(error) if may_pass(&error) => return Err(error.into()),
                Err(unreadable) => {
                    let (append, row) = keep(core, &instance, asked, &unreadable).await?;
                    commit = commit.append(append).work(row);
                    continue;
                }
            };
            // Where all definitions are frozen nothing begins.
            let Some(info) = info_for(core, &instance, &loaded) else {
                continue;
            };
            let mut draft = loaded.draft(&instance, &info, &space, now);
            for one in asked {
                ask(&mut draft, one);
            }
            if draft.events.is_empty() {
                continue;
            }
            let input = Some(AppendId::from(first.event.event_id));
            let metadata = Metadata::following(first.event);
            let append = append_of(&instance, loaded.version, &draft.events, metadata, input)?;
            commit = commit.append(append).work(draft.row());
        }
        match core.store.commit(commit).await {
            Ok(_) => return Ok(Taken::All),
            Err(CommitError::CursorMoved { .. }) => return Ok(Taken::Moved),
            Err(error) if is_taken(&error) => {
                if group.len() > 1 {
                    return Ok(Taken::Not);
                }
                return skip(core, category, Some(from), last.position).await;
            }
            // Whoever is busy with one of them need not hold up the others.
            Err(_) if group.len() > 1 && attempt > 1 => return Ok(Taken::Not),
            Err(error) if may_decide_again(&error) && attempt < ATTEMPTS => {
                pause_after(&error, attempt).await;
            }
            Err(error) => {
                let instance = StreamId::new(category, asked.keys().next().unwrap_or(&"?"))?;
                return Err(contended(&instance, attempt, error));
            }
        }
    }
}

/// An input of a saga whose stream this program cannot read: it is stored behind what is there, for a
/// program that can.
async fn keep<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    asked: &[&Asked<'_>],
    why: &LoadError,
) -> Result<(Append, WorkChange), SagaError> {
    let events = asked.iter().map(|asked| {
        let (event, name) = (asked.event.event_id, asked.event.name.to_string());
        match asked.routed {
            Routed::Start { .. } => SagaEvent::from(InputIgnored {
                event,
                name,
                why: "the saga has begun before".to_owned(),
            }),
            Routed::Cancel { .. } => SagaEvent::from(CancelRequested { event, name }),
        }
    });
    let events: Vec<_> = events.collect();
    let first = asked.first().map(|asked| asked.event);
    let metadata = first.map(Metadata::following).unwrap_or_default();
    let input = first.map(|event| AppendId::from(event.event_id));
    let mut append = append_of(instance, 0, &events, metadata, input)?;
    append.expected = ExpectedVersion::Any;
    Ok((append, unreadable_row(core, instance, why).await?))
}

/// The row of an instance whose stream cannot be read: its stream cannot say that it is parked.
pub(crate) async fn unreadable_row<S: WorkQueue>(
    core: &Core<S>,
    instance: &StreamId,
    why: &LoadError,
) -> Result<WorkChange, SagaError> {
    let row = row_of(&core.store, instance).await?;
    let definition = row.map(|row| row.definition);
    let mut row = WorkChange::new(instance.clone(), definition.unwrap_or_default());
    row.status = WorkStatus::Parked;
    UNREADABLE.clone_into(&mut row.phase);
    row.reason = Some(why.to_string());
    Ok(row)
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

fn ask(draft: &mut Draft<'_>, asked: &Asked<'_>) {
    let event = (asked.event.event_id, &*asked.event.name);
    match &asked.routed {
        Routed::Start { input, .. } => draft.start(input.clone(), Some(event)),
        // Nothing has begun that could be undone. What starts it later comes later.
        Routed::Cancel { .. } if draft.state.started.is_none() => {}
        Routed::Cancel { .. } => draft.cancel(event.0, event.1),
    }
}
