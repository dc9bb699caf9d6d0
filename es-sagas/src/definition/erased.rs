//! A definition with its dependencies, as one type for all sagas.

use super::{
    Cx, Definition, Fail, InvalidDefinition, Saga, StepCx,
    functions::{Action, Boxed, Functions, Routed, UndoAction, Unrouted},
    info::Info,
};
use crate::{
    key::Key,
    log::Failure,
    names::{COMPENSATED, COMPLETED},
    outline::SagaOutline,
};
use es_runtime::{EventFilter, RecordedEvent, command::AggregateCommand};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// One call to make.
pub(crate) struct Perform<'a> {
    pub(crate) cx: StepCx,
    pub(crate) input: &'a Value,
    pub(crate) outputs: Arc<HashMap<String, Value>>,
    /// The key and the output of the step to undo.
    pub(crate) did: Option<(Key, Option<Value>)>,
    pub(crate) failure: Option<&'a Failure>,
    /// Whether an earlier attempt may have succeeded.
    pub(crate) ask_first: bool,
}

/// A call that is ready to be made.
pub(crate) enum Prepared {
    Call(Boxed<Result<Value, Fail>>),
    Command(AggregateCommand),
}

/// A definition with its dependencies, whatever the type of the saga. [`BoundSaga`] implements it.
pub(crate) trait ErasedSaga: Send + Sync {
    fn info(&self) -> &Info;
    fn outline(&self) -> SagaOutline;
    fn filter(&self) -> EventFilter;
    fn route(&self, event: &RecordedEvent) -> Result<Vec<Routed>, Unrouted>;
    fn perform(&self, call: Perform<'_>) -> Result<Prepared, Fail>;
    fn check_output(&self, step: &str, output: &Value) -> Result<(), String>;
}

/// A definition with its dependencies.
pub(crate) struct BoundSaga<T: Saga> {
    info: Info,
    definition: Definition<T>,
    deps: Arc<T::Deps>,
}

impl<T: Saga> BoundSaga<T> {
    pub(crate) fn new(deps: T::Deps) -> Result<Self, InvalidDefinition> {
        let definition = T::definition();
        definition.check()?;
        Ok(Self {
            info: definition.info(),
            definition,
            deps: Arc::new(deps),
        })
    }

    fn functions(&self, step: &str) -> Option<&Functions<T>> {
        let mut steps = self.definition.steps.iter();
        let (_, functions) = steps.find(|(info, _)| info.name == step)?;
        Some(functions)
    }
}

impl<T: Saga> ErasedSaga for BoundSaga<T> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn outline(&self) -> SagaOutline {
        self.definition.outline()
    }

    fn filter(&self) -> EventFilter {
        let names = self.definition.inputs.iter().flat_map(|input| &input.names);
        EventFilter::names(names.copied())
    }

    fn route(&self, event: &RecordedEvent) -> Result<Vec<Routed>, Unrouted> {
        let mut routed = Vec::new();
        for input in &self.definition.inputs {
            if input.names.contains(&&*event.name) {
                routed.extend((input.route)(event)?);
            }
        }
        Ok(routed)
    }

    fn perform(&self, call: Perform<'_>) -> Result<Prepared, Fail> {
        let saga = T::deserialize(call.input)
            .map_err(|_| Fail::fatal("the stored data of the saga does not fit its type"))?;
        let cx = Cx {
            saga: Arc::new(saga),
            deps: Arc::clone(&self.deps),
            call: call.cx,
            outputs: call.outputs,
        };
        let step = cx.step().to_owned();
        let unknown = || Fail::fatal(format!("the saga has no step `{step}`"));
        match step.as_str() {
            COMPLETED => {
                let end = self.definition.on_completed.as_ref().ok_or_else(unknown)?;
                return Ok(Prepared::Command((end.command)(&cx)?));
            }
            COMPENSATED => {
                let end = self.definition.on_compensated.as_ref();
                let (end, why) = end.zip(call.failure).ok_or_else(unknown)?;
                return Ok(Prepared::Command((end.command)(&cx, why)?));
            }
            _ => {}
        }
        let functions = self.functions(&step).ok_or_else(unknown)?;
        if let Some((key, output)) = call.did {
            return match &functions.undo {
                UndoAction::None => Err(Fail::fatal(format!("step `{step}` has no undo"))),
                UndoAction::Command(command) => Ok(Prepared::Command(command(&cx)?)),
                UndoAction::Call(undo) => {
                    let undo = undo(cx, key, output);
                    Ok(Prepared::Call(Box::pin(async move {
                        undo.await.map(|()| Value::Null)
                    })))
                }
            };
        }
        match (&functions.action, &functions.reconcile) {
            (Action::Command(command), _) => Ok(Prepared::Command(command(&cx)?)),
            (Action::Call(act), Some(ask)) if call.ask_first => {
                let answer = ask(cx.clone());
                let act = Arc::clone(act);
                Ok(Prepared::Call(Box::pin(async move {
                    match answer.await? {
                        Some(output) => Ok(output),
                        None => act(cx).await,
                    }
                })))
            }
            (Action::Call(act), _) => Ok(Prepared::Call(act(cx))),
        }
    }

    fn check_output(&self, step: &str, output: &Value) -> Result<(), String> {
        let functions = self.functions(step);
        let functions = functions.ok_or_else(|| format!("the saga has no step `{step}`"))?;
        (functions.check)(output)
    }
}
