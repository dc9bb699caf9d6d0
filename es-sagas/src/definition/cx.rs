//! What the functions of a saga get: the saga itself, its dependencies, the call and earlier outputs.

use super::{Fail, Saga, functions::Read};
use crate::key::{Key, StepDirection};
use es_runtime::StreamId;
use serde_json::Value;
use std::{collections::HashMap, fmt, ops::Deref, sync::Arc};

/// The call of a step or an undo: which instance, which step, which attempt, and the idempotency key.
#[derive(Clone, Debug)]
pub struct StepCx {
    pub(crate) instance: StreamId,
    pub(crate) step: Arc<str>,
    pub(crate) to: StepDirection,
    pub(crate) key: Key,
    pub(crate) attempt: u32,
}

impl StepCx {
    /// The id of the saga.
    pub fn id(&self) -> &str {
        self.instance.id()
    }

    /// The stream of the saga.
    pub const fn instance(&self) -> &StreamId {
        &self.instance
    }

    /// The name of the step.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Whether the step is done or undone.
    pub const fn direction(&self) -> StepDirection {
        self.to
    }

    /// The idempotency key for the provider. It is the same in every attempt.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// The number of the attempt, from 1.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// The argument of a definition's functions: the saga, its dependencies, the call, and the outputs of
/// earlier steps.
pub struct Cx<T: Saga> {
    pub(crate) saga: Arc<T>,
    pub(crate) deps: Arc<T::Deps>,
    pub(crate) call: StepCx,
    pub(crate) outputs: Arc<HashMap<String, Value>>,
}

impl<T: Saga> Cx<T> {
    /// The data of the saga.
    pub fn saga(&self) -> &T {
        &self.saga
    }

    /// The dependencies that were passed to [`Sagas::with`](crate::Sagas::with).
    pub fn deps(&self) -> &T::Deps {
        &self.deps
    }

    /// The call.
    pub const fn call(&self) -> &StepCx {
        &self.call
    }

    /// The output of an earlier step.
    ///
    /// # Errors
    /// [`Fail::fatal`] when the step was skipped, or when its stored output does not fit the type.
    pub fn output<O>(&self, step: StepOutput<O>) -> Result<O, Fail> {
        let name = step.name;
        let Some(value) = self.outputs.get(name) else {
            return Err(Fail::fatal(format!(
                "step `{name}` has no output because it was skipped"
            )));
        };
        (step.read)(value).ok_or_else(|| {
            Fail::fatal(format!(
                "the stored output of step `{name}` does not fit its type"
            ))
        })
    }
}

impl<T: Saga> Deref for Cx<T> {
    type Target = StepCx;

    fn deref(&self) -> &StepCx {
        &self.call
    }
}

impl<T: Saga> Clone for Cx<T> {
    fn clone(&self) -> Self {
        Self {
            saga: Arc::clone(&self.saga),
            deps: Arc::clone(&self.deps),
            call: self.call.clone(),
            outputs: Arc::clone(&self.outputs),
        }
    }
}

impl<T: Saga> fmt::Debug for Cx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

/// Refers to the output of a step. Pass it to [`Cx::output`].
pub struct StepOutput<O> {
    pub(super) name: &'static str,
    pub(super) read: Read<O>,
}

impl<O> Clone for StepOutput<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for StepOutput<O> {}

impl<O> fmt::Debug for StepOutput<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepOutput({})", self.name)
    }
}

/// The start of a saga: its id and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start<T> {
    /// The id, unique among the sagas of its name.
    pub id: String,
    /// The data of the saga.
    pub saga: T,
}

impl<T> Start<T> {
    /// The start of a saga with this id.
    pub fn new(id: impl fmt::Display, saga: T) -> Self {
        Self {
            id: id.to_string(),
            saga,
        }
    }
}
