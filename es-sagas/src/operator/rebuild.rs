//! Work items that were lost or damaged, made anew from the streams.

use crate::{
    definition::Info,
    engine::{
        Sagas,
        commit::append_of,
        core::{BoxFuture, Core},
        load::{decode, is_transient, replay, row_of},
        parked::row_of_input,
        resume,
        unreadable::unreadable_row,
    },
    error::SagaError,
    names::inputs_of,
};
use es_runtime::{
    AppendError, Commit, CommitError, CommitStore, EventStore, Metadata, StreamId, Timestamp,
    WorkChange, WorkItem, WorkQueue,
};

/// What [`Sagas::rebuild_rows`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowsRebuilt {
    /// The streams that were read: instances, and inputs that were parked.
    pub streams: u64,
    /// The work items that were missing and are there again.
    pub added: u64,
    /// The work items that did not agree with their stream and do so again.
    pub corrected: u64,
    /// The instances whose stream this program cannot read. A work item that was missing is parked.
    pub unreadable: Vec<StreamId>,
}

impl Sagas {
    /// Makes the work items of all registered sagas and process managers anew from their streams, for a store that
    /// lost or damaged them, for example because only the events were restored from a backup.
    ///
    /// A work item that agrees with its stream is left as it is, with its lease. Runners may run meanwhile. Whoever
    /// worked on an instance whose work item was lost is fenced, and its call is made again with the same key. Streams
    /// are read one after the other, also those of instances that have ended. The positions of the inputs are not
    /// touched: an input that is read again is recognised.
    ///
    /// An instance that was abandoned because nobody can read its stream is parked again.
    ///
    /// ```
    /// # use es_runtime::MemoryStore;
    /// # use es_sagas::{SagaError, Sagas};
    /// # async fn repair(sagas: Sagas) -> Result<(), SagaError> {
    /// let rebuilt = sagas.rebuild_rows().await?;
    /// println!("{} were missing, {} were wrong", rebuilt.added, rebuilt.corrected);
    /// # Ok(())
    /// # }
    /// # futures_executor::block_on(repair(Sagas::new(MemoryStore::new()))).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`SagaError`] for the first failure of the store, which may be that it does not list streams. The work items
    /// before it are made. Call it again.
    ///
    /// # Cancel safety
    /// Each work item is made anew or not. Call it again.
    pub async fn rebuild_rows(&self) -> Result<RowsRebuilt, SagaError> {
        self.check()?;
        rebuild(&self.core).await
    }
}

fn rebuild(core: &Core) -> BoxFuture<'_, Result<RowsRebuilt, SagaError>> {
    Box::pin(async move {
        let mut rebuilt = RowsRebuilt::default();
        for category in core.categories() {
            each_stream(core, &category, &mut rebuilt, true).await?;
            each_stream(core, &inputs_of(&category), &mut rebuilt, false).await?;
        }
        Ok(rebuilt)
    })
}

async fn each_stream(
    core: &Core,
    aggregate: &str,
    rebuilt: &mut RowsRebuilt,
    are_instances: bool,
) -> Result<(), SagaError> {
    const PAGE: usize = 500;
    let mut after = String::new();
    loop {
        let page = core.store.list_streams(aggregate, &after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        last.id().clone_into(&mut after);
        for stream in &page {
            rebuilt.streams += 1;
            while !one(core, stream, rebuilt, are_instances).await? {}
        }
    }
}

/// Compares a work item with its stream, and writes it where it differs. `false` where the stream has moved since.
async fn one(
    core: &Core,
    stream: &StreamId,
    rebuilt: &mut RowsRebuilt,
    is_instance: bool,
) -> Result<bool, SagaError> {
    let row = if is_instance {
        let found = resume::row_of_state(core, stream).await;
        found.map(|row| row.map(|(version, row)| (Some(version), row)))
    } else {
        of_input(core, stream).await
    };
    let known = row_of(&core.store, stream).await?;
    let (version, mut row) = match row {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(true),
        Err(SagaError::Load(error)) if !is_transient(&error) => {
            rebuilt.unreadable.push(stream.clone());
            // A program that can read the stream has written what is there.
            if known.is_some() {
                return Ok(true);
            }
            let mut row = unreadable_row(core, stream, &error).await?;
            row.definition = definition_of(core, stream.aggregate());
            (None, row)
        }
        Err(error) => return Err(error),
    };
    let now = core.store.now().await?;
    if known.as_ref().is_some_and(|known| agrees(known, &row, now)) {
        return Ok(true);
    }
    // Above all epochs that were given out before: nobody claims an instance a million times a second.
    row.first_epoch = u64::try_from(now.unix_micros()).unwrap_or_default();
    let mut commit = Commit::new().work(row);
    if let Some(version) = version {
        let unchanged = append_of(stream, version, &[], Metadata::new(), None)?;
        commit = commit.append(unchanged);
    }
    match core.store.commit(commit).await {
        Ok(_) => {
            match known {
                None => rebuilt.added += 1,
                Some(_) => rebuilt.corrected += 1,
            }
            Ok(true)
        }
        Err(CommitError::Append(AppendError::Conflict { .. })) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn of_input(
    core: &Core,
    stream: &StreamId,
) -> Result<Option<(Option<u64>, WorkChange)>, SagaError> {
    let mut row = None;
    let each = |event: &_| {
        row = row_of_input(stream, &decode(event)?).or(row.take());
        Ok(())
    };
    let (version, _) = replay(&core.store, stream, each).await?;
    Ok(row.map(|row| (Some(version), row)))
}

/// The definition by which this program reads an instance that it cannot read now.
fn definition_of(core: &Core, category: &str) -> String {
    core.newest(category).map_or_else(
        || Info::definition_of(1, "process"),
        |saga| saga.info().definition(),
    )
}

/// Whether a work item says what its stream says. One that is due earlier than it has to be does no harm.
fn agrees(known: &WorkItem, row: &WorkChange, now: Timestamp) -> bool {
    let is_in_time = match (known.due_at, row.due_at) {
        (None, None) => true,
        (Some(known), Some(due)) => known <= due.max(now),
        _ => false,
    };
    is_in_time
        && known.definition == row.definition
        && known.status == row.status
        && known.phase == row.phase
        && known.reason == row.reason
}
