//! What the explorer needs of an application: both forms of its events, its states, its sagas, its catalogue and its verbs.

use super::{
    App, changes,
    types::{self, Streams, survive},
};
use crate::{explore::operators, operate::Operators};
use es_explorer::{
    Application, Done, Operation, Place, ReadAs, Reading, Refusal, SagaDefinition, SagaStep, State,
    StoredEvent, TypedEvent, Verbs,
};
use es_runtime::{AnyStore, MemoryStore};
use es_sagas::StepAction;
use std::{
    collections::BTreeMap,
    fmt::{self, Debug, Write},
    sync::Arc,
};

pub(super) struct Explored {
    types: BTreeMap<String, Arc<dyn Streams>>,
    catalogue: Option<String>,
    sagas: Vec<SagaDefinition>,
    operators: Operators,
}

impl Explored {
    pub(super) fn of(app: &App) -> Self {
        Self {
            types: app.types.clone(),
            catalogue: app.catalogue.as_ref().map(es_schema_lock::Catalogue::json),
            sagas: definitions(&app.operators),
            operators: app.operators.clone(),
        }
    }
}

/// The definitions of the sagas, which are asked of one that works on an empty store.
fn definitions(operators: &Operators) -> Vec<SagaDefinition> {
    let Some(make) = &operators.sagas else {
        return Vec::new();
    };
    let sagas = survive("making the sagas", || {
        make(AnyStore::new(MemoryStore::new()))
    });
    let definitions = sagas.map(|sagas| sagas.definitions()).unwrap_or_default();
    let all = definitions.into_iter().map(|definition| {
        let steps = definition.outline.steps.iter().map(|step| {
            let mut shown = SagaStep::new(step.name);
            shown.needs = step.needs.iter().map(|&name| name.to_owned()).collect();
            shown.has_undo = step.undo.is_some();
            shown.is_pivot = step.pivot;
            shown.is_command = matches!(step.action, StepAction::Command(_));
            shown
        });
        SagaDefinition::new(definition.outline.name, definition.id(), steps.collect())
    });
    all.collect()
}

impl Application for Explored {
    fn decode(&self, event: &StoredEvent) -> Option<Result<TypedEvent, String>> {
        let types = self.types.get(&event.aggregate)?;
        Some(types.decode(event, true).map(|read| typed(event, &read)))
    }

    fn read(&self, aggregate: &str) -> Option<Box<dyn Reading>> {
        let reading = self.types.get(aggregate)?.read();
        // Events alone have no state, not even at the beginning.
        let has_state = reading.state().is_some();
        has_state.then(|| Box::new(Folding(reading)) as Box<dyn Reading>)
    }

    fn sagas(&self) -> &[SagaDefinition] {
        &self.sagas
    }

    fn catalogue(&self) -> Option<&str> {
        self.catalogue.as_deref()
    }

    fn verbs(&self) -> Verbs {
        operators::verbs(&self.operators)
    }

    fn operate(&self, place: &Place, operation: &Operation) -> Result<Done, Refusal> {
        operators::run(&self.operators, true, place, operation)
    }
}

fn typed(stored: &StoredEvent, read: &[types::ReadAs]) -> TypedEvent {
    let events = read.iter().map(|read| {
        let payload = read.payload.clone();
        ReadAs::new(read.name, read.version, payload)
    });
    TypedEvent::new(events.collect()).changed(changes::between(stored, read))
}

struct Folding(Box<dyn types::Reading>);

impl Reading for Folding {
    fn event(&mut self, event: &StoredEvent) -> Result<TypedEvent, String> {
        self.0.event(event, true).map(|read| typed(event, &read))
    }

    fn state(&self, most: usize) -> Option<State> {
        let state = self.0.state()?;
        // The code that writes it is the application's.
        let text = survive("writing it", || beginning(state, most));
        Some(text.unwrap_or_else(State::cut))
    }
}

/// The beginning of the debug form. No more of it is made than is shown.
fn beginning(state: &dyn Debug, most: usize) -> State {
    let mut text = Limited {
        text: String::new(),
        left: most,
    };
    // It fails where it is cut, or where the state's own code does.
    match write!(text, "{state:#?}") {
        Ok(()) => State::new(text.text),
        Err(fmt::Error) => State::cut(text.text),
    }
}

struct Limited {
    text: String,
    left: usize,
}

impl Write for Limited {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            let Some(left) = self.left.checked_sub(c.len_utf8()) else {
                return Err(fmt::Error);
            };
            self.left = left;
            self.text.push(c);
        }
        Ok(())
    }
}
