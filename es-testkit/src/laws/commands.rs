//! Commands of any type as one type, and where they come from.

use super::shapes::{Given, Shapes};
use es_runtime::{
    Aggregate, AnyStore, Command, Events, ExecuteError, Executed, Repository,
    command::HandledBy,
    schema::{Node, Shape},
};
use es_schema_lock::__private::{FORMS, plans, sample};
use proptest::prelude::{BoxedStrategy, Strategy};
use serde::de::DeserializeOwned;
use std::{fmt::Debug, future::Future, pin::Pin};

/// What the laws need of a command whose values they make.
#[diagnostic::on_unimplemented(
    message = "the laws cannot make values of command `{Self}`",
    label = "`{Self}` lacks `Clone`, `Debug`, `serde::Deserialize` or `es_runtime::Shape`",
    note = "add `#[derive(Clone, Debug, serde::Deserialize, es_runtime::Shape)]` to `{Self}`",
    note = "or write `commands({Self} = strategy)` with a strategy of proptest, which needs only `Clone` and `Debug`"
)]
pub trait MadeCommand: Command + Debug + Shape + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<C: Command + Debug + Shape + DeserializeOwned> MadeCommand for C {}

/// A command of an aggregate.
pub(super) trait AnyCommand<A: Aggregate>: Debug + Send {
    fn decide(&self, state: &A) -> Result<Events<A>, A::Error>;
    fn execute<'r>(&self, on: &'r Repository<A>, id: &A::Id) -> Executing<'r, A>;
    fn copy(&self) -> Box<dyn AnyCommand<A>>;
}

pub(super) type Executing<'r, A> = Pin<
    Box<
        dyn Future<Output = Result<Executed<A>, ExecuteError<<A as Aggregate>::Error>>> + Send + 'r,
    >,
>;

impl<A: Aggregate, C: Command + Debug + HandledBy<A>> AnyCommand<A> for C {
    fn decide(&self, state: &A) -> Result<Events<A>, A::Error> {
        self.clone().handled_by(state)
    }

    fn execute<'r>(&self, on: &'r Repository<A, AnyStore>, id: &A::Id) -> Executing<'r, A> {
        on.execute(id, self.clone()).into_future()
    }

    fn copy(&self) -> Box<dyn AnyCommand<A>> {
        Box::new(self.clone())
    }
}

impl<A: Aggregate> Clone for Box<dyn AnyCommand<A>> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

/// One type of command with where its values come from.
pub(super) struct Kind<A: Aggregate> {
    pub(super) name: &'static str,
    pub(super) source: Source<A>,
}

pub(super) enum Source<A: Aggregate> {
    /// From its shape.
    Made(Type<A>),
    /// From a strategy of the user.
    Own(BoxedStrategy<Box<dyn AnyCommand<A>>>),
}

/// A type of command that is made of JSON.
pub(super) struct Type<A: Aggregate> {
    pub(super) node: &'static Node,
    pub(super) read: Read<A>,
    /// Which form its scalars have.
    pub(super) form: usize,
}

/// A command of JSON text.
pub(super) type Read<A> = fn(&str) -> Result<Box<dyn AnyCommand<A>>, String>;

impl<A: Aggregate> Clone for Kind<A> {
    fn clone(&self) -> Self {
        let source = match &self.source {
            Source::Made(made) => Source::Made(Type { ..*made }),
            Source::Own(strategy) => Source::Own(strategy.clone()),
        };
        Self {
            name: self.name,
            source,
        }
    }
}

impl<A: Aggregate> Kind<A> {
    pub(super) fn made<C: MadeCommand + HandledBy<A>>(name: &'static str) -> Self {
        let read: Read<A> = |text| match serde_json::from_str::<C>(text) {
            Ok(command) => Ok(Box::new(command)),
            Err(error) => Err(error.to_string()),
        };
        let form = form(&C::SHAPE, |text| read(text).is_ok());
        Self {
            name,
            source: Source::Made(Type {
                node: &C::SHAPE,
                read,
                form,
            }),
        }
    }

    pub(super) fn own<S>(name: &'static str, strategy: S) -> Self
    where
        S: Strategy + 'static,
        S::Value: Command + HandledBy<A>,
    {
        let boxed = |command| -> Box<dyn AnyCommand<A>> { Box::new(command) };
        Self {
            name,
            source: Source::Own(strategy.prop_map(boxed).boxed()),
        }
    }
}

impl<A: Aggregate> Type<A> {
    pub(super) fn shapes<'g>(&self, given: &'g Given) -> Shapes<'g> {
        Shapes::new(given, self.form)
    }
}

/// The first form of scalars in which a sample of the shape is read.
pub(super) fn form(node: &'static Node, is_read: impl Fn(&str) -> bool) -> usize {
    let in_form = |form: &usize| {
        plans(node)
            .into_iter()
            .any(|plan| is_read(&sample(node, plan.in_form(*form)).to_string()))
    };
    (0..FORMS).find(in_form).unwrap_or_default()
}
