//! The task that appends. It takes every append that waits into one transaction: locks the end of the
//! feed, judges each, writes what is accepted in one statement, commits. Callers that wait
//! while one commit is on its way to the disk share the next one; a lone caller waits for nothing.

use super::{
    at_once::AtOnce,
    doubt::Found,
    queue::{self, Group, Left, Message, Next},
};
use crate::{
    connection::Session,
    errors::{Failed, is_passing, storage},
    options::Settings,
    read::Postgres,
    statements::Statements,
    stats::Counters,
};
use es_runtime::{
    Append, AppendError, Appended, Outcome, StorageError, Timestamp,
    projection::inline::Inlines,
    saga::{CommitError, Committed},
};
use std::sync::{Arc, atomic::Ordering};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Error;

pub(super) type Verdict = Result<Appended, AppendError>;
pub(super) type Reply = oneshot::Sender<Verdict>;
pub(super) type CommitReply = oneshot::Sender<Result<Committed, CommitError>>;

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
    let (queue, messages) = mpsc::channel(queue::LENGTH);
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
    pub(super) settings: Arc<Settings>,
    pub(super) statements: Arc<Statements>,
    pub(super) told: Told,
    pub(super) inlines: Inlines<Postgres>,
    pub(super) begin: String,
    /// Outside of any transaction.
    pub(super) session: Option<Session>,
}

/// Why a transaction was given up. Where nothing was written, the session was left clean or dropped.
pub(super) enum Abandoned {
    /// The database failed.
    Failed(Failed),
    /// The connection ended before anything was committed.
    Lost(StorageError),
    /// An event id is there already: whose it is shows when each append is tried alone.
    KnownEventId,
}

impl Writer {
    async fn serve(mut self, mut messages: mpsc::Receiver<Message>) {
        // A closed queue still gives what was in it.
        let mut left = Left::default();
        loop {
            match queue::next(&mut messages, &mut left).await {
                Some(Next::Append(append, reply)) => {
                    let group = queue::fill(&mut messages, &mut left, append, reply);
                    self.write(group).await;
                }
                Some(Next::Commit(commit, reply)) => {
                    let (commits, replies) =
                        queue::fill_commits(&mut messages, &mut left, *commit, reply);
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

    pub(super) fn clock(&self) -> Option<Timestamp> {
        self.settings.clock.as_ref().map(|clock| clock())
    }

    /// The session, with its statements ready.
    pub(super) async fn session(&mut self) -> Result<Session, StorageError> {
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

    /// Counts a commit and wakes those who wait for it.
    pub(super) fn note(&self, writes: usize, head: u64) {
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

/// Makes those that wait for `position` look.
pub(crate) fn raise(known: &watch::Sender<u64>, position: u64) {
    known.send_if_modified(|known| {
        let more = position > *known;
        *known = position.max(*known);
        more
    });
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
