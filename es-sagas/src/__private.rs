//! What generated code calls. Not for users: anything here may change in any release.

use crate::{
    AggregateCommand, CommandTo, CommandType, Cx, Definition, Effect, Fail, Failure, NewStep, Saga,
    SagaData,
};
pub use es_runtime::{
    __private::{
        HasNone, HasOtherNames, Listed, ListedEvent, assert_apart, first_without, is_event_of,
        joined,
    },
    Aggregate, EventSet, Handle,
};
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;
pub use std::marker::PhantomData;

/// What a function for a command step may return: the command, or a reason not to send it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command to an aggregate",
    label = "expected `CommandTo<..>`, or `Result<CommandTo<..>, Fail>`",
    note = "return `CommandTo<SomeAggregate, SomeCommand>`, which is `CommandTo::new(&id, command)`; where the command differs from saga to saga, return an `AggregateCommand`"
)]
pub trait IntoCommand {
    /// Which command it is, where the type says it.
    fn sends() -> Option<CommandType>;

    /// The command, or why there is none.
    ///
    /// # Errors
    /// The reason that the function gave.
    fn into_command(self) -> Result<AggregateCommand, Fail>;
}

impl IntoCommand for AggregateCommand {
    fn sends() -> Option<CommandType> {
        None
    }

    fn into_command(self) -> Result<AggregateCommand, Fail> {
        Ok(self)
    }
}

impl IntoCommand for Result<AggregateCommand, Fail> {
    fn sends() -> Option<CommandType> {
        None
    }

    fn into_command(self) -> Result<AggregateCommand, Fail> {
        self
    }
}

impl<A: Handle<C>, C> IntoCommand for CommandTo<A, C> {
    fn sends() -> Option<CommandType> {
        Some(CommandType::of::<A, C>())
    }

    fn into_command(self) -> Result<AggregateCommand, Fail> {
        Ok(self.into())
    }
}

impl<A: Handle<C>, C> IntoCommand for Result<CommandTo<A, C>, Fail> {
    fn sends() -> Option<CommandType> {
        Some(CommandType::of::<A, C>())
    }

    fn into_command(self) -> Result<AggregateCommand, Fail> {
        self.map(AggregateCommand::from)
    }
}

/// Adds methods to a definition and says what is wrong with what they return. The inner `Result` is what a
/// method returned; the outer one fails when an output that it needs is not there.
#[derive(Debug)]
pub enum Methods {}

impl Methods {
    /// Says what the data of a saga must be.
    pub const fn data<T: SagaData>() {}

    /// The future of a call, which must be `Send`. It is checked here, so that what is wrong is shown at the
    /// method and once.
    pub fn sent<F: Future + Send + 'static>(
        call: F,
    ) -> impl Future<Output = F::Output> + Send + 'static {
        call
    }

    /// Adds a step.
    pub fn step<'d, T, O, A, F, R>(
        definition: &'d mut Definition<T>,
        name: &'static str,
        call: F,
    ) -> NewStep<'d, T, O>
    where
        T: Saga,
        O: StepOutput,
        A: StepResult<O>,
        F: Fn(Cx<T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A, Fail>> + Send + 'static,
    {
        definition.step(name, move |cx| {
            let call = call(cx);
            async move { call.await?.result() }
        })
    }

    /// Adds a step that sends a command.
    pub fn command<'d, T, C, F>(
        definition: &'d mut Definition<T>,
        name: &'static str,
        command: F,
    ) -> NewStep<'d, T, ()>
    where
        T: Saga,
        C: IntoCommand,
        F: Fn(&Cx<T>) -> Result<C, Fail> + Send + Sync + 'static,
    {
        let step = definition.command(name, move |cx| command(cx)?.into_command());
        step.sends(C::sends())
    }

    /// Adds the undo of a step that sends a command.
    pub fn undo_command<T, O, C, F>(step: NewStep<'_, T, O>, command: F) -> crate::StepOutput<O>
    where
        T: Saga,
        O: 'static,
        C: IntoCommand,
        F: Fn(&Cx<T>) -> Result<C, Fail> + Send + Sync + 'static,
    {
        step.undo_command_of(C::sends(), move |cx| command(cx)?.into_command())
    }

    /// Adds the command at the end of a completed saga.
    pub fn on_completed<T, C, F>(definition: &mut Definition<T>, command: F)
    where
        T: Saga,
        C: IntoCommand,
        F: Fn(&Cx<T>) -> Result<C, Fail> + Send + Sync + 'static,
    {
        definition.on_completed_of(C::sends(), move |cx| command(cx)?.into_command());
    }

    /// Adds the command at the end of a compensated saga.
    pub fn on_compensated<T, C, F>(definition: &mut Definition<T>, command: F)
    where
        T: Saga,
        C: IntoCommand,
        F: Fn(&Cx<T>, &Failure) -> Result<C, Fail> + Send + Sync + 'static,
    {
        definition.on_compensated_of(C::sends(), move |cx, why| command(cx, why)?.into_command());
    }

    /// Adds the question whether a step was done.
    pub fn reconcile<T, O, A, F, R>(step: NewStep<'_, T, O>, ask: F) -> NewStep<'_, T, O>
    where
        T: Saga,
        O: 'static,
        A: ReconcileResult<O>,
        F: Fn(Cx<T>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A, Fail>> + Send + 'static,
    {
        step.reconcile(move |cx| {
            let answer = ask(cx);
            async move { answer.await?.result() }
        })
    }

    /// Adds the undo of a step.
    pub fn undo<T, O, A, F, R>(step: NewStep<'_, T, O>, undo: F) -> crate::StepOutput<O>
    where
        T: Saga,
        O: 'static,
        A: UndoResult,
        F: Fn(Cx<T>, Effect<O>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A, Fail>> + Send + 'static,
    {
        step.undo(move |cx, did| {
            let undo = undo(cx, did);
            async move { undo.await?.result() }
        })
    }
}

/// What a step returns.
#[diagnostic::on_unimplemented(
    message = "a step returns `Result<T, Fail>`, not `{Self}`",
    label = "expected `Result<T, Fail>`",
    note = "`T` is the output that later steps may ask for, `()` if there is none",
    note = "turn another error into a `Fail` with `.map_err(Fail::transient)` or `.map_err(Fail::fatal)`; `?` turns every `std::error::Error` into a transient one"
)]
pub trait StepResult<O> {
    /// The same.
    ///
    /// # Errors
    /// That of the step.
    fn result(self) -> Result<O, Fail>;
}

#[diagnostic::do_not_recommend]
impl<O> StepResult<O> for Result<O, Fail> {
    fn result(self) -> Self {
        self
    }
}

/// The output of a step, which is stored.
#[diagnostic::on_unimplemented(
    message = "the output `{Self}` of this step cannot be stored",
    label = "`{Self}` lacks `serde::Serialize`, `serde::Deserialize` or `Send`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`; an output must also be `Send` and own what it has"
)]
pub trait StepOutput: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<O: Serialize + DeserializeOwned + Send + 'static> StepOutput for O {}

/// What an undo returns.
#[diagnostic::on_unimplemented(
    message = "an undo returns `Result<(), Fail>`, not `{Self}`",
    label = "expected `Result<(), Fail>`",
    note = "an undo has no output; without `async` it can return an `AggregateCommand`"
)]
pub trait UndoResult {
    /// The same.
    ///
    /// # Errors
    /// That of the undo.
    fn result(self) -> Result<(), Fail>;
}

#[diagnostic::do_not_recommend]
impl UndoResult for Result<(), Fail> {
    fn result(self) -> Self {
        self
    }
}

/// What the method of `reconcile = ..` returns.
#[diagnostic::on_unimplemented(
    message = "the method of `reconcile` returns `Result<Option<{O}>, Fail>`, not `{Self}`",
    label = "expected a method that returns `Result<Option<{O}>, Fail>`",
    note = "`{O}` is the output of the step; `None` says that the step was not done"
)]
pub trait ReconcileResult<O> {
    /// The same.
    ///
    /// # Errors
    /// That of the method.
    fn result(self) -> Result<Option<O>, Fail>;
}

#[diagnostic::do_not_recommend]
impl<O> ReconcileResult<O> for Result<Option<O>, Fail> {
    fn result(self) -> Self {
        self
    }
}
