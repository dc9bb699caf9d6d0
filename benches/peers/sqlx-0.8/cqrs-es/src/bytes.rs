//! A repository over JSON in memory: what the framework itself does with what a database gives it.

use bench_common::history;
use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent,
        SerializedSnapshot,
    },
};
use serde_json::Value;

pub(crate) struct Bytes(Vec<(&'static str, Vec<u8>)>);

impl Bytes {
    pub(crate) fn new(events: u64) -> Self {
        let json = history(events).map(|event| (event.name(), serde_json::to_vec(&event).unwrap()));
        Self(json.collect())
    }
}

impl PersistedEventRepository for Bytes {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let events = self.0.iter().zip(1..).map(|((name, json), sequence)| {
            SerializedEvent::new(
                id.to_owned(),
                sequence,
                A::TYPE.to_owned(),
                (*name).to_owned(),
                "1.0".to_owned(),
                serde_json::from_slice(json).unwrap(),
                Value::Object(serde_json::Map::default()),
            )
        });
        Ok(events.collect())
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        _: &str,
        _: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        Ok(Vec::new())
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        _: &[SerializedEvent],
        _: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        Ok(())
    }

    async fn stream_events<A: Aggregate>(&self, _: &str) -> Result<ReplayStream, PersistenceError> {
        unreachable!("loads do not stream")
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        unreachable!("loads do not stream")
    }
}
