//! Laws that hold for every aggregate, tested on random commands and events.
//!
//! [`laws!`](crate::laws!) makes the tests. [`Laws`] is the same without the macro, [`Law`] says what each law is.
//! proptest generates and shrinks the values, and keeps the seeds of failures.
//!
//! | fault | law that finds it |
//! |---|---|
//! | an `apply` that overflows, or an index that is not there | [`NothingPanics`](Law::NothingPanics) |
//! | the clock, chance, a counter or the order of a `HashMap` in `apply` or `handle` | [`Deterministic`](Law::Deterministic) |
//! | a NaN, a lossy serde attribute, a skipped field | [`EventsAreReadBack`](Law::EventsAreReadBack) |
//! | a snapshot that loses or doubles something | [`SnapshotsEqualReplay`](Law::SnapshotsEqualReplay) |
//! | an upcaster that fails or forgets a field | [`OldVersionsAreUpcast`](Law::OldVersionsAreUpcast) |
//! | a `Cell` that a rejected command changes | [`RejectionsChangeNothing`](Law::RejectionsChangeNothing) |
//! | a unique or tagged text whose length nobody checks | [`UniqueValuesAndTagsFit`](Law::UniqueValuesAndTagsFit) |
//! | a projection that depends on the clock, or on an earlier build | [`RebuiltEqualsLive`](Law::RebuiltEqualsLive) |

#![allow(clippy::panic, reason = "an assertion of a test panics")]

mod broken;
mod commands;
mod history;
mod macros;
mod made;
mod model;
mod panics;
#[cfg(feature = "sqlite")]
mod projection;
mod refusals;
mod rules;
mod run;
mod scalars;
mod shapes;

pub use broken::{Broken, Law};
pub use commands::MadeCommand;
#[doc(no_inline)]
pub use proptest;

use commands::{Kind, form};
use es_runtime::{
    Aggregate, Codec, Command, EventSet,
    command::HandledBy,
    schema::{EventShape, SetShapes},
};
use history::Version;
use made::Made;
use proptest::prelude::Strategy;
use shapes::Given;
use std::{fmt::Debug, path::Path};

/// What the laws need of an aggregate: they copy, print and compare its states.
#[diagnostic::on_unimplemented(
    message = "the laws cannot compare states of `{Self}`",
    label = "`{Self}` lacks `Clone`, `Debug` or `PartialEq`",
    note = "add `#[derive(Clone, Debug, PartialEq)]` to `{Self}` and to the types of its fields"
)]
pub trait LawfulState: Aggregate + Clone + Debug + PartialEq {}

#[diagnostic::do_not_recommend]
impl<A: Aggregate + Clone + Debug + PartialEq> LawfulState for A {}

/// What the laws need of the events of an aggregate: they make, print and compare them.
#[diagnostic::on_unimplemented(
    message = "the laws cannot make and compare the events of `{Self}`",
    label = "an event of it lacks `Debug` or `PartialEq`, or a field lacks `Shape`",
    note = "add `#[derive(Debug, PartialEq)]` to every event of the aggregate, and `#[derive(es_runtime::Shape)]` to the types of their fields"
)]
pub trait LawfulEvents: EventSet + SetShapes + Debug + PartialEq {}

#[diagnostic::do_not_recommend]
impl<E: EventSet + SetShapes + Debug + PartialEq> LawfulEvents for E {}

/// The laws of one aggregate, with what they need to make its commands and events.
///
/// [`laws!`](crate::laws!) writes this for you. Use it where a test of yours asserts what a law finds.
///
/// ```
/// # use es_runtime::{Aggregate, Apply, Event, Events, Handle, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
/// # #[event("jar.filled")]
/// # struct Filled { grams: u32 }
/// # #[derive(Clone, Debug, Deserialize, Shape)]
/// # struct Fill { grams: u32 }
/// # #[derive(Debug, PartialEq, thiserror::Error)]
/// # #[error("the jar is full")]
/// # struct Full;
/// # #[derive(Aggregate, Default, Clone, Debug, PartialEq)]
/// # #[aggregate("jar", id = u32, error = Full, events(Filled))]
/// # struct Jar { grams: u32 }
/// # impl Apply<Filled> for Jar {
/// #     fn apply(&mut self, filled: &Filled) { self.grams += filled.grams; }
/// # }
/// # impl Handle<Fill> for Jar {
/// #     fn handle(&self, Fill { grams }: Fill) -> Result<Events<Self>, Full> { Ok(Filled { grams }.into()) }
/// # }
/// use es_testkit::laws::{Law, Laws};
///
/// // A jar that takes any weight: two large ones are more than a `u32` holds.
/// let laws = Laws::<Jar>::new().command::<Fill>("Fill").seed(1);
/// let broken = laws.check(Law::NothingPanics).unwrap_err();
/// assert!(broken.reason.contains("overflow"));
/// assert_eq!(broken.steps, 2);
/// ```
#[must_use = "laws are tested by `check` or `assert`"]
pub struct Laws<A: Aggregate> {
    /// Where the bounds are known: one missing derive is one error, and not one for each law.
    check: fn(&Self, Law) -> Result<(), Broken>,
    commands: Vec<Kind<A>>,
    versions: Vec<Version>,
    given: Given,
    codecs: Vec<Codec>,
    id: Option<A::Id>,
    cases: u32,
    seed: Option<u64>,
    source: Option<&'static str>,
    #[cfg(feature = "sqlite")]
    projections: Vec<projection::Rebuild>,
}

impl<A: Aggregate> Laws<A> {
    /// The laws of an aggregate without commands: its histories are of events.
    #[expect(clippy::new_without_default, reason = "laws of what is the question")]
    pub fn new() -> Self
    where
        A: LawfulState<Event: LawfulEvents>,
    {
        Self {
            check: Self::check_law,
            commands: Vec::new(),
            versions: versions::<A::Event>(),
            given: Given::new(),
            codecs: vec![A::CODEC],
            id: None,
            cases: run::CASES,
            seed: None,
            source: None,
            #[cfg(feature = "sqlite")]
            projections: Vec::new(),
        }
    }

    /// With commands of this type, made from its shape. The name is for messages.
    pub fn command<C: MadeCommand + HandledBy<A>>(mut self, name: &'static str) -> Self {
        self.commands.push(Kind::made::<C>(name));
        self
    }

    /// With commands that a strategy of proptest makes. The name is for messages.
    pub fn command_from<S>(mut self, name: &'static str, strategy: S) -> Self
    where
        S: Strategy + 'static,
        S::Value: Command + HandledBy<A>,
    {
        self.commands.push(Kind::own(name, strategy));
        self
    }

    /// With these values for each field with this name, or for each scalar with this name in a shape, such as
    /// `email` of `#[shape(as = "email")]`, or `i64@cents` with a unit.
    pub fn values<V: Into<serde_json::Value>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let given = self.given.entry(name.to_owned()).or_default();
        given.extend(values.into_iter().map(Into::into));
        self
    }

    /// With the golden samples of the lock at this path, next to the values that are made.
    pub fn lock(mut self, path: impl AsRef<Path>) -> Self {
        let recorded = es_schema_lock::__private::recorded(path.as_ref());
        for version in &mut self.versions {
            let of_it = recorded
                .iter()
                .filter(|(name, number, _)| name == version.name && *number == version.number);
            version.golden = of_it.map(|(_, _, value)| Made::value(value)).collect();
        }
        self
    }

    /// With this codec too, next to that of the aggregate. Every event must be read back from it as it was.
    pub fn codec(mut self, codec: Codec) -> Self {
        if !self.codecs.contains(&codec) {
            self.codecs.push(codec);
        }
        self
    }

    /// On the stream of this id. Needed where an id is neither a text, a number nor a UUID.
    pub fn id(mut self, id: A::Id) -> Self {
        self.id = Some(id);
        self
    }

    /// With so many cases for each law, 64 by default. `PROPTEST_CASES` in the environment comes first.
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// With this seed: every run has the same cases.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps the seeds of failures next to this source file, under its name with the extension `regressions`, and tries
    /// them first.
    pub fn regressions(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }

    /// With a projection, in a new SQLite file: a rebuild changes no row of these queries.
    #[cfg(feature = "sqlite")]
    pub fn projection<P: es_projections::Dispatch>(
        mut self,
        projection: impl Fn() -> P + 'static,
        queries: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let queries = queries.into_iter().collect();
        self.projections
            .push(projection::Rebuild::of(projection, queries));
        self
    }

    /// Tests a law.
    ///
    /// # Errors
    /// [`Broken`] with the shortest history that was found. Also when the types of the aggregate refuse nearly all
    /// values that are made for them, so that the law was not tested.
    pub fn check(&self, law: Law) -> Result<(), Broken> {
        (self.check)(self, law)
    }

    /// Tests a law.
    ///
    /// # Panics
    /// When it does not hold, with the shortest history that was found. See [`check`](Laws::check).
    #[track_caller]
    pub fn assert(&self, law: Law) {
        if let Err(broken) = self.check(law) {
            panic!("{broken}");
        }
    }
}

impl<A: Aggregate> Debug for Laws<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let commands: Vec<_> = self.commands.iter().map(|kind| kind.name).collect();
        f.debug_struct("Laws")
            .field("aggregate", &A::NAME)
            .field("commands", &commands)
            .finish_non_exhaustive()
    }
}

/// Every version of every event.
fn versions<E: SetShapes>() -> Vec<Version> {
    let of_event = |event: &EventShape| {
        let name = event.name;
        (1..).zip(event.shapes).map(move |(number, node)| {
            let mut of = Version {
                name,
                number,
                node,
                form: 0,
                golden: [].into(),
            };
            of.form = form(node, |text| {
                of.stored(text.to_owned()).decode::<E>().is_ok()
            });
            of
        })
    };
    E::EVENTS.iter().flat_map(of_event).collect()
}
