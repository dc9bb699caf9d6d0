//! What the writer may be asked to do, and what comes back.

use crate::{append, commit, settings::StoreSettings, tags, unique};
use es_runtime::{
    Append, AppendError, Appended, Claim, Claimed, Commit, CommitError, Committed, Snapshot,
    StorageError, StreamId, TagWalk, TagWalked, UniqueWalk, UniqueWalked,
};
use rusqlite::Connection;
use std::time::Duration;

/// A write that waits for the writer.
pub(crate) enum Task {
    Append(Box<Append>),
    SaveSnapshot(Box<Snapshot>),
    DeleteSnapshot(StreamId),
    Commit(Box<Commit>),
    Claim(Box<Claim>),
    Renew(Box<Claimed>, Duration),
    Walk(Box<UniqueWalk>),
    WalkTags(Box<TagWalk>),
}

impl Task {
    /// About how many bytes it brings.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Append(_) | Self::Commit(_) => self.appends().iter().map(bytes).sum(),
            Self::SaveSnapshot(snapshot) => snapshot.state.len(),
            Self::DeleteSnapshot(_)
            | Self::Claim(_)
            | Self::Renew(..)
            | Self::Walk(_)
            | Self::WalkTags(_) => 0,
        }
    }
}

/// What became of a write. A rejected write leaves nothing in the file.
pub(crate) enum Done {
    Appended(Appended),
    Rejected(AppendError),
    Written,
    Committed(Committed),
    NotCommitted(CommitError),
    Claimed(Vec<Claimed>),
    Renewed(bool),
    Walked(Result<UniqueWalked, StorageError>),
    WalkedTags(TagWalked),
}

impl Task {
    /// What it appends.
    pub(crate) fn appends(&self) -> &[Append] {
        match self {
            Self::Append(append) => std::slice::from_ref(append),
            Self::Commit(commit) => &commit.appends,
            _ => &[],
        }
    }
}

impl Done {
    /// What it appended, in the order of the task.
    pub(crate) fn appended(&self) -> &[Appended] {
        match self {
            Self::Appended(appended) => std::slice::from_ref(appended),
            Self::Committed(committed) => &committed.appended,
            _ => &[],
        }
    }
}

/// Does one write.
///
/// # Errors
/// The driver's error when the transaction, or the database, cannot go on. The caller rolls back.
pub(crate) fn run(
    connection: &Connection,
    task: &Task,
    settings: &StoreSettings,
) -> rusqlite::Result<Done> {
    match task {
        Task::Append(request) => {
            let done = append::append(connection, request, settings)?;
            Ok(done.map_or_else(Done::Rejected, Done::Appended))
        }
        Task::Commit(request) => {
            let done = commit::commit(connection, request, settings)?;
            Ok(done.map_or_else(Done::NotCommitted, Done::Committed))
        }
        Task::Claim(claim) => commit::claim(connection, claim, settings).map(Done::Claimed),
        Task::Renew(claimed, lease) => {
            commit::renew(connection, claimed, *lease, settings).map(Done::Renewed)
        }
        Task::Walk(walk) => unique::walk(connection, walk, &settings.rules).map(Done::Walked),
        Task::WalkTags(walk) => tags::walk(connection, walk, settings).map(Done::WalkedTags),
        Task::SaveSnapshot(snapshot) => {
            append::save_snapshot(connection, snapshot).map(|()| Done::Written)
        }
        Task::DeleteSnapshot(stream) => {
            append::delete_snapshot(connection, stream).map(|()| Done::Written)
        }
    }
}

fn bytes(append: &Append) -> usize {
    append.events.iter().map(|event| event.payload.len()).sum()
}
