//! What the functions of a saga get: the saga itself, its dependencies, the call and earlier outputs.

use super::{Fail, Saga};
use crate::key::{Key, StepDirection};
use es_runtime::StreamId;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::HashMap, fmt, marker::PhantomData, ops::Deref, sync::Arc};

/// What a step is told of its call.
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

    /// The step.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Whether it is done or undone.
    pub const fn direction(&self) -> StepDirection {
        self.to
    }

    /// The key of the effect, for the provider: the same in every attempt.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// Which attempt this is, from 1.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// What the functions of a definition get: the saga, what was injected, the call, the outputs of
/// earlier steps.
pub struct Cx<T: Saga> {
    pub(crate) saga: Arc<T>,
    pub(crate) deps: Arc<T::Deps>,
    pub(crate) call: StepCx,
    pub(crate) outputs: Arc<HashMap<String, Value>>,
}

impl<T: Saga> Cx<T> {
    /// What the saga is about.
    pub fn saga(&self) -> &T {
        &self.saga
    }

    /// What was given to [`Sagas::with`](super::Sagas::with).
    pub fn deps(&self) -> &T::Deps {
        &self.deps
    }

    /// The call.
    pub const fn call(&self) -> &StepCx {
        &self.call
    }

    /// What an earlier step gave.
    ///
    /// # Errors
    /// [`Fail::fatal`] when the step was skipped, or gave something else.
    pub fn output<O: DeserializeOwned>(&self, step: StepOutput<O>) -> Result<O, Fail> {
        let name = step.name;
        let Some(value) = self.outputs.get(name) else {
            return Err(Fail::fatal(format!(
                "step `{name}` gave nothing: it was skipped"
            )));
        };
        O::deserialize(value)
            .map_err(|_| Fail::fatal(format!("what step `{name}` gave does not fit its type")))
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

/// Stands for what a step gives, for [`Cx::output`].
pub struct StepOutput<O> {
    pub(super) name: &'static str,
    pub(super) output: PhantomData<fn() -> O>,
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

/// How a saga begins: its id, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start<T> {
    /// The id, unique among the sagas of its name.
    pub id: String,
    /// What it is about.
    pub saga: T,
}

impl<T> Start<T> {
    /// A saga of this id.
    pub fn new(id: impl fmt::Display, saga: T) -> Self {
        Self {
            id: id.to_string(),
            saga,
        }
    }
}
