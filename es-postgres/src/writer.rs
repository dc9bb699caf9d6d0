//! The task that appends. It takes every append that waits into one transaction: locks the end of the
//! feed, judge about each, writes what is accepted in one statement, commits. Callers that wait
//! while one commit is on its way to the disk share the next one; a lone caller waits for nothing.

use crate::{
    at_once::AtOnce,
    connection::{Param, Session},
    decide::{Decider, First, Known, Rows},
    errors::{Failed, corrupt, is_passing, storage},
    options::Settings,
    read::{Postgres, PostgresTransaction, inline::Feed},
    rows,
    saga::Changes,
    statements::Statements,
    stats::Counters,
};
use es_runtime::{
    Append, AppendError, AppendId, Appended, EventId, Outcome, StorageError, StorageErrorKind,
    StreamId, Timestamp,
    projection::inline::{InlineError, Inlines},
    saga::{Commit, CommitError, Committed},
};
use futures_util::future::{join4, join5};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::{Error, Row, error::SqlState, types::Type};
use uuid::Uuid;

/// Appends that wait before callers wait to hand theirs over.
const QUEUE: usize = 4096;
/// So many appends go into one transaction at most, and about so many bytes.
const GROUP: usize = 1024;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

pub(crate) type Verdict = Result<Appended, AppendError>;
pub(crate) type Reply = oneshot::Sender<Verdict>;
pub(crate) type CommitReply = oneshot::Sender<Result<Committed, CommitError>>;

pub(crate) enum Message {
    Append(Box<Append>, Reply),
    Commit(Box<Commit>, CommitReply),
    Close,
}

/// Who is told of what was appended.
pub(crate) struct Told {
    pub(crate) counters: Arc<Counters>,
    /// The newest position that this process appended.
    pub(crate) mine: watch::Sender<u64>,
    /// The newest position that this process knows of.
    pub(crate) newest: watch::Sender<u64>,
}

pub(crate) fn start(
    settings: Arc<Settings>,
    statements: Arc<Statements>,
    told: Told,
    inlines: Inlines<Postgres>,
    begin: String,
    first: Session,
    alive: watch::Receiver<()>,
) -> mpsc::Sender<Message> {
    let (queue, messages) = mpsc::channel(QUEUE);
    let writer = Writer {
        settings,
        statements,
        told,
        inlines,
        begin,
        session: Some(first),
    };
    tokio::spawn(async move {
        writer.serve(messages).await;
        drop(alive);
    });
    queue
}

pub(crate) struct Writer {
    settings: Arc<Settings>,
    pub(crate) statements: Arc<Statements>,
    told: Told,
    pub(crate) inlines: Inlines<Postgres>,
    begin: String,
    /// Outside of any transaction.
    pub(crate) session: Option<Session>,
}

/// Appends that go into one transaction, and who waits for them.
#[derive(Default)]
struct Group {
    appends: Vec<Append>,
    replies: Vec<Reply>,
}

impl Group {
    fn push(&mut self, append: Append, reply: Reply) {
        self.appends.push(append);
        self.replies.push(reply);
    }
}

/// What is to be committed of a group.
pub(crate) struct Decided<'a> {
    /// How many appends or commits asked for it.
    pub(crate) writes: usize,
    pub(crate) rows: Rows<'a>,
    /// Whether the rows were written already; they are some of those, then.
    pub(crate) is_written: bool,
    /// What changes beside events.
    pub(crate) changes: Changes,
    /// The newest position before and afterwards.
    pub(crate) before: u64,
    pub(crate) head: u64,
}

/// Why a transaction was given up. Where nothing was written, the session was left clean or dropped.
pub(crate) enum Abandoned {
    /// The database failed.
    Failed(Failed),
    /// The connection ended before anything was committed.
    Lost(StorageError),
    /// An event id is there already: whose it is shows when each append is tried alone.
    KnownEventId,
}

impl Writer {
    async fn serve(mut self, mut queue: mpsc::Receiver<Message>) {
        // A closed queue still gives what was in it.
        let mut left = Left::default();
        loop {
            match next(&mut queue, &mut left).await {
                Some(Next::Append(append, reply)) => {
                    let group = fill(&mut queue, &mut left, append, reply);
                    self.write(group).await;
                }
                Some(Next::Commit(commit, reply)) => {
                    let (commits, replies) = fill_commits(&mut queue, &mut left, *commit, reply);
                    let verdicts = self.commit_sagas(&commits).await;
                    for (reply, verdict) in replies.into_iter().zip(verdicts) {
                        let _ = reply.send(verdict);
                    }
                }
                None => return,
            }
        }
    }

    async fn write(&mut self, group: Group) {
        let Group { appends, replies } = group;
        match self.attempt(&appends).await {
            Ok(verdicts) => {
                for (reply, verdict) in replies.into_iter().zip(verdicts) {
                    // Whoever does not wait any more does not want to know.
                    let _ = reply.send(verdict);
                }
            }
            Err(Abandoned::KnownEventId) => self.one_by_one(appends, replies).await,
            // A failure of one, such as a row that is too large, must not be the verdict of all.
            Err(Abandoned::Failed(failed))
                if appends.len() > 1
                    && failed.outcome == Outcome::NotApplied
                    && !is_passing(failed.error.kind) =>
            {
                self.one_by_one(appends, replies).await;
            }
            Err(Abandoned::Failed(failed)) => fail(&appends, replies, &failed),
            Err(Abandoned::Lost(error)) => {
                fail(&appends, replies, &Failed::not_applied(error));
            }
        }
    }

    async fn one_by_one(&mut self, appends: Vec<Append>, replies: Vec<Reply>) {
        for (append, reply) in appends.into_iter().zip(replies) {
            let alone = std::slice::from_ref(&append);
            match self.attempt(alone).await {
                Ok(verdicts) => {
                    if let Some(verdict) = verdicts.into_iter().next() {
                        let _ = reply.send(verdict);
                    }
                }
                Err(Abandoned::KnownEventId) => {
                    let verdict = self.which_is_known(&append).await;
                    let _ = reply.send(Err(verdict));
                }
                Err(Abandoned::Failed(failed)) => fail(alone, [reply], &failed),
                Err(Abandoned::Lost(error)) => {
                    fail(alone, [reply], &Failed::not_applied(error));
                }
            }
        }
    }

    /// The short way where that is possible, else one transaction; once more where the connection was
    /// lost before it committed.
    async fn attempt(&mut self, appends: &[Append]) -> Result<Vec<Verdict>, Abandoned> {
        let mut in_doubt = false;
        if self.inlines.is_empty() && !self.settings.connector.pooled {
            if let Some(group) = AtOnce::of(appends, self.clock()) {
                match self.at_once(group).await? {
                    Short::Done(verdicts) => return Ok(verdicts),
                    Short::Refused => {}
                    Short::NotFound => in_doubt = true,
                }
            }
        }
        let mut done = self.transaction(appends).await;
        if matches!(done, Err(Abandoned::Lost(_))) {
            done = self.transaction(appends).await;
        }
        match done {
            // A verdict would have settled it: the versions would not be those any more that the
            // statement in doubt expects, should the server still come to it.
            Err(Abandoned::Lost(error) | Abandoned::Failed(Failed { error, .. })) if in_doubt => {
                let outcome = Outcome::Unknown;
                Err(Abandoned::Failed(Failed { outcome, error }))
            }
            other => other,
        }
    }

    /// One statement that commits by itself.
    async fn at_once(&mut self, group: AtOnce<'_>) -> Result<Short, Abandoned> {
        let session = self.session().await.map_err(Abandoned::Lost)?;
        let (before, now) = match group.run(&session, &self.statements).await {
            Ok(Some(written)) => {
                self.session = Some(session);
                written
            }
            Ok(None) => {
                self.session = Some(session);
                return Ok(Short::Refused);
            }
            // An error that leaves the connection standing is the server's refusal.
            Err(error)
                if error
                    .as_db_error()
                    .is_some_and(|db| db.severity() == "ERROR") =>
            {
                return Err(self.give_up(session, error).await);
            }
            Err(error) => {
                drop(session);
                match self.find_out(group.rows(), &storage(error)).await? {
                    Some(Found {
                        first: Some((position, now)),
                    }) => (position.saturating_sub(1), now),
                    Some(_) | None => return Ok(Short::NotFound),
                }
            }
        };
        let head = before.saturating_add(group.events());
        let done = group.done(before, now);
        self.note(done.len(), head);
        Ok(Short::Done(done.into_iter().map(Ok).collect()))
    }

    async fn transaction(&mut self, appends: &[Append]) -> Result<Vec<Verdict>, Abandoned> {
        let session = self.session().await.map_err(Abandoned::Lost)?;
        let known = match self.lock_and_look(&session, appends).await {
            Ok(known) => known,
            Err(error) => return Err(self.give_up(session, error).await),
        };
        if !self.inlines.is_empty() {
            return self.with_projections(session, appends, known).await;
        }
        let (before, now) = (known.head, known.now);
        let mut judge = Decider::new(known);
        let mut rows = Rows::default();
        let verdict = |append| judge.one(append, self.clock(), &mut rows);
        let verdicts: Vec<Verdict> = appends.iter().map(verdict).collect();
        if rows.is_empty() {
            self.roll_back(session).await;
            return Ok(verdicts);
        }
        let decided = Decided {
            writes: appends.len(),
            rows,
            is_written: false,
            changes: Changes::at(now),
            before,
            head: judge.head(),
        };
        self.finish(session, decided).await?;
        Ok(verdicts)
    }

    /// A transaction in which projections handle each append.
    async fn with_projections(
        &mut self,
        session: Session,
        appends: &[Append],
        known: Known,
    ) -> Result<Vec<Verdict>, Abandoned> {
        let mut tx = PostgresTransaction::new(session);
        let projected = self.project(&mut tx, appends, known).await;
        let (session, passing) = tx.into_parts();
        match (projected, passing) {
            (Ok(_), Some(error)) => Err(self.give_up(session, error).await),
            (Err(cause), _) => Err(self.give_up(session, cause).await),
            (Ok((decided, verdicts)), None) => {
                if decided.rows.is_empty() {
                    self.roll_back(session).await;
                } else {
                    self.finish(session, decided).await?;
                }
                Ok(verdicts)
            }
        }
    }

    /// Writes the appends one by one; where a projection fails, nothing of its append is left.
    async fn project<'a>(
        &mut self,
        tx: &mut PostgresTransaction,
        appends: &'a [Append],
        known: Known,
    ) -> Result<(Decided<'a>, Vec<Verdict>), Cause> {
        let feed = Feed(&self.statements);
        self.inlines.catch_up(tx, &feed).await?;
        let mut verdicts = Vec::with_capacity(appends.len());
        let mut decided = Decided {
            writes: appends.len(),
            rows: Rows::default(),
            is_written: true,
            changes: Changes::at(known.now),
            before: known.head,
            head: known.head,
        };
        let mut judge = Decider::new(known);
        for append in appends {
            let mark = judge.mark(append);
            let mut rows = Rows::default();
            let verdict = match judge.one(append, self.clock(), &mut rows) {
                Ok(appended) if !rows.is_empty() => {
                    tx.savepoint().await?;
                    self.insert_events(tx.session(), &rows).await?;
                    self.insert_appends(tx.session(), &rows).await?;
                    match self.inlines.handle(tx, append, &appended).await {
                        Ok(()) => {
                            tx.release_savepoint().await?;
                            if decided.rows.is_empty() {
                                decided.rows = rows;
                            }
                            Ok(appended)
                        }
                        Err(InlineError::Storage(error)) => return Err(error.into()),
                        Err(InlineError::Failure(failure)) => {
                            if let Some(error) = tx.take_passing() {
                                return Err(error.into());
                            }
                            tx.back_to_savepoint().await?;
                            judge.back(append, &mark);
                            Err(AppendError::Projection {
                                stream: append.stream.clone(),
                                projection: failure.projection,
                                reason: failure.error.to_string(),
                            })
                        }
                    }
                }
                other => other,
            };
            verdicts.push(verdict);
        }
        decided.head = judge.head();
        Ok((decided, verdicts))
    }

    /// Writes what was decided and commits.
    pub(crate) async fn finish(
        &mut self,
        session: Session,
        decided: Decided<'_>,
    ) -> Result<(), Abandoned> {
        match self.commit(&session, &decided).await {
            Ok(()) => self.session = Some(session),
            Err(NotCommitted::Refused(error)) => return Err(self.give_up(session, error).await),
            Err(NotCommitted::InDoubt(error)) => {
                drop(session);
                if decided.rows.is_empty() {
                    // Nothing was written that could be found again.
                    let outcome = Outcome::Unknown;
                    return Err(Abandoned::Failed(Failed { outcome, error }));
                }
                if self.find_out(&decided.rows, &error).await?.is_none() {
                    return Err(Abandoned::Lost(error));
                }
            }
        }
        self.note(decided.writes, decided.head);
        Ok(())
    }

    pub(crate) fn clock(&self) -> Option<Timestamp> {
        self.settings.clock.as_ref().map(|clock| clock())
    }

    /// The session, with its statements ready.
    pub(crate) async fn session(&mut self) -> Result<Session, StorageError> {
        if let Some(session) = self.session.take().filter(|session| !session.is_closed()) {
            if self.make_ready(&session).await.is_ok() {
                return Ok(session);
            }
        }
        let session = self.settings.connector.patient_session().await?;
        self.make_ready(&session).await.map_err(storage)?;
        Ok(session)
    }

    async fn make_ready(&self, session: &Session) -> Result<(), Error> {
        for (sql, types) in self.statements.of_appends() {
            session.prepare(sql, types).await?;
        }
        Ok(())
    }

    /// Begins, takes the lock, and asks for the state of the streams: one flight. Each statement sees
    /// what was committed before it began, so the answers are those under the lock.
    pub(crate) async fn lock_and_look(
        &self,
        session: &Session,
        appends: &[Append],
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
        let (began, locked, heads, found) = join4(
            session.client().batch_execute(&self.begin),
            session.rows(&self.statements.lock, &[]),
            session.rows(
                &self.statements.stream_heads,
                &[(&aggregates, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)],
            ),
            self.known_appends(session, &named),
        )
        .await;
        began.map_err(storage)?;
        let locked = locked.map_err(storage)?;
        let end = locked
            .first()
            .and_then(|row| Some((rows::natural(row, 0)?, rows::time(row, 1).ok()?)));
        let Some((head, now)) = end else {
            return Err(corrupt("the table `head` does not have its one row"));
        };
        let mut known = Known {
            head,
            streams: HashMap::new(),
            appends: HashMap::new(),
            now,
        };
        for row in heads.map_err(storage)? {
            let which = numbered(&row, 0).and_then(|index| streams.get(index));
            let at = rows::natural(&row, 1).zip(rows::natural(&row, 2));
            let (Some(stream), Some((version, position))) = (which, at) else {
                return Err(corrupt(
                    "the newest event of a stream has no usable version",
                ));
            };
            let at = (version, rows::position(position));
            known.streams.insert((*stream).clone(), at);
        }
        for row in found.map_err(storage)? {
            let which = numbered(&row, 4).and_then(|index| named.get(index));
            let Some((append, id)) = which else {
                return Err(corrupt("the record of an append has no usable number"));
            };
            let first = self.first(session, append, id, &row).await?;
            let key = (append.stream.clone(), (*id).clone());
            known.appends.insert(key, first);
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

    /// Whether the first append under an id wrote what this one asks for.
    async fn first(
        &self,
        session: &Session,
        append: &Append,
        id: &AppendId,
        row: &Row,
    ) -> Result<First, StorageError> {
        let stream = &append.stream;
        let first = match rows::appended(row, stream, id) {
            Ok(first) => first,
            Err(damaged) => return Ok(First::Damaged(damaged)),
        };
        let before = rows::clamped(first.version.saturating_sub(first.events));
        let count = rows::clamped(first.events);
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
        if u64::try_from(stored.len()) != Ok(first.events) {
            let what = format!("events of the first append `{id}` are missing");
            return Ok(First::Damaged(corrupt(what)));
        }
        let mut same = stored.len() == append.events.len();
        for (row, event) in stored.iter().zip(&append.events) {
            let read = rows::place(row)
                .map_err(|error| error.to_string())
                .and_then(|place| rows::stored_event(row, place).map_err(str::to_owned));
            let old = match read {
                Ok(old) => old,
                Err(what) => {
                    let what = format!("the first append `{id}`: {what}");
                    return Ok(First::Damaged(corrupt(what)));
                }
            };
            same = same
                && event.same_content(
                    old.name,
                    old.payload.schema_version,
                    old.payload.content_type,
                    old.payload.bytes,
                );
        }
        Ok(if same {
            First::Same(first)
        } else {
            First::Other(first.version)
        })
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
        let (events, appends, changes, moved, committed) = join5(
            self.insert_events(session, rows),
            self.insert_appends(session, rows),
            decided.changes.write(session, &self.statements),
            session.execute(&self.statements.advance, &to_head),
            session.client().batch_execute("COMMIT"),
        )
        .await;
        let wrote = events.and(appends).map(|_| ()).and(changes);
        match (wrote, moved, committed) {
            (Ok(()), Err(error), _) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                let error = corrupt("the end of the feed does not move; nothing was committed");
                Err(NotCommitted::Refused(error.into()))
            }
            // What the server refused was not committed, whatever became of the rest.
            (Err(error), _, _) | (_, Err(error), _) if error.as_db_error().is_some() => {
                Err(NotCommitted::Refused(error.into()))
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

    pub(crate) async fn insert_events(
        &self,
        session: &Session,
        rows: &Rows<'_>,
    ) -> Result<u64, Error> {
        if rows.positions.is_empty() {
            return Ok(0);
        }
        session
            .execute(
                &self.statements.insert_events,
                &[
                    (&rows.positions, Type::INT8_ARRAY),
                    (&rows.versions, Type::INT8_ARRAY),
                    (&rows.event_ids, Type::UUID_ARRAY),
                    (&rows.times, Type::TIMESTAMPTZ_ARRAY),
                    (&rows.schema_versions, Type::INT4_ARRAY),
                    (&rows.aggregates, Type::TEXT_ARRAY),
                    (&rows.ids, Type::TEXT_ARRAY),
                    (&rows.names, Type::TEXT_ARRAY),
                    (&rows.content_types, Type::TEXT_ARRAY),
                    (&rows.metadata, Type::TEXT_ARRAY),
                    (&rows.payloads, Type::BYTEA_ARRAY),
                ],
            )
            .await
    }

    pub(crate) async fn insert_appends(
        &self,
        session: &Session,
        rows: &Rows<'_>,
    ) -> Result<u64, Error> {
        let rows = &rows.appends;
        if rows.append_ids.is_empty() {
            return Ok(0);
        }
        session
            .execute(
                &self.statements.insert_appends,
                &[
                    (&rows.aggregates, Type::TEXT_ARRAY),
                    (&rows.ids, Type::TEXT_ARRAY),
                    (&rows.append_ids, Type::TEXT_ARRAY),
                    (&rows.last_versions, Type::INT8_ARRAY),
                    (&rows.events, Type::INT8_ARRAY),
                    (&rows.positions, Type::INT8_ARRAY),
                    (&rows.times, Type::TIMESTAMPTZ_ARRAY),
                ],
            )
            .await
    }

    /// Ends a transaction that failed before its commit.
    pub(crate) async fn give_up(&mut self, session: Session, error: impl Into<Cause>) -> Abandoned {
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
    pub(crate) async fn roll_back(&mut self, session: Session) {
        if session.client().batch_execute("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }

    /// Whether rows whose commit is in doubt are there. Takes the lock: the server gives it when the
    /// transaction that had it is at its end, whichever.
    async fn find_out(
        &mut self,
        rows: &Rows<'_>,
        doubt: &StorageError,
    ) -> Result<Option<Found>, Abandoned> {
        let until = Instant::now() + self.settings.connector.patience;
        let mut pause = Duration::from_millis(10);
        loop {
            match self.was_committed(rows).await {
                Ok(found) => {
                    if found.is_some() {
                        self.told.counters.resolved.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(found);
                }
                Err(_) if Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                Err(_) => {
                    return Err(Abandoned::Failed(Failed {
                        outcome: Outcome::Unknown,
                        error: StorageError::new(doubt.kind, doubt.message.clone()),
                    }));
                }
            }
        }
    }

    async fn was_committed(&mut self, rows: &Rows<'_>) -> Result<Option<Found>, StorageError> {
        let session = self.session().await?;
        let events: Vec<Uuid> = rows.event_ids.first().copied().into_iter().collect();
        let row = &rows.appends;
        let aggregates: Vec<&str> = row.aggregates.iter().take(1).copied().collect();
        let ids: Vec<&str> = row.ids.iter().take(1).copied().collect();
        let append_ids: Vec<&str> = row.append_ids.iter().take(1).copied().collect();
        let by_event: [Param<'_>; 1] = [(&events, Type::UUID_ARRAY)];
        let by_id: [Param<'_>; 3] = [
            (&aggregates, Type::TEXT_ARRAY),
            (&ids, Type::TEXT_ARRAY),
            (&append_ids, Type::TEXT_ARRAY),
        ];
        let (began, locked, events, appends, ended) = join5(
            session.client().batch_execute(&self.begin),
            session.rows(&self.statements.lock, &[]),
            session.rows(&self.statements.known_events, &by_event),
            session.rows(&self.statements.known_appends, &by_id),
            session.client().batch_execute("ROLLBACK"),
        )
        .await;
        began.map_err(storage)?;
        locked.map_err(storage)?;
        let (events, appends) = (events.map_err(storage)?, appends.map_err(storage)?);
        if ended.is_ok() {
            self.session = Some(session);
        }
        let first = events
            .first()
            .and_then(|row| Some((rows::natural(row, 1)?, rows::time(row, 2).ok()?)));
        let is_there = !events.is_empty() || !appends.is_empty();
        Ok(is_there.then_some(Found { first }))
    }

    /// The event of an append whose id is stored already.
    pub(crate) async fn which_is_known(&mut self, append: &Append) -> AppendError {
        let stream = append.stream.clone();
        let duplicate = |event_id| AppendError::DuplicateEventId {
            stream: stream.clone(),
            event_id,
        };
        let mut seen = HashSet::new();
        if let Some(twice) = append.events.iter().find(|event| !seen.insert(event.id)) {
            return duplicate(twice.id);
        }
        let ids: Vec<Uuid> = append
            .events
            .iter()
            .map(|event| Uuid::from_bytes(*event.id.as_bytes()))
            .collect();
        let look = async {
            let session = self.session().await?;
            let ids: [Param<'_>; 1] = [(&ids, Type::UUID_ARRAY)];
            let found = session.rows(&self.statements.known_events, &ids).await;
            let found = found.map_err(storage)?;
            self.session = Some(session);
            found
                .first()
                .and_then(|row| row.try_get::<_, Uuid>(0).ok())
                .ok_or_else(|| corrupt("an event id is known and is not found"))
        };
        match look.await {
            Ok(id) => duplicate(EventId::from_bytes(id.into_bytes())),
            Err(error) => AppendError::Storage {
                stream,
                outcome: Outcome::NotApplied,
                error,
            },
        }
    }

    /// Counts a commit and wakes those who wait for it.
    fn note(&self, writes: usize, head: u64) {
        let counters = &self.told.counters;
        counters.commits.fetch_add(1, Ordering::Relaxed);
        let writes = u64::try_from(writes).unwrap_or(u64::MAX);
        counters.writes.fetch_add(writes, Ordering::Relaxed);
        raise(&self.told.newest, head);
        raise(&self.told.mine, head);
    }
}

/// How the short way of an append ended.
enum Short {
    Done(Vec<Verdict>),
    /// Nothing was written: a version differs, or an append id is known.
    Refused,
    /// The connection was lost, and nothing is there so far.
    NotFound,
}

/// What was found of an append whose commit was in doubt.
struct Found {
    /// Where its first event stands, and when it was recorded.
    first: Option<(u64, Timestamp)>,
}

/// What stops a transaction, and whether an event id was the cause.
pub(crate) struct Cause {
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
    Refused(Cause),
    InDoubt(StorageError),
}

/// Makes those that wait for `position` look.
pub(crate) fn raise(known: &watch::Sender<u64>, position: u64) {
    known.send_if_modified(|known| {
        let more = position > *known;
        *known = position.max(*known);
        more
    });
}

/// An ordinal of SQL, from 1, as an index.
fn numbered(row: &Row, column: usize) -> Option<usize> {
    let number = rows::natural(row, column)?;
    usize::try_from(number.checked_sub(1)?).ok()
}

/// What was taken from the queue and has to wait for its turn.
#[derive(Default)]
struct Left {
    appends: Vec<(Append, Reply)>,
    /// It came behind all appends that are left.
    commit: Option<(Box<Commit>, CommitReply)>,
}

enum Next {
    Append(Append, Reply),
    Commit(Box<Commit>, CommitReply),
}

/// The next one: what was left over, or what is in the queue. `None` when the queue is closed and
/// empty.
async fn next(queue: &mut mpsc::Receiver<Message>, left: &mut Left) -> Option<Next> {
    if !left.appends.is_empty() {
        let (append, reply) = left.appends.remove(0);
        return Some(Next::Append(append, reply));
    }
    if let Some((commit, reply)) = left.commit.take() {
        return Some(Next::Commit(commit, reply));
    }
    loop {
        match queue.recv().await? {
            Message::Append(append, reply) => return Some(Next::Append(*append, reply)),
            Message::Commit(commit, reply) => return Some(Next::Commit(commit, reply)),
            Message::Close => queue.close(),
        }
    }
}

/// Adds what waits, as far as it fits. Of appends under one id only the first goes into a group: the
/// next one finds its record.
fn fill(
    queue: &mut mpsc::Receiver<Message>,
    left: &mut Left,
    append: Append,
    reply: Reply,
) -> Group {
    let mut group = Group::default();
    let mut ids = HashSet::new();
    let mut bytes = 0_usize;
    let waiting = std::mem::take(&mut left.appends);
    let commit_waits = left.commit.is_some();
    let mut take = |append: Append, reply: Reply, group: &mut Group| {
        let twice = append
            .append_id
            .as_ref()
            .is_some_and(|id| !ids.insert((append.stream.clone(), id.clone())));
        if twice || group.appends.len() >= GROUP || bytes >= GROUP_BYTES {
            left.appends.push((append, reply));
            return false;
        }
        let size: usize = append.events.iter().map(|event| event.payload.len()).sum();
        bytes = bytes.saturating_add(size);
        group.push(append, reply);
        true
    };
    take(append, reply, &mut group);
    for (append, reply) in waiting {
        take(append, reply, &mut group);
    }
    if commit_waits {
        return group;
    }
    loop {
        match queue.try_recv() {
            Ok(Message::Commit(commit, reply)) => {
                left.commit = Some((commit, reply));
                return group;
            }
            Ok(Message::Append(append, reply)) => {
                if !take(*append, reply, &mut group) {
                    return group;
                }
            }
            Ok(Message::Close) => queue.close(),
            Err(_) => return group,
        }
    }
}

/// Commits that wait together, until something else comes or two of them have one append id.
fn fill_commits(
    queue: &mut mpsc::Receiver<Message>,
    left: &mut Left,
    commit: Commit,
    reply: CommitReply,
) -> (Vec<Commit>, Vec<CommitReply>) {
    let mut ids = HashSet::new();
    let mut new_ids = |commit: &Commit| {
        let mut appends = commit.appends.iter();
        appends.all(|append| {
            let id = append.append_id.as_ref();
            id.is_none_or(|id| ids.insert((append.stream.clone(), id.clone())))
        })
    };
    new_ids(&commit);
    let (mut commits, mut replies) = (vec![commit], vec![reply]);
    while commits.len() < GROUP {
        match queue.try_recv() {
            Ok(Message::Commit(commit, reply)) => {
                if !new_ids(&commit) {
                    left.commit = Some((commit, reply));
                    break;
                }
                commits.push(*commit);
                replies.push(reply);
            }
            Ok(Message::Append(append, reply)) => {
                left.appends.push((*append, reply));
                break;
            }
            Ok(Message::Close) => queue.close(),
            Err(_) => break,
        }
    }
    (commits, replies)
}

fn fail(appends: &[Append], replies: impl IntoIterator<Item = Reply>, failed: &Failed) {
    for (append, reply) in appends.iter().zip(replies) {
        let Failed { outcome, error } = failed.again();
        let _ = reply.send(Err(AppendError::Storage {
            stream: append.stream.clone(),
            outcome,
            error,
        }));
    }
}
