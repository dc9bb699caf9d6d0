//! Reads the stream of a saga.

use crate::{log::SagaEvent, state::SagaState};
use es_runtime::{
    AnyStore, EventStore, LoadError, Metadata, ReadError, ReadLimit, RecordedEvent, StreamId,
    StreamRange, WorkFilter, WorkItem, WorkQueue,
};

/// A saga, loaded from its stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedSaga {
    pub(crate) state: SagaState,
    pub(crate) version: u64,
    /// The metadata of events that follow from it.
    pub(crate) metadata: Metadata,
}

pub(crate) async fn load(store: &AnyStore, instance: &StreamId) -> Result<LoadedSaga, LoadError> {
    let mut state = SagaState::default();
    let each = |event: &RecordedEvent| {
        state.apply_recorded(&decode(event)?, event.recorded_at);
        Ok(())
    };
    let (version, metadata) = replay(store, instance, each).await?;
    Ok(LoadedSaga {
        state,
        version,
        metadata,
    })
}

/// Calls `each` with each event of a stream. Returns the version of the stream, and the metadata of events
/// that follow from it.
pub(crate) async fn replay(
    store: &AnyStore,
    instance: &StreamId,
    mut each: impl FnMut(&RecordedEvent) -> Result<(), LoadError>,
) -> Result<(u64, Metadata), LoadError> {
    let (mut version, mut metadata) = (0, Metadata::new());
    loop {
        let range = StreamRange::forward(version);
        let page = store
            .read_stream(instance, range, ReadLimit::default())
            .await?;
        let Some(last) = page.last() else {
            return Ok((version, metadata));
        };
        if version == 0 {
            metadata = page
                .first()
                .map(RecordedEvent::following)
                .unwrap_or_default();
        }
        version = last.version;
        for event in &page {
            each(event)?;
        }
    }
}

/// The work item of one instance.
pub(crate) async fn row_of(
    store: &AnyStore,
    instance: &StreamId,
) -> Result<Option<WorkItem>, ReadError> {
    let mut filter = WorkFilter::of(vec![instance.aggregate().to_owned()]);
    filter.id = Some(instance.id().to_owned());
    Ok(store.work_items(&filter).await?.into_iter().next())
}

/// Whether the stream may be loaded later. Otherwise the stream itself cannot be read.
pub(crate) const fn is_transient(error: &LoadError) -> bool {
    matches!(error, LoadError::Read(ReadError::Storage(_)))
}

/// One event of the stream of a saga.
pub(crate) fn decode(event: &RecordedEvent) -> Result<SagaEvent, LoadError> {
    let decoded = event.decode::<SagaEvent>();
    let decoded = decoded.map(|events| events.into_iter().next());
    match decoded {
        Ok(Some(envelope)) => Ok(envelope.event),
        Ok(None) => Err(LoadError::Gap {
            stream: event.stream.clone(),
            version: event.version,
            next: event.version.saturating_add(1),
        }),
        Err(source) => Err(LoadError::Decode {
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
            source,
        }),
    }
}
