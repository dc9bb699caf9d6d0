//! The streams of a process manager. They hold its own events, and records of the runtime that no type of the application
//! reads.

use super::types::{AggregateTypes, ReadAs, Reading, Rules, Streams};
use crate::events::StoredEvent;
use es_runtime::Snapshot;
use es_sagas::{ProcessManager, log::Stepped};
use std::fmt::Debug;

pub(super) struct ProcessTypes<P>(AggregateTypes<P>);

impl<P> Default for ProcessTypes<P> {
    fn default() -> Self {
        Self(AggregateTypes::default())
    }
}

impl<P: ProcessManager + Debug> Streams for ProcessTypes<P> {
    fn read(&self) -> Box<dyn Reading> {
        Box::new(OwnEvents(self.0.read()))
    }

    fn decode(&self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        record(event, with_payloads).unwrap_or_else(|| self.0.decode(event, with_payloads))
    }

    fn unique_rules(&self) -> Rules {
        self.0.unique_rules()
    }

    // The runtime of process managers keeps none, whatever the aggregate says.
    fn has_snapshots(&self) -> bool {
        false
    }
}

/// The state follows from its own events; a record of the runtime leaves it as it is.
struct OwnEvents(Box<dyn Reading>);

impl Reading for OwnEvents {
    fn event(&mut self, event: &StoredEvent, with_payloads: bool) -> Result<Vec<ReadAs>, String> {
        record(event, with_payloads).unwrap_or_else(|| self.0.event(event, with_payloads))
    }

    fn state(&self) -> Option<&dyn Debug> {
        self.0.state()
    }

    fn holds(&self, _: &Snapshot) -> Option<bool> {
        None
    }
}

/// What a record of the runtime is read as. `None` for events of the process manager.
fn record(event: &StoredEvent, with_payload: bool) -> Option<Result<Vec<ReadAs>, String>> {
    (event.event == Stepped::NAME).then(|| {
        let step: Stepped = serde_json::from_slice(&event.payload)
            .map_err(|_| "it is no record of a process manager".to_owned())?;
        let payload = with_payload
            .then(|| serde_json::to_string(&step).ok())
            .flatten();
        Ok(vec![ReadAs {
            name: Stepped::NAME,
            version: 1,
            payload,
            unique: Vec::new(),
            tags: Vec::new(),
        }])
    })
}
