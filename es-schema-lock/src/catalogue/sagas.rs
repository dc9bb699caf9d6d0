//! Sagas and process managers in a catalogue.

use super::{
    Catalogue,
    model::{Action, CommandTo, PROCESS_MANAGER, ProcessManager, Reader, SAGA, Saga, Step},
    twice::Owned,
};
use es_runtime::schema::SetShapes;
use es_sagas::{CommandType, StepAction, StepOutline};
use std::{collections::BTreeSet, time::Duration};

impl Catalogue {
    /// Adds a saga: its steps, the events that start and cancel it, its time limits, and its diagram. Which commands it sends is
    /// known where its methods return an [`es_sagas::CommandTo`].
    #[must_use]
    pub fn saga<S: es_sagas::Saga>(mut self) -> Self {
        let definition = S::definition();
        let outline = definition.outline();
        let action = |action: Option<StepAction>| action.map(Action::from);
        let saga = Saga {
            version: outline.version,
            frozen: outline.frozen,
            deadline_ms: outline.deadline.map(milliseconds),
            steps: outline.steps.iter().map(Step::from).collect(),
            completed: action(outline.completed),
            compensated: action(outline.compensated),
            starts_on: outline.starts_on,
            cancels_on: outline.cancels_on,
            diagram: definition.mermaid(),
        };
        self.twice.own::<S>(Owned::Saga(saga.version), S::NAME);
        self.reads(SAGA, S::NAME, saga.starts_on.iter().chain(&saga.cancels_on));
        self.commands.extend(saga.sends());
        self.sagas.insert((S::NAME, saga.version), saga);
        self
    }

    /// Adds a process manager: what it reacts to, its own events, and whether it has timers. Which commands it sends is known
    /// where its derive has `sends(..)`.
    #[must_use]
    pub fn process_manager<P>(mut self) -> Self
    where
        P: es_sagas::ProcessManager,
        P::Event: SetShapes,
    {
        let outline = P::inputs().outline();
        let stream = es_sagas::stream_of(P::NAME, "id");
        self.describe::<P>(stream.map_or_else(
            |_| P::NAME.to_owned(),
            |stream| stream.aggregate().to_owned(),
        ));
        self.twice.own::<P>(Owned::ProcessManager, P::NAME);
        self.reads(PROCESS_MANAGER, P::NAME, outline.reacts_to.iter());
        let sends: Option<Vec<CommandTo>> = outline
            .sends
            .map(|sends| sends.into_iter().map(CommandTo::from).collect());
        self.commands.extend(sends.iter().flatten());
        let manager = ProcessManager {
            reacts_to: outline.reacts_to,
            timers: outline.timers,
            rejections: outline.rejections,
            sends,
        };
        self.process_managers.insert(P::NAME, manager);
        self
    }

    /// Adds a reader of these events. Several versions of a saga are one.
    fn reads<'n>(
        &mut self,
        kind: &str,
        name: &str,
        events: impl Iterator<Item = &'n &'static str>,
    ) {
        let mut names: BTreeSet<String> = events.map(ToString::to_string).collect();
        self.readers.retain(|reader| {
            let is_same = reader.kind == kind && reader.name == name;
            if is_same {
                names.extend(reader.names.iter().flatten().cloned());
            }
            !is_same
        });
        self.readers.insert(Reader {
            name: name.to_owned(),
            kind: kind.to_owned(),
            names: Some(names.into_iter().collect()),
        });
    }
}

impl From<CommandType> for CommandTo {
    fn from(of: CommandType) -> Self {
        Self {
            aggregate: of.aggregate,
            command: of.command,
        }
    }
}

impl From<StepAction> for Action {
    fn from(action: StepAction) -> Self {
        match action {
            StepAction::Call => Self::Call,
            StepAction::Command(sends) => Self::Command {
                sends: sends.map(CommandTo::from),
            },
        }
    }
}

impl From<&StepOutline> for Step {
    fn from(step: &StepOutline) -> Self {
        Self {
            name: step.name,
            needs: step.needs.clone(),
            action: step.action.into(),
            undo: step.undo.map(Action::from),
            pivot: step.pivot,
            timeout_ms: milliseconds(step.timeout),
            attempts: step.retry.attempts.get(),
            undo_timeout_ms: milliseconds(step.undo_timeout),
            undo_attempts: step.undo_retry.attempts.get(),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
