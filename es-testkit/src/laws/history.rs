//! Random histories: the commands of one aggregate, or events where no commands are given.

use super::{
    commands::{AnyCommand, Kind, Source},
    made::{Made, Pool},
    refusals::Refusals,
    shapes::{Given, Shapes, pool},
};
use es_runtime::{
    Aggregate, Codec, DecodeError, Decoded, EventSet, NewEvent, StoredPayload, schema::Node,
};
use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy},
    strategy::Union,
};
use std::{fmt, sync::Arc};

/// What happens to one aggregate, from its first command on.
pub(super) struct History<A: Aggregate>(pub(super) Vec<Step<A>>);

impl<A: Aggregate> Clone for History<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// One thing that happens.
pub(super) enum Step<A: Aggregate> {
    Command(&'static str, Box<dyn AnyCommand<A>>),
    Event(Stored),
}

impl<A: Aggregate> Clone for Step<A> {
    fn clone(&self) -> Self {
        match self {
            Self::Command(name, command) => Self::Command(name, command.clone()),
            Self::Event(stored) => Self::Event(stored.clone()),
        }
    }
}

impl<A: Aggregate> fmt::Debug for Step<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(_, command) => command.fmt(f),
            Self::Event(stored) => stored.fmt(f),
        }
    }
}

/// On one line: this is what stands in a regression file.
impl<A: Aggregate> fmt::Debug for History<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// An event as a store has it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) name: &'static str,
    pub(super) version: u16,
    pub(super) codec: Codec,
    pub(super) bytes: Vec<u8>,
}

impl Stored {
    pub(super) fn decode<E: EventSet>(&self) -> Result<Decoded<E>, DecodeError> {
        let stored = StoredPayload::new(self.version, self.codec.content_type(), &self.bytes);
        E::decode(self.name, stored)
    }

    /// The same for an append.
    pub(super) fn new_event(&self) -> NewEvent {
        let content_type = self.codec.content_type();
        NewEvent::new(self.name, self.version, content_type, self.bytes.clone())
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, .. } = self;
        write!(f, "{name} v{version} ")?;
        match self.codec {
            Codec::Json => f.write_str(&String::from_utf8_lossy(&self.bytes)),
            _ => write!(f, "{} bytes", self.bytes.len()),
        }
    }
}

/// A version of an event with its shape.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) name: &'static str,
    pub(super) number: u16,
    pub(super) node: &'static Node,
    /// Which form its scalars have.
    pub(super) form: usize,
    /// Payloads that the golden files of the lock have.
    pub(super) golden: Arc<[Made]>,
}

impl Version {
    pub(super) fn shapes<'g>(&self, given: &'g Given) -> Shapes<'g> {
        Shapes::new(given, self.form)
    }

    pub(super) fn stored(&self, text: String) -> Stored {
        Stored {
            name: self.name,
            version: self.number,
            codec: Codec::Json,
            bytes: text.into_bytes(),
        }
    }

    /// Payloads of this version: made from its shape, and those of the golden files.
    pub(super) fn payloads(&self, given: &Given) -> BoxedStrategy<Made> {
        let made = self.shapes(given).value(self.node);
        self.with_golden(made)
    }

    fn with_golden(&self, made: BoxedStrategy<Made>) -> BoxedStrategy<Made> {
        if self.golden.is_empty() {
            return made;
        }
        let golden = proptest::sample::select(self.golden.to_vec()).boxed();
        Union::new_weighted(vec![(5, made), (1, golden)]).boxed()
    }
}

/// A step before its shared values are filled in.
#[derive(Clone, Debug)]
enum Draft<C> {
    Made(usize, Made),
    Own(usize, C),
}

/// Histories of commands.
pub(super) fn of_commands<A: Aggregate>(
    kinds: &[Kind<A>],
    given: &Given,
    longest: usize,
    refusals: &Refusals,
) -> BoxedStrategy<History<A>> {
    let mut nodes = Vec::new();
    let mut drafts = Vec::new();
    for (index, kind) in kinds.iter().enumerate() {
        drafts.push(match &kind.source {
            Source::Made(made) => {
                nodes.push((made.node, made.form));
                let values = made.shapes(given).sharing().value(made.node);
                values
                    .prop_map(move |value| Draft::Made(index, value))
                    .boxed()
            }
            Source::Own(own) => {
                let own = own.clone();
                own.prop_map(move |command| Draft::Own(index, command))
                    .boxed()
            }
        });
    }
    if drafts.is_empty() {
        return Just(History(Vec::new())).boxed();
    }
    let pool = pool(&nodes);
    let drafts = vec(Union::new(drafts), 0..=longest);
    let (kinds, refusals) = (kinds.to_vec(), refusals.clone());
    // The steps shrink before the values that they share: a value at its bound would keep every step.
    (drafts, pool)
        .prop_map(move |(drafts, pool)| {
            let steps = drafts.into_iter();
            History(
                steps
                    .filter_map(|draft| step(&kinds, draft, &pool, &refusals))
                    .collect(),
            )
        })
        .boxed()
}

/// The command, unless its type refuses the values.
fn step<A: Aggregate>(
    kinds: &[Kind<A>],
    draft: Draft<Box<dyn AnyCommand<A>>>,
    pool: &Pool,
    refusals: &Refusals,
) -> Option<Step<A>> {
    match draft {
        Draft::Made(index, made) => {
            let kind = kinds.get(index)?;
            let Source::Made(of) = &kind.source else {
                return None;
            };
            let read = (of.read)(&made.text(pool));
            let what = || format!("command `{}`", kind.name);
            let command = refusals.count(what, read)?;
            Some(Step::Command(kind.name, command))
        }
        Draft::Own(index, command) => Some(Step::Command(kinds.get(index)?.name, command)),
    }
}

/// Histories of stored events of any version.
pub(super) fn of_events<A: Aggregate>(
    versions: &[Version],
    given: &Given,
    longest: usize,
    refusals: &Refusals,
) -> BoxedStrategy<History<A>> {
    let mut drafts = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let made = version.shapes(given).sharing().value(version.node);
        let payloads = version.with_golden(made);
        drafts.push(payloads.prop_map(move |value| (index, value)).boxed());
    }
    if drafts.is_empty() {
        return Just(History(Vec::new())).boxed();
    }
    let nodes: Vec<_> = versions
        .iter()
        .map(|version| (version.node, version.form))
        .collect();
    let pool = pool(&nodes);
    let drafts = vec(Union::new(drafts), 0..=longest);
    let (versions, refusals) = (versions.to_vec(), refusals.clone());
    // The steps shrink before the values that they share: a value at its bound would keep every step.
    (drafts, pool)
        .prop_map(move |(drafts, pool)| {
            let steps = drafts.into_iter().filter_map(|(index, made)| {
                let version = versions.get(index)?;
                let stored = version.stored(made.text(&pool));
                let what = || format!("event `{}` v{}", version.name, version.number);
                refusals.count(what, readable::<A::Event>(&stored))?;
                Some(Step::Event(stored))
            });
            History(steps.collect())
        })
        .boxed()
}

/// Whether the type of the event takes the values. An upcaster that fails does not refuse: it is wrong.
pub(super) fn readable<E: EventSet>(stored: &Stored) -> Result<(), String> {
    match stored.decode::<E>() {
        Err(error @ DecodeError::Payload { .. }) => Err(error.to_string()),
        _ => Ok(()),
    }
}
