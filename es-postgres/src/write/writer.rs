//! The task that appends. It takes every append that waits into one transaction: locks the end of the
//! feed, judges each, writes what is accepted in one statement, commits. Callers that wait
//! while one commit is on its way to the disk share the next one; a lone caller waits for nothing.

use super::{
    queue::{self, Group, Leftover, Message, Next, Reply, Verdict},
    rules::KnownRules,
    single_round_trip::SingleRoundTrip,
};
use crate::{
    connection::Session,
    errors::{Failed, is_known, is_refusal, storage},
    inline::Running,
    settings::StoreSettings,
    statements::Statements,
    stats::Counters,
    store::NAME,
};
use es_runtime::{Append, AppendError, Outcome, StorageError, Timestamp, store::author};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{mpsc, watch};
use tokio_postgres::Error;

/// Publishes what was appended.
pub(crate) struct Notifier {
    pub(crate) counters: Arc<Counters>,
    /// The newest position that this process appended.
    pub(crate) mine: watch::Sender<u64>,
    /// The newest position that this process knows of.
    pub(crate) newest: watch::Sender<u64>,
}

pub(crate) fn start(
    settings: Arc<StoreSettings>,
    statements: Arc<Statements>,
    notifier: Notifier,
    inlines: Running,
    begin: String,
    first: Session,
    alive: watch::Receiver<()>,
) -> mpsc::Sender<Message> {
    let (queue, messages) = mpsc::channel(queue::LENGTH);
    let writer = Writer {
        messages,
        leftover: Leftover::default(),
        settings,
        statements,
        notifier,
        inlines,
        begin,
        rules: KnownRules::default(),
        session: Some(first),
        is_connected: true,
    };
    tokio::spawn(async move {
        writer.serve().await;
        drop(alive);
    });
    queue
}

pub(crate) struct Writer {
    messages: mpsc::Receiver<Message>,
    leftover: Leftover,
    pub(super) settings: Arc<StoreSettings>,
    pub(super) statements: Arc<Statements>,
    pub(super) notifier: Notifier,
    pub(super) inlines: Running,
    pub(super) begin: String,
    pub(super) rules: KnownRules,
    /// Outside of any transaction.
    pub(super) session: Option<Session>,
    /// Whether the last try to get one went well.
    pub(super) is_connected: bool,
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

impl Abandoned {
    /// The failure, where it says nothing of any one write: the others would wait for the same, one
    /// timeout after the other.
    pub(super) fn of_all(self) -> Result<Failed, Self> {
        match self {
            Self::Lost(error) => Ok(Failed::not_applied(error)),
            Self::Failed(failed)
                if failed.outcome != Outcome::NotApplied || failed.error.kind.is_transient() =>
            {
                Ok(failed)
            }
            other => Err(other),
        }
    }
}

impl Writer {
    async fn serve(mut self) {
        // A closed queue still gives what was in it.
        loop {
            match queue::next(&mut self.messages, &mut self.leftover).await {
                Some(Next::Append(append, reply)) => {
                    let group = queue::fill(&mut self.messages, &mut self.leftover, *append, reply);
                    self.write(group).await;
                }
                Some(Next::Commit(commit, reply)) => {
                    let (commits, replies) =
                        queue::fill_commits(&mut self.messages, &mut self.leftover, *commit, reply);
                    let verdicts = Box::pin(self.commit_all(&commits)).await;
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
        match self.attempt(&appends).await.map_err(Abandoned::of_all) {
            Ok(verdicts) => {
                for (reply, verdict) in replies.into_iter().zip(verdicts) {
                    // The caller may have stopped waiting.
                    let _ = reply.send(verdict);
                }
            }
            Err(Ok(failed)) => fail(appends.iter().zip(replies), &failed),
            Err(Err(Abandoned::Failed(failed))) if appends.len() == 1 => {
                fail(appends.iter().zip(replies), &failed);
            }
            // A failure of one, such as a row that is too large, must not be the verdict of all.
            Err(Err(_)) => self.one_by_one(&appends, replies).await,
        }
    }

    async fn one_by_one(&mut self, appends: &[Append], replies: Vec<Reply>) {
        let mut writes = appends.iter().zip(replies);
        while let Some((append, reply)) = writes.next() {
            let alone = std::slice::from_ref(append);
            match self.attempt(alone).await.map_err(Abandoned::of_all) {
                Ok(verdicts) => {
                    if let Some(verdict) = verdicts.into_iter().next() {
                        let _ = reply.send(verdict);
                    }
                }
                Err(Ok(failed)) => {
                    fail([(append, reply)], &failed);
                    return fail(writes, &Failed::not_applied(failed.error));
                }
                Err(Err(Abandoned::KnownEventId)) => {
                    let verdict = self.which_is_known(append, &HashSet::new()).await;
                    let _ = reply.send(Err(verdict));
                }
                Err(Err(Abandoned::Failed(failed))) => fail([(append, reply)], &failed),
                Err(Err(Abandoned::Lost(error))) => {
                    fail([(append, reply)], &Failed::not_applied(error));
                }
            }
        }
    }

    /// The short way where that is possible, else one transaction; once more where the connection was
    /// lost before it committed.
    async fn attempt(&mut self, appends: &[Append]) -> Result<Vec<Verdict>, Abandoned> {
        let mut in_doubt = None;
        if self.inlines.is_empty() && !self.settings.connector.pooled {
            if let Some(group) = SingleRoundTrip::of(appends, self.clock()?, &self.rules) {
                match self.single_round_trip(group).await? {
                    Short::Done(verdicts) => return Ok(verdicts),
                    Short::NotWritten => {}
                    Short::NotFound(group, doubt) => in_doubt = Some((group, doubt)),
                }
            }
        }
        // Boxed, so that the short way does not carry it.
        let mut done = Box::pin(self.transaction(appends)).await;
        if matches!(done, Err(Abandoned::Lost(_))) && self.is_connected {
            done = Box::pin(self.transaction(appends)).await;
        }
        let Some((group, doubt)) = in_doubt else {
            return done;
        };
        match done {
            // The statement in doubt may have come to the lock before this transaction did.
            Ok(verdicts) if conflicts_only(&verdicts) => {
                match self.find_out(group.rows(), &doubt).await? {
                    Some(found) => Ok(self.did_single_round_trip(*group, found.before, found.now)),
                    None => Ok(verdicts),
                }
            }
            // Another verdict settles it: the versions are not those any more that the statement in
            // doubt expects, should the server still come to it.
            Err(Abandoned::Lost(error) | Abandoned::Failed(Failed { error, .. })) => {
                let outcome = Outcome::Unknown;
                Err(Abandoned::Failed(Failed { outcome, error }))
            }
            other => other,
        }
    }

    /// One statement that commits by itself.
    async fn single_round_trip<'a>(
        &mut self,
        group: SingleRoundTrip<'a>,
    ) -> Result<Short<'a>, Abandoned> {
        let session = self.session().await.map_err(Abandoned::Lost)?;
        let (before, now) = match group.run(&session, &self.statements).await {
            Ok(Some(written)) => {
                self.session = Some(session);
                written
            }
            Ok(None) => {
                self.session = Some(session);
                return Ok(Short::NotWritten);
            }
            // Another writer came first.
            Err(error) if is_known(&error) => {
                self.session = Some(session);
                return Ok(Short::NotWritten);
            }
            Err(error) if is_refusal(&error) => {
                return Err(self.give_up(session, error).await);
            }
            Err(error) => {
                drop(session);
                let doubt = storage(error);
                match self.find_out(group.rows(), &doubt).await? {
                    Some(found) => (found.before, found.now),
                    None => return Ok(Short::NotFound(Box::new(group), doubt)),
                }
            }
        };
        Ok(Short::Done(self.did_single_round_trip(group, before, now)))
    }

    /// The verdicts on a group that was written after `before`.
    fn did_single_round_trip(
        &self,
        group: SingleRoundTrip<'_>,
        before: u64,
        now: Timestamp,
    ) -> Vec<Verdict> {
        let head = before.saturating_add(group.events());
        let done = group.done(before, now);
        self.note(done.len(), head);
        done.into_iter().map(Ok).collect()
    }

    /// What the user's clock says, where there is one: asked once for each transaction, so that its
    /// panic is the error of that.
    pub(super) fn clock(&self) -> Result<Option<Timestamp>, Abandoned> {
        let now = self.settings.now();
        now.map_err(|error| Abandoned::Failed(Failed::not_applied(error)))
    }

    /// The session, with its statements ready.
    pub(super) async fn session(&mut self) -> Result<Session, StorageError> {
        if let Some(session) = self.session.take().filter(|session| !session.is_closed()) {
            if self.make_ready(&session).await.is_ok() {
                return Ok(session);
            }
        }
        let session = self.settings.connector.patient_session().await;
        self.is_connected = session.is_ok();
        let session = match session {
            Ok(session) => session,
            Err(error) => {
                // Who waited meanwhile would wait for the same once more, one after the other.
                queue::refuse(&mut self.messages, &mut self.leftover, &error);
                return Err(error);
            }
        };
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
        author::grouped(NAME, writes);
        let counters = &self.notifier.counters;
        counters.commits.fetch_add(1, Ordering::Relaxed);
        let writes = u64::try_from(writes).unwrap_or(u64::MAX);
        counters.writes.fetch_add(writes, Ordering::Relaxed);
        raise(&self.notifier.newest, head);
        raise(&self.notifier.mine, head);
    }
}

/// How the short way of an append ended.
enum Short<'a> {
    Done(Vec<Verdict>),
    /// Nothing was written: a version differs, an append id is known, or a rule of unique values or a kind of tags that
    /// is on is not.
    NotWritten,
    /// The connection was lost, for this reason, and nothing is there so far.
    NotFound(Box<SingleRoundTrip<'a>>, StorageError),
}

/// Whether something is said to conflict and nothing was written.
fn conflicts_only(verdicts: &[Verdict]) -> bool {
    let conflict = |verdict: &Verdict| matches!(verdict, Err(AppendError::Conflict { .. }));
    let written = |verdict: &Verdict| verdict.as_ref().is_ok_and(|done| !done.repeated);
    verdicts.iter().any(conflict) && !verdicts.iter().any(written)
}

/// Makes those that wait for `position` look.
pub(crate) fn raise(known: &watch::Sender<u64>, position: u64) {
    known.send_if_modified(|known| {
        let more = position > *known;
        *known = position.max(*known);
        more
    });
}

fn fail<'a>(writes: impl IntoIterator<Item = (&'a Append, Reply)>, failed: &Failed) {
    for (append, reply) in writes {
        let Failed { outcome, error } = failed.again();
        let _ = reply.send(Err(AppendError::Storage {
            stream: append.stream.clone(),
            outcome,
            error,
        }));
    }
}
