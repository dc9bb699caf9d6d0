//! What waits to be written: which of it goes into one transaction, in the order in which it came.

use crate::errors::again;
use es_runtime::{
    Append, AppendError, Appended, Commit, CommitError, Committed, Outcome, StorageError,
};
use std::collections::HashSet;
use tokio::sync::{mpsc, oneshot};

pub(super) type Verdict = Result<Appended, AppendError>;
pub(super) type Reply = oneshot::Sender<Verdict>;
pub(super) type CommitReply = oneshot::Sender<Result<Committed, CommitError>>;

/// Appends that wait before callers wait to hand theirs over.
pub(super) const LENGTH: usize = 4096;
/// So many appends go into one transaction at most, and about so many bytes.
const GROUP: usize = 1024;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

pub(crate) enum Message {
    Append(Box<Append>, Reply),
    Commit(Box<Commit>, CommitReply),
    Close,
}

/// Appends that go into one transaction, and who waits for them.
#[derive(Default)]
pub(super) struct Group {
    pub(super) appends: Vec<Append>,
    pub(super) replies: Vec<Reply>,
}

impl Group {
    fn push(&mut self, append: Append, reply: Reply) {
        self.appends.push(append);
        self.replies.push(reply);
    }
}

/// What was taken from the queue and has to wait for its turn.
#[derive(Default)]
pub(super) struct Leftover {
    appends: Vec<(Append, Reply)>,
    /// It came after all appends that are left over.
    commit: Option<(Box<Commit>, CommitReply)>,
}

pub(super) enum Next {
    Append(Box<Append>, Reply),
    Commit(Box<Commit>, CommitReply),
}

/// The next one: what was left over, or what is in the queue. `None` when the queue is closed and
/// empty.
pub(super) async fn next(
    queue: &mut mpsc::Receiver<Message>,
    leftover: &mut Leftover,
) -> Option<Next> {
    if !leftover.appends.is_empty() {
        let (append, reply) = leftover.appends.remove(0);
        return Some(Next::Append(Box::new(append), reply));
    }
    if let Some((commit, reply)) = leftover.commit.take() {
        return Some(Next::Commit(commit, reply));
    }
    loop {
        match queue.recv().await? {
            Message::Append(append, reply) => return Some(Next::Append(append, reply)),
            Message::Commit(commit, reply) => return Some(Next::Commit(commit, reply)),
            Message::Close => queue.close(),
        }
    }
}

/// Answers all waiting requests that nothing was written, and why.
pub(super) fn refuse(
    queue: &mut mpsc::Receiver<Message>,
    leftover: &mut Leftover,
    why: &StorageError,
) {
    let refuse_append = |append: Append, reply: Reply| {
        let _ = reply.send(Err(AppendError::Storage {
            stream: append.stream,
            outcome: Outcome::NotApplied,
            error: again(why),
        }));
    };
    let refuse_commit = |reply: CommitReply| {
        let _ = reply.send(Err(CommitError::Storage {
            outcome: Outcome::NotApplied,
            error: again(why),
        }));
    };
    for (append, reply) in leftover.appends.drain(..) {
        refuse_append(append, reply);
    }
    if let Some((_, reply)) = leftover.commit.take() {
        refuse_commit(reply);
    }
    while let Ok(message) = queue.try_recv() {
        match message {
            Message::Append(append, reply) => refuse_append(*append, reply),
            Message::Commit(_, reply) => refuse_commit(reply),
            Message::Close => queue.close(),
        }
    }
}

/// Adds what waits, as far as it fits. Of appends under one id only the first goes into a group: the
/// next one finds its record.
pub(super) fn fill(
    queue: &mut mpsc::Receiver<Message>,
    leftover: &mut Leftover,
    append: Append,
    reply: Reply,
) -> Group {
    let mut group = Group::default();
    let mut ids = HashSet::new();
    let mut bytes = 0_usize;
    let waiting = std::mem::take(&mut leftover.appends);
    let commit_waits = leftover.commit.is_some();
    let mut take = |append: Append, reply: Reply, group: &mut Group| {
        let twice = append
            .append_id
            .as_ref()
            .is_some_and(|id| !ids.insert((append.stream.clone(), id.clone())));
        if twice || group.appends.len() >= GROUP || bytes >= GROUP_BYTES {
            leftover.appends.push((append, reply));
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
                leftover.commit = Some((commit, reply));
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
pub(super) fn fill_commits(
    queue: &mut mpsc::Receiver<Message>,
    leftover: &mut Leftover,
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
                    leftover.commit = Some((commit, reply));
                    break;
                }
                commits.push(*commit);
                replies.push(reply);
            }
            Ok(Message::Append(append, reply)) => {
                leftover.appends.push((*append, reply));
                break;
            }
            Ok(Message::Close) => queue.close(),
            Err(_) => break,
        }
    }
    (commits, replies)
}
