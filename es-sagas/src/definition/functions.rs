//! The functions of a definition, as they are kept: of a step, of its undo, of what starts and cancels a saga.

use super::{Cx, Fail, Saga};
use crate::{key::Key, log::Failure};
use es_runtime::{RecordedEvent, command::AggregateCommand};
use serde_json::Value;
use std::{future::Future, pin::Pin, sync::Arc};

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What an input event asks for.
pub(crate) enum Routed {
    Start { id: String, input: Value },
    Cancel { id: String },
}

impl Routed {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Start { id, .. } | Self::Cancel { id } => id,
        }
    }
}

/// Why it is not known which instances an event is for.
pub(crate) enum Unrouted {
    /// This program cannot read the event. A newer one may.
    Unreadable(String),
    /// The user's function failed.
    Failed(String),
}

pub(super) type Route = Box<dyn Fn(&RecordedEvent) -> Result<Vec<Routed>, Unrouted> + Send + Sync>;
pub(super) type Call<T> = Arc<dyn Fn(Cx<T>) -> Boxed<Result<Value, Fail>> + Send + Sync>;
pub(super) type Look<T> = Box<dyn Fn(Cx<T>) -> Boxed<Result<Option<Value>, Fail>> + Send + Sync>;
pub(super) type Decide<T> = Box<dyn Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync>;
pub(super) type UndoCall<T> =
    Box<dyn Fn(Cx<T>, Key, Option<Value>) -> Boxed<Result<(), Fail>> + Send + Sync>;
pub(super) type UndoDecide<T> = Box<dyn Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync>;
pub(super) type OnCompleted<T> =
    Box<dyn Fn(&Cx<T>) -> Result<AggregateCommand, Fail> + Send + Sync>;
pub(super) type OnCompensated<T> =
    Box<dyn Fn(&Cx<T>, &Failure) -> Result<AggregateCommand, Fail> + Send + Sync>;
/// How a stored output is read, `None` where it does not fit.
pub(super) type Read<O> = fn(&Value) -> Option<O>;
pub(super) type CheckOutput = fn(&Value) -> Result<(), String>;

pub(super) enum Action<T: Saga> {
    Call(Call<T>),
    Command(Decide<T>),
}

pub(super) enum UndoAction<T: Saga> {
    None,
    Call(UndoCall<T>),
    Command(UndoDecide<T>),
}

pub(super) struct Functions<T: Saga> {
    pub(super) action: Action<T>,
    pub(super) undo: UndoAction<T>,
    pub(super) reconcile: Option<Look<T>>,
    pub(super) check: CheckOutput,
}
