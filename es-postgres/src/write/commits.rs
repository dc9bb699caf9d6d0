//! Commits: several streams, work items and a cursor at once, each commit with a verdict of its own.

use super::{
    changes::Changes,
    decide::{Decider, Rows},
    transaction::Decided,
    writer::{Abandoned, Writer},
};
use crate::{
    connection::{Param, Session},
    errors::{Failed, corrupt, not_applied, storage},
    rows::{cursor_of, natural},
};
use es_runtime::{
    Append, AppendError, Commit, CommitError, Committed, Position, StorageError, StreamId,
    Timestamp, store::author,
};
use futures_util::future::join;
use std::collections::{HashMap, HashSet};
use tokio_postgres::types::Type;

/// How an attempt at commits ended without any.
pub(super) enum NotDone {
    Rejected(CommitError),
    Abandoned(Abandoned),
}

impl From<Abandoned> for NotDone {
    fn from(abandoned: Abandoned) -> Self {
        Self::Abandoned(abandoned)
    }
}

impl From<CommitError> for NotDone {
    fn from(error: CommitError) -> Self {
        Self::Rejected(error)
    }
}

pub(super) type CommitVerdict = Result<Committed, CommitError>;

/// What the rows and cursors of a group are at, while the rows are locked.
struct LockedRows {
    epochs: HashMap<StreamId, u64>,
    cursors: HashMap<String, (Option<Position>, Option<String>)>,
}

impl Writer {
    /// Commits that waited at the same time, in one transaction, each with a verdict of its own.
    pub(super) async fn commit_all(&mut self, commits: &[Commit]) -> Vec<CommitVerdict> {
        // Projections inside of appends undo one append at a time, so they get one commit at a time.
        if commits.len() > 1 && self.inlines.is_empty() {
            match self.try_commits(commits).await {
                Ok(verdicts) => return verdicts,
                Err(NotDone::Abandoned(abandoned)) => {
                    if let Ok(failed) = abandoned.of_all() {
                        return commits.iter().map(|_| Err(failure(&failed))).collect();
                    }
                }
                Err(NotDone::Rejected(_)) => {}
            }
        }
        // A failure of one must not be the verdict of all.
        let mut verdicts = Vec::with_capacity(commits.len());
        for commit in commits {
            let failed = match self.try_commits(std::slice::from_ref(commit)).await {
                Ok(alone) => {
                    verdicts.extend(alone);
                    continue;
                }
                Err(NotDone::Rejected(error)) => {
                    verdicts.push(Err(error));
                    continue;
                }
                Err(NotDone::Abandoned(abandoned)) => abandoned.of_all(),
            };
            match failed {
                Ok(failed) => {
                    verdicts.push(Err(failure(&failed)));
                    let rest = Failed::not_applied(failed.error);
                    verdicts.resize_with(commits.len(), || Err(failure(&rest)));
                    break;
                }
                Err(abandoned) => verdicts.push(Err(self.why_not(commit, abandoned).await)),
            }
        }
        verdicts
    }

    /// Why one commit was not done.
    async fn why_not(&mut self, commit: &Commit, abandoned: Abandoned) -> CommitError {
        match abandoned {
            Abandoned::Lost(error) => not_applied(error),
            Abandoned::Failed(failed) => failure(&failed),
            Abandoned::KnownEventId => {
                let mut before = HashSet::new();
                for append in &commit.appends {
                    let known = self.which_is_known(append, &before).await;
                    if matches!(known, AppendError::DuplicateEventId { .. }) {
                        return CommitError::Append(known);
                    }
                    before.extend(append.events.iter().map(|event| event.id));
                }
                not_applied(corrupt("an event id is known and is not found"))
            }
        }
    }

    /// Some commits in one transaction; once more where the connection was lost before it committed.
    async fn try_commits(&mut self, commits: &[Commit]) -> Result<Vec<CommitVerdict>, NotDone> {
        match self.try_once(commits).await {
            Err(NotDone::Abandoned(Abandoned::Lost(_))) if self.is_connected => {
                self.try_once(commits).await
            }
            done => done,
        }
    }

    async fn try_once(&mut self, commits: &[Commit]) -> Result<Vec<CommitVerdict>, NotDone> {
        let clock = self.clock()?;
        let session = self.session().await.map_err(Abandoned::Lost)?;
        for (sql, types) in self.statements.of_commits() {
            let ready = session.prepare(sql, types).await;
            ready.map_err(|error| Abandoned::Lost(storage(error)))?;
        }
        let appends = commits.iter().flat_map(|commit| &commit.appends);
        let appends: Vec<Append> = appends.cloned().collect();
        let guards: Vec<_> = commits.iter().flat_map(|commit| &commit.guards).collect();
        let known = match self.lock_and_look(&session, &appends, &guards).await {
            Ok(known) => known,
            Err(error) => return Err(self.give_up(session, error).await.into()),
        };
        let mut locked = match self.locked(&session, commits).await {
            Ok(locked) => locked,
            Err(error) => return Err(self.give_up(session, error).await.into()),
        };
        let now = clock.unwrap_or(known.now);
        let before = known.head;
        let mut rules = Decider::new(known);
        let mut rows = Rows::default();
        let mut changes = Changes::at(now);
        let mut verdicts = Vec::with_capacity(commits.len());
        let mut first_guard = 0;
        for commit in commits {
            let marks: Vec<_> = commit.appends.iter().map(|a| rules.mark(a)).collect();
            let mut own = Rows::default();
            let guarded = rules.check_guards(commit, first_guard);
            first_guard += commit.guards.len();
            let verdict = match guarded {
                Ok(()) => decide(&mut rules, &mut locked, commit, now, &mut own),
                // What was done before comes first.
                Err(refused) => rules.check_repeated(commit).and(Err(refused)),
            };
            if verdict.is_ok() {
                rows.absorb(own);
                changes.add(commit);
            } else {
                for (append, mark) in commit.appends.iter().zip(&marks) {
                    rules.back(append, mark);
                }
            }
            verdicts.push(verdict);
        }
        if verdicts.iter().all(Result::is_err) {
            self.roll_back(session).await;
            return Ok(verdicts);
        }
        let mut decided = Decided {
            writes: commits.len(),
            rows,
            is_written: false,
            changes,
            before,
            head: rules.head(),
        };
        decided.changes.uniques = rules.into_uniques();
        let session = self
            .write_projected(session, commits, &verdicts, &mut decided)
            .await?;
        self.finish(session, decided).await?;
        Ok(verdicts)
    }

    /// Locks the rows of a group and asks where they and its cursors stand.
    async fn locked(
        &self,
        session: &Session,
        commits: &[Commit],
    ) -> Result<LockedRows, StorageError> {
        let instances = commits.iter().flat_map(|commit| &commit.work);
        let mut instances: Vec<_> = instances.map(|row| &row.instance).collect();
        // In one order, so that two groups never wait for each other.
        instances.sort_unstable();
        instances.dedup();
        let pairs = instances.iter().map(|i| (i.aggregate(), i.id()));
        let (aggregates, ids): (Vec<&str>, Vec<&str>) = pairs.unzip();
        let moves = commits.iter().filter_map(|commit| commit.cursor.as_ref());
        let mut consumers: Vec<&str> = moves.map(|moved| moved.consumer.as_str()).collect();
        consumers.sort_unstable();
        consumers.dedup();
        let by_row: [Param<'_>; 2] = [(&aggregates, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)];
        let by_consumer: [Param<'_>; 1] = [(&consumers, Type::TEXT_ARRAY)];
        let (epochs, cursors) = join(
            session.rows(&self.statements.work_epochs, &by_row),
            session.rows(&self.statements.cursors, &by_consumer),
        )
        .await;
        let cursors = cursors.map_err(storage)?;
        let mut locked = LockedRows {
            epochs: HashMap::new(),
            cursors: HashMap::new(),
        };
        for row in epochs.map_err(storage)? {
            let number = natural(&row, 0).and_then(|n| usize::try_from(n.checked_sub(1)?).ok());
            let instance = number.and_then(|number| instances.get(number));
            let (Some(instance), Some(epoch)) = (instance, natural(&row, 1)) else {
                return Err(corrupt("the epoch of a work item is not a number"));
            };
            locked.epochs.insert((*instance).clone(), epoch);
        }
        for row in &cursors {
            let consumer: String = row.try_get(1).map_err(storage)?;
            let actual = cursor_of(std::slice::from_ref(row), &consumer)?;
            let inputs = row.try_get(2).map_err(storage)?;
            locked.cursors.insert(consumer, (actual, inputs));
        }
        Ok(locked)
    }
}

fn failure(failed: &Failed) -> CommitError {
    let Failed { outcome, error } = failed.again();
    CommitError::Storage { outcome, error }
}

/// The verdict on one commit of a group; its events go to `rows`.
fn decide<'a>(
    rules: &mut Decider,
    locked: &mut LockedRows,
    commit: &'a Commit,
    now: Timestamp,
    rows: &mut Rows<'a>,
) -> CommitVerdict {
    let mut appended = Vec::with_capacity(commit.appends.len());
    for append in &commit.appends {
        let done = rules.one(append, Some(now), rows);
        let done = done.map_err(CommitError::Append)?;
        appended.push(author::check_first_time(append, done)?);
    }
    for row in &commit.work {
        let actual = locked.epochs.get(&row.instance).copied().unwrap_or(0);
        author::check_epoch(row, actual)?;
    }
    if let Some(moved) = &commit.cursor {
        let cursor = locked.cursors.entry(moved.consumer.clone()).or_default();
        author::check_cursor(moved, cursor.0)?;
        author::check_inputs(moved, cursor.0, cursor.1.as_deref())?;
        cursor.0 = Some(moved.to);
        if let Some((_, inputs)) = &moved.inputs {
            cursor.1 = Some(inputs.clone());
        }
    }
    Ok(Committed::new(appended))
}
