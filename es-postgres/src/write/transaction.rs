//! One transaction of the writer: locks the end of the feed, looks at the streams, judges, writes what is
//! accepted, and commits.

use super::{
    changes::Changes,
    decide::{Decider, Known, Rows},
    queue::Verdict,
    rules::{KnownRules, rules_on},
    tags, unique,
    writer::{Abandoned, Writer},
};
use crate::{
    connection::{Param, Session},
    errors::{Failed, corrupt, storage},
    rows,
};
use es_runtime::{
    Append, AppendId, Outcome, StorageError, StorageErrorKind, StreamId, TagGuard, Timestamp,
    store::author::{Comparison, Earlier, RuleNeeds, RuleState, StreamHead},
};
use futures_util::future::{join, join5};
use std::collections::HashMap;
use tokio_postgres::{Error, Row, error::SqlState, types::Type};

/// What is to be committed of a group.
pub(super) struct Decided<'a> {
    /// How many appends or commits asked for it.
    pub(super) writes: usize,
    pub(super) rows: Rows<'a>,
    /// Whether the rows were written already.
    pub(super) is_written: bool,
    /// What changes besides events.
    pub(super) changes: Changes,
    /// The newest position before and afterwards.
    pub(super) before: u64,
    pub(super) head: u64,
}

impl Writer {
    pub(super) async fn transaction(
        &mut self,
        appends: &[Append],
    ) -> Result<Vec<Verdict>, Abandoned> {
        let clock = self.clock()?;
        let session = self.session().await.map_err(Abandoned::Lost)?;
        let known = match self.lock_and_look(&session, appends, &[]).await {
            Ok(known) => known,
            Err(error) => return Err(self.give_up(session, error).await),
        };
        self.append_known(session, appends, known, clock).await
    }

    /// Judges the appends, writes what is accepted, and commits.
    pub(super) async fn append_directly(
        &mut self,
        session: Session,
        appends: &[Append],
        known: Known,
        clock: Option<Timestamp>,
    ) -> Result<Vec<Verdict>, Abandoned> {
        let (before, now) = (known.head, known.now);
        let mut rules = Decider::new(known);
        let mut rows = Rows::default();
        let verdict = |append| rules.one(append, clock, &mut rows);
        let verdicts: Vec<Verdict> = appends.iter().map(verdict).collect();
        if rows.is_empty() {
            self.roll_back(session).await;
            return Ok(verdicts);
        }
        let mut decided = Decided {
            writes: appends.len(),
            rows,
            is_written: false,
            changes: Changes::at(now),
            before,
            head: rules.head(),
        };
        decided.changes.uniques = rules.into_uniques();
        self.finish(session, decided).await?;
        Ok(verdicts)
    }

    /// Writes what was decided and commits.
    pub(super) async fn finish(
        &mut self,
        session: Session,
        decided: Decided<'_>,
    ) -> Result<(), Abandoned> {
        match self.commit(&session, &decided).await {
            Ok(()) => self.session = Some(session),
            Err(NotCommitted::Rejected(error)) => return Err(self.give_up(session, error).await),
            Err(NotCommitted::InDoubt(error)) => {
                drop(session);
                if decided.rows.is_empty() {
                    // Nothing was written that could be found again.
                    let outcome = Outcome::Unknown;
                    return Err(Abandoned::Failed(Failed { outcome, error }));
                }
                // Its positions count from the begin of the feed.
                let found = self.find_out(&decided.rows, &error).await?;
                if found.is_none_or(|found| found.before != 0) {
                    return Err(Abandoned::Lost(error));
                }
            }
        }
        self.note(decided.writes, decided.head);
        Ok(())
    }

    /// Begins, takes the lock, and asks for the state of the streams: one flight. Each statement sees
    /// what was committed before it began, so the answers are those under the lock.
    pub(super) async fn lock_and_look(
        &mut self,
        session: &Session,
        appends: &[Append],
        guards: &[&TagGuard],
    ) -> Result<Known, StorageError> {
        let mut streams: Vec<&StreamId> = appends.iter().map(|append| &append.stream).collect();
        streams.sort_unstable();
        streams.dedup();
        let aggregates: Vec<&str> = streams.iter().map(|stream| stream.aggregate()).collect();
        let ids: Vec<&str> = streams.iter().map(|stream| stream.id()).collect();
        let named: Vec<(&Append, &AppendId)> = appends
            .iter()
            .filter_map(|append| Some((append, append.append_id.as_ref()?)))
            .collect();
        let kinds = guards.iter().flat_map(|guard| guard.query.pairs());
        let needs = RuleNeeds::of(appends).with_kinds(kinds);
        if !needs.is_empty() {
            for (sql, types) in self.statements.of_rules() {
                session.prepare(sql, types).await.map_err(storage)?;
            }
        }
        let ((began, locked, heads, found, uniques), guards) = join(
            join5(
                session.client().batch_execute(&self.begin),
                session.rows(&self.statements.lock, &[]),
                session.rows(
                    &self.statements.stream_heads,
                    &[(&aggregates, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)],
                ),
                self.known_appends(session, &named),
                unique::needed(session, &self.statements, &needs, &self.settings.absent),
            ),
            tags::found(session, &self.statements, guards),
        )
        .await;
        began.map_err(storage)?;
        let locked = locked.map_err(storage)?;
        let end = locked.first().and_then(|row| {
            let rules: i64 = row.try_get(2).ok()?;
            Some((rows::natural(row, 0)?, rows::time(row, 1).ok()?, rules))
        });
        let Some((head, now, state)) = end else {
            return Err(corrupt("the table `head` does not have its one row"));
        };
        let mut known = Known {
            head,
            streams: HashMap::new(),
            appends: HashMap::new(),
            now,
            uniques: RuleState::default(),
            guards: Vec::new(),
        };
        for row in heads.map_err(storage)? {
            let which = rows::numbered(&row, 0).and_then(|index| streams.get(index));
            let at = rows::natural(&row, 1).zip(rows::natural(&row, 2));
            let (Some(stream), Some((version, position))) = (which, at) else {
                return Err(corrupt(
                    "the newest event of a stream has no usable version",
                ));
            };
            let head = StreamHead {
                version,
                position: rows::position(position),
            };
            known.streams.insert((*stream).clone(), head);
        }
        for row in found.map_err(storage)? {
            let which = rows::numbered(&row, 5).and_then(|index| named.get(index));
            let Some((append, id)) = which else {
                return Err(corrupt("the record of an append has no usable number"));
            };
            let earlier = self.earlier(session, append, id, &row).await?;
            let key = (append.stream.clone(), (*id).clone());
            known.appends.insert(key, earlier);
        }
        known.uniques = uniques?;
        known.guards = guards?;
        if state != self.rules.state {
            let on = Box::pin(rules_on(session, &self.statements)).await?;
            self.rules = KnownRules { state, on };
        }
        for append in appends {
            known.uniques.read_rules_on(&self.rules.on, append);
        }
        Ok(known)
    }

    async fn known_appends(
        &self,
        session: &Session,
        named: &[(&Append, &AppendId)],
    ) -> Result<Vec<Row>, Error> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let aggregates: Vec<&str> = named.iter().map(|(a, _)| a.stream.aggregate()).collect();
        let ids: Vec<&str> = named.iter().map(|(a, _)| a.stream.id()).collect();
        let append_ids: Vec<&str> = named.iter().map(|(_, id)| id.as_str()).collect();
        session
            .rows(
                &self.statements.known_appends,
                &[
                    (&aggregates, Type::TEXT_ARRAY),
                    (&ids, Type::TEXT_ARRAY),
                    (&append_ids, Type::TEXT_ARRAY),
                ],
            )
            .await
    }

    /// What the first append under an id did, compared with this one.
    async fn earlier(
        &self,
        session: &Session,
        append: &Append,
        id: &AppendId,
        row: &Row,
    ) -> Result<Earlier, StorageError> {
        let stream = &append.stream;
        let first = match rows::appended(row, stream, id) {
            Ok(first) => first,
            Err(damaged) => return Ok(Earlier::Unreadable(damaged)),
        };
        let mut comparison = Comparison::new(append, first);
        let before = rows::clamped(comparison.after());
        let count = rows::clamped(comparison.count());
        let stored = session
            .rows(
                &self.statements.fold,
                &[
                    (&stream.aggregate(), Type::TEXT),
                    (&stream.id(), Type::TEXT),
                    (&before, Type::INT8),
                    (&count, Type::INT8),
                ],
            )
            .await
            .map_err(storage)?;
        for row in &stored {
            let read = rows::place(row)
                .map_err(|error| error.to_string())
                .and_then(|place| rows::stored_event(row, place).map_err(str::to_owned));
            match read {
                Ok(event) => comparison.event(&event),
                Err(what) => {
                    let what = format!("the first append `{id}`: {what}");
                    return Ok(Earlier::Unreadable(corrupt(what)));
                }
            }
        }
        Ok(comparison.finish())
    }

    /// Writes what is not written yet and commits: one flight. The move of the head is the proof that the transaction
    /// was alive until its end, since the server answers the commit of a dead one with success.
    async fn commit(&self, session: &Session, decided: &Decided<'_>) -> Result<(), NotCommitted> {
        let (before, head) = (rows::clamped(decided.before), rows::clamped(decided.head));
        let to_head: [Param<'_>; 2] = [(&head, Type::INT8), (&before, Type::INT8)];
        let nothing = Rows::default();
        let rows = if decided.is_written {
            &nothing
        } else {
            &decided.rows
        };
        let (events, appends, (changes, tags), moved, committed) = join5(
            self.insert_events(session, rows),
            self.insert_appends(session, rows),
            join(
                decided.changes.write(session, &self.statements),
                decided.rows.tags.write(session, &self.statements),
            ),
            session.execute(&self.statements.advance, &to_head),
            session.client().batch_execute("COMMIT"),
        )
        .await;
        let wrote = events.and(appends).map(|_| ()).and(changes).and(tags);
        match (wrote, moved, committed) {
            (Ok(()), Err(error), _) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                let error = corrupt("the end of the feed does not move; nothing was committed");
                Err(NotCommitted::Rejected(error.into()))
            }
            // What the server rejected was not committed, whatever happened to the rest.
            (Err(error), _, _) | (_, Err(error), _) if error.as_db_error().is_some() => {
                Err(NotCommitted::Rejected(error.into()))
            }
            (Ok(()), Ok(1), Ok(())) => Ok(()),
            (Ok(()), Ok(_), Ok(())) => {
                let doubt = corrupt("the server did not say that the end of the feed moved");
                Err(NotCommitted::InDoubt(doubt))
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                Err(NotCommitted::InDoubt(storage(error)))
            }
        }
    }

    pub(super) async fn insert_events(
        &self,
        session: &Session,
        rows: &Rows<'_>,
    ) -> Result<u64, Error> {
        if rows.positions.is_empty() {
            return Ok(0);
        }
        let params = rows.params();
        let sql = &self.statements.insert_events;
        session.execute(sql, &params).await
    }

    pub(super) async fn insert_appends(
        &self,
        session: &Session,
        rows: &Rows<'_>,
    ) -> Result<u64, Error> {
        let rows = &rows.appends;
        if rows.append_ids.is_empty() {
            return Ok(0);
        }
        let params = rows.params();
        let sql = &self.statements.insert_appends;
        session.execute(sql, &params).await
    }

    /// Ends a transaction that failed before its commit.
    pub(super) async fn give_up(&mut self, session: Session, error: impl Into<Cause>) -> Abandoned {
        let Cause {
            error,
            known_event_id,
        } = error.into();
        let lost = session.is_closed() || error.kind == StorageErrorKind::Unreachable;
        self.roll_back(session).await;
        if known_event_id {
            Abandoned::KnownEventId
        } else if lost {
            Abandoned::Lost(error)
        } else {
            Abandoned::Failed(Failed::not_applied(error))
        }
    }

    /// Keeps the session where it is known to be outside of a transaction.
    pub(super) async fn roll_back(&mut self, session: Session) {
        if session.client().batch_execute("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }
}

/// What stops a transaction, and whether an event id was the cause.
pub(super) struct Cause {
    error: StorageError,
    known_event_id: bool,
}

impl From<StorageError> for Cause {
    fn from(error: StorageError) -> Self {
        Self {
            error,
            known_event_id: false,
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        let known_event_id = error.as_db_error().is_some_and(|db| {
            *db.code() == SqlState::UNIQUE_VIOLATION && db.constraint() == Some("events_event_id")
        });
        Self {
            error: storage(error),
            known_event_id,
        }
    }
}

enum NotCommitted {
    Rejected(Cause),
    InDoubt(StorageError),
}
