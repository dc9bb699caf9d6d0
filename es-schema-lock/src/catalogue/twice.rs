//! Names that are given twice. The compiler sees one type at a time; a catalogue sees them all.

use super::{Catalogue, Described};
use es_runtime::schema::{EventShape, Layout};
use std::{
    any::{self, TypeId},
    collections::{BTreeMap, BTreeSet},
};

/// What has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Aggregate,
    #[cfg(feature = "projections")]
    Projection,
    #[cfg(feature = "projections")]
    Subscription,
    /// With its version: several may run.
    #[cfg(feature = "sagas")]
    Saga(u32),
    #[cfg(feature = "sagas")]
    ProcessManager,
}

/// The types that have names.
#[derive(Clone, Debug, Default)]
pub(super) struct Twice(Vec<Owner>);

#[derive(Clone, Copy, Debug)]
struct Owner {
    what: Owned,
    name: &'static str,
    id: TypeId,
    type_name: &'static str,
}

impl Twice {
    pub(super) fn own<T: 'static>(&mut self, what: Owned, name: &'static str) {
        let id = TypeId::of::<T>();
        let is_known = |other: &Owner| other.id == id && other.what == what;
        if !self.0.iter().any(is_known) {
            let type_name = any::type_name::<T>();
            self.0.push(Owner {
                what,
                name,
                id,
                type_name,
            });
        }
    }

    /// Each name that is given twice, with the places and what to do.
    pub(super) fn names(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut found = self.types();
        found.extend(self.readers(catalogue));
        found.extend(shapes(&catalogue.aggregates));
        found
    }

    /// Both of each two types that cannot have one name.
    fn pairs(&self) -> impl Iterator<Item = (&Owner, &Owner)> {
        let one = self.0.iter().enumerate();
        one.flat_map(|(index, one)| {
            let later = self.0.iter().skip(index + 1);
            later
                .filter(|two| one.name == two.name && one.id != two.id && one.what.meets(two.what))
                .map(move |two| (one, two))
        })
    }

    fn types(&self) -> Vec<String> {
        let pairs = self.pairs().map(|(one, two)| {
            let (what, reason) = if one.what == two.what {
                (one.what.two().to_owned(), one.what.reason())
            } else {
                let both = format!("{} and {}", one.what.one(), two.what.one());
                (both, STREAMS)
            };
            format!(
                "`{}` is the name of {what}: {} and {}\n  help: give the newer one another name{reason}",
                one.name, one.type_name, two.type_name,
            )
        });
        pairs.collect()
    }

    /// Readers that were added by their names, with other events each time.
    fn readers(&self, catalogue: &Catalogue) -> Vec<String> {
        let told: BTreeSet<&str> = self.pairs().map(|(one, _)| one.name).collect();
        let mut once = BTreeSet::new();
        let twice: BTreeSet<_> = catalogue
            .readers
            .iter()
            .map(|reader| (&*reader.kind, &*reader.name))
            .filter(|reader| !once.insert(*reader) && !told.contains(reader.1))
            .collect();
        let texts = twice.into_iter().map(|(kind, name)| {
            format!(
                "`{name}` is the name of two readers of the kind `{kind}`, with other events\n  \
                 help: give the newer one another name"
            )
        });
        texts.collect()
    }
}

impl Owned {
    /// Whether these two cannot have one name.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            // A process manager is an aggregate too, and a saga's streams begin as its own do.
            #[cfg(feature = "sagas")]
            (Self::Aggregate | Self::Saga(_), Self::ProcessManager)
            | (Self::ProcessManager, Self::Aggregate | Self::Saga(_)) => true,
            (one, two) => one == two,
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Aggregate => "an aggregate",
            #[cfg(feature = "projections")]
            Self::Projection => "a projection",
            #[cfg(feature = "projections")]
            Self::Subscription => "a subscription",
            #[cfg(feature = "sagas")]
            Self::Saga(_) => "a saga",
            #[cfg(feature = "sagas")]
            Self::ProcessManager => "a process manager",
        }
    }

    fn two(self) -> &'static str {
        match self {
            Self::Aggregate => "two aggregates",
            #[cfg(feature = "projections")]
            Self::Projection => "two projections",
            #[cfg(feature = "projections")]
            Self::Subscription => "two subscriptions",
            #[cfg(feature = "sagas")]
            Self::Saga(_) => "two sagas of one version",
            #[cfg(feature = "sagas")]
            Self::ProcessManager => "two process managers",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Aggregate => STREAMS,
            #[cfg(feature = "projections")]
            Self::Projection | Self::Subscription => ": how far it has read is kept under it",
            #[cfg(feature = "sagas")]
            Self::Saga(_) => ", or a version of its own where it follows the other one",
            #[cfg(feature = "sagas")]
            Self::ProcessManager => STREAMS,
        }
    }
}

const STREAMS: &str = ": streams are found by it";

/// Events of one name that are not the same ones.
fn shapes(aggregates: &BTreeMap<&'static str, Described>) -> Vec<String> {
    let mut first: BTreeMap<&str, (&str, &Described, &EventShape)> = BTreeMap::new();
    let mut found = Vec::new();
    for (aggregate, described) in aggregates {
        for event in described.events {
            let own = (*aggregate, described, event);
            let (other, of_other, known) = *first.entry(event.name).or_insert(own);
            found.extend(difference(known, event, |one, two| {
                format!(
                    "\n    in `{other}` ({}): {one}\n    in `{aggregate}` ({}): {two}",
                    of_other.type_name, described.type_name
                )
            }));
        }
    }
    found
}

/// What is wrong with two events of one name, unless they are the same. `places` writes both.
fn difference(
    one: &EventShape,
    two: &EventShape,
    places: impl FnOnce(&str, &str) -> String,
) -> Option<String> {
    let name = one.name;
    let mut shapes = (1_u32..).zip(one.shapes.iter().zip(two.shapes));
    let differing = shapes.find_map(|(version, (one, two))| {
        let [one, two] = [one, two].map(|node| node.render(Layout::ByName));
        (one != two).then_some((version, one, two))
    });
    if let Some((version, one, two)) = differing {
        let places = places(&one, &two);
        return Some(format!(
            "`{name}` version {version} has two shapes{places}\n  help: whoever reads `{name}` gets the events of both. \
             Give the newer event a name of its own, or use one event type in both"
        ));
    }
    if one.shapes.len() == two.shapes.len() {
        return None;
    }
    let newest = one.shapes.len().max(two.shapes.len());
    let places = places(&versions(one), &versions(two));
    Some(format!(
        "`{name}` version {newest} is known to one of two aggregates{places}\n  help: whoever reads `{name}` gets the \
         events of both. Use one event type in both, or give the newer event a name of its own"
    ))
}

fn versions(event: &EventShape) -> String {
    match event.shapes.len() {
        1 => "version 1".to_owned(),
        newest => format!("versions 1 to {newest}"),
    }
}
