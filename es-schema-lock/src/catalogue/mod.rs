//! The catalogue: files for people and tools that say which commands and events there are, who writes them, and who reads them.

mod asyncapi;
mod diagram;
mod folder;
mod json_schema;
mod model;
mod page;
#[cfg(feature = "projections")]
mod projections;
#[cfg(feature = "sagas")]
mod sagas;
mod twice;

pub use folder::CatalogueError;

use es_runtime::{Aggregate, EventFilter, Handle, command::name_of, schema::SetShapes};
use model::{CommandTo, Described, ProcessManager, Reader, Saga};
use std::{
    any,
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};
use twice::{Owned, Twice};

/// What an application stores, and what it does with it, as files: a page with diagrams (`README.md`), an `AsyncAPI` 3 document
/// (`asyncapi.json`), all of it as data (`catalogue.json`), and a JSON Schema for each version of each event (`schemas`).
///
/// A test writes the files, and compares them where [`LockMode::from_env`](crate::LockMode::from_env) says `check`. So a change of an event shows in a
/// review, and no file is out of date. Commit the folder.
///
/// The test fails where two aggregates, projections, sagas or others have one name, and where two aggregates store different shapes as one
/// version of an event. The compiler cannot see either.
///
/// Use it for those who read your events without your types: other teams, reports, exports. The shapes say how serde's derives
/// write a value. A type with a serializer of its own is described by what its `#[shape(as = ..)]` claims.
///
/// ```
/// # mod order {
/// # use es_runtime::{Aggregate, Apply, Event};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event("order.placed")]
/// # pub struct Placed { customer: String, cents: u64 }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate("order", id = String, error = std::convert::Infallible, events(Placed))]
/// # pub struct Order {}
/// # impl Apply<Placed> for Order {
/// #     fn apply(&mut self, _: &Placed) {}
/// # }
/// # }
/// # use order::{Order, Placed};
/// use es_runtime::EventFilter;
/// use es_schema_lock::{Catalogue, LockMode};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let catalogue = Catalogue::new("shop")
///     .aggregate::<Order>()
///     .reader("projection", "order_totals", &EventFilter::of::<Placed>());
/// catalogue.check_in(folder, LockMode::Update)?;
/// assert!(folder.join("schemas/order.placed.v1.json").is_file());
/// catalogue.check_in(folder, LockMode::Check)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the features `projections` and `sagas` it takes types instead: `catalogue.projection::<OrderTotals>()`,
/// `.saga::<FulfilOrder>()`.
///
/// In a test: `catalogue.check(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/catalogue"))`.
#[derive(Clone, Debug)]
pub struct Catalogue {
    title: String,
    aggregates: BTreeMap<&'static str, Described>,
    readers: BTreeSet<Reader>,
    /// By name and version: an old one may still run.
    sagas: BTreeMap<(&'static str, u32), Saga>,
    process_managers: BTreeMap<&'static str, ProcessManager>,
    /// Those that no aggregate lists.
    commands: BTreeSet<CommandTo>,
    diagrams: BTreeMap<String, String>,
    /// The types, to find those that have one name.
    twice: Twice,
}

impl Catalogue {
    /// An empty catalogue. The title is the name of the application.
    ///
    /// ```
    /// assert!(es_schema_lock::Catalogue::new("shop").page().starts_with("# shop"));
    /// ```
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            aggregates: BTreeMap::new(),
            readers: BTreeSet::new(),
            sagas: BTreeMap::new(),
            process_managers: BTreeMap::new(),
            commands: BTreeSet::new(),
            diagrams: BTreeMap::new(),
            twice: Twice::default(),
        }
    }

    /// Adds an aggregate with all versions of its events, and with the commands in the `commands(..)` of its derive.
    #[must_use]
    pub fn aggregate<A>(mut self) -> Self
    where
        A: Aggregate,
        A::Event: SetShapes,
    {
        self.twice.own::<A>(Owned::Aggregate, A::NAME);
        self.describe::<A>(A::NAME.to_owned());
        self
    }

    /// Its streams have ids that begin with `category`.
    fn describe<A>(&mut self, category: String)
    where
        A: Aggregate,
        A::Event: SetShapes,
    {
        let described = Described {
            type_name: any::type_name::<A>(),
            category,
            content_type: A::CODEC.content_type(),
            commands: A::commands(),
            events: A::Event::EVENTS,
            retired: A::Event::RETIRED,
        };
        self.aggregates.insert(A::NAME, described);
    }

    /// Adds a command that the derive of its aggregate does not list.
    ///
    /// ```
    /// # use es_runtime::Handle;
    /// # use es_schema_lock::Catalogue;
    /// fn with_opening<Door: Handle<OpenDoor>, OpenDoor>(catalogue: Catalogue) -> Catalogue {
    ///     catalogue.command::<Door, OpenDoor>()
    /// }
    /// ```
    #[must_use]
    pub fn command<A: Handle<C>, C>(mut self) -> Self {
        self.commands.insert(CommandTo {
            aggregate: A::NAME,
            command: name_of::<C>(),
        });
        self
    }

    /// Adds a reader: what it is, such as `projection`, its name, and the events that it reads, as its `filter()` has them.
    #[must_use]
    pub fn reader(
        mut self,
        kind: impl Into<String>,
        name: impl Into<String>,
        events: &EventFilter,
    ) -> Self {
        let names = events.as_names();
        let reader = Reader {
            name: name.into(),
            kind: kind.into(),
            names: names.map(|names| names.iter().map(ToString::to_string).collect()),
        };
        self.readers.insert(reader);
        self
    }

    /// Adds a diagram in Mermaid to the page, under a heading of its own.
    #[must_use]
    pub fn diagram(mut self, name: impl Into<String>, mermaid: impl Into<String>) -> Self {
        self.diagrams.insert(name.into(), mermaid.into());
        self
    }

    /// The page, in Markdown.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// The `AsyncAPI` 3 document, as JSON.
    pub fn asyncapi(&self) -> String {
        pretty(&asyncapi::document(self))
    }

    /// All of it as data, as JSON: what tools show that have not the types, such as the explorer.
    ///
    /// ```
    /// let empty: serde_json::Value = serde_json::from_str(&es_schema_lock::Catalogue::new("shop").json())?;
    /// assert_eq!(empty["title"], "shop");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn json(&self) -> String {
        pretty(&model::document(self))
    }

    /// The files with their paths in the folder.
    ///
    /// ```
    /// let files = es_schema_lock::Catalogue::new("shop").files();
    /// assert_eq!(files.keys().collect::<Vec<_>>(), ["README.md", "asyncapi.json", "catalogue.json"]);
    /// ```
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        files.insert("README.md".to_owned(), self.page());
        files.insert("asyncapi.json".to_owned(), self.asyncapi());
        files.insert("catalogue.json".to_owned(), self.json());
        for described in self.aggregates.values() {
            for event in described.events {
                for (version, node) in (1..).zip(event.shapes) {
                    let schema = json_schema::document(event.name, version, node);
                    files.insert(schema_file(event.name, version), pretty(&schema));
                }
            }
        }
        files
    }

    /// The commands to an aggregate: those that it lists, and those that are known from who sends them.
    fn commands_to(&self, aggregate: &str) -> Vec<&str> {
        let listed = self.aggregates.get(aggregate).map(|it| &*it.commands);
        let mut commands = listed.unwrap_or_default().to_vec();
        for to in &self.commands {
            if to.aggregate == aggregate && !commands.contains(&to.command) {
                commands.push(to.command);
            }
        }
        commands
    }
}

fn schema_file(event: &str, version: usize) -> String {
    format!("schemas/{}.json", Key::of(event, version))
}

/// A name that a file, a reference of JSON and a component of `AsyncAPI` may have. Two names have two keys.
struct Key(String);

impl Key {
    fn of(event: &str, version: usize) -> Self {
        Self(format!("{}.v{version}", Self::plain(event).0))
    }

    /// Characters that are not allowed are written as their numbers, `_x2f_` for `/`. So is an underscore that would begin
    /// such a number.
    fn plain(name: &str) -> Self {
        let mut key = String::new();
        let mut rest = name.chars().peekable();
        while let Some(c) = rest.next() {
            let is_plain = match c {
                '_' => rest.peek() != Some(&'x'),
                c => c.is_ascii_alphanumeric() || matches!(c, '.' | '-'),
            };
            if is_plain {
                key.push(c);
            } else {
                // Writing to a text cannot fail.
                let _ = write!(key, "_x{:x}_", u32::from(c));
            }
        }
        Self(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON as it is committed.
fn pretty(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text + "\n"
}
