//! The files of a catalogue, compared with the committed ones in `tests/catalogue`.

use es_runtime::{Aggregate, Apply, Envelope, Event, EventFilter, Events, Handle, Shape};
use es_sagas::{
    AggregateCommand, CommandTo, Effect, Fail, OnTimer, ProcessManager, ReactTo, Reactions, Start,
    StepCx, saga,
};
use es_schema_lock::{Catalogue, CatalogueError, LockMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{convert::Infallible, fs, path::Path};

#[derive(Serialize, Deserialize, Shape, Clone)]
enum Payment {
    Cash,
    Card { last: u16 },
}

#[derive(Serialize, Deserialize, Shape, Clone)]
#[serde(tag = "kind")]
enum Discount {
    None,
    Percent { points: u8 },
}

#[derive(Serialize, Deserialize, Shape, Clone)]
struct Address {
    street: String,
    lines: Vec<(String, u8)>,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order.placed", version = 2)]
struct Placed {
    customer: String,
    #[event(since = 2, default = Payment::Cash)]
    payment: Payment,
    #[event(since = 2, default = Discount::None)]
    discount: Discount,
    to: Option<Address>,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("order/shipped_x:fast")]
struct Shipped {}

#[derive(Clone)]
struct Place;

#[derive(Clone)]
struct Ship;

#[derive(Clone)]
struct Cancel<T>(T);

#[derive(Clone)]
struct Remind;

#[derive(Aggregate, Default)]
#[aggregate("order", id = String, error = Infallible, events(ignore(Placed, Shipped)), commands(Place, Ship))]
struct Order {}

macro_rules! ignored {
    ($($command:ty),*) => {$(
        impl Handle<$command> for Order {
            fn handle(&self, _: $command) -> Result<Events<Self>, Infallible> {
                Ok(Events::none())
            }
        }
    )*};
}

ignored!(Place, Ship, Cancel<String>, Remind);

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("tick")]
struct Ticked {
    at: u64,
}

#[derive(Aggregate, Default)]
#[aggregate("clock", id = String, error = Infallible, events(Ticked), codec = "postcard")]
struct Clock {}

impl Apply<Ticked> for Clock {
    fn apply(&mut self, _: &Ticked) {}
}

struct Wind;

impl Handle<Wind> for Clock {
    fn handle(&self, _: Wind) -> Result<Events<Self>, Infallible> {
        Ok(Events::none())
    }
}

/// All that a saga can declare.
#[derive(Serialize, Deserialize)]
struct Fulfil {
    order: String,
}

#[saga(
    "fulfil-order",
    version = 2,
    deadline = "90m",
    timeout = "1500ms",
    undo_retry(attempts = 7)
)]
impl Fulfil {
    #[start]
    fn placed(placed: &Envelope<Placed>) -> Option<Start<Self>> {
        let order = placed.stream.id().to_owned();
        Some(Start::new(placed.stream.id(), Self { order }))
    }

    #[cancel]
    fn shipped(shipped: &Envelope<Shipped>) -> Option<String> {
        Some(shipped.stream.id().to_owned())
    }

    #[step(undo = refund, retry(attempts = 3))]
    async fn charge(&self, _: &StepCx) -> Result<u32, Fail> {
        Ok(1)
    }

    #[undo]
    async fn refund(&self, _: Effect<&u32>) -> Result<(), Fail> {
        Ok(())
    }

    #[command(undo = cancel)]
    fn remind(&self, charge: &u32) -> Result<CommandTo<Order, Remind>, Fail> {
        match charge {
            0 => Err(Fail::fatal("nothing was charged")),
            _ => Ok(CommandTo::new(&self.order, Remind)),
        }
    }

    #[undo]
    fn cancel(&self) -> CommandTo<Order, Cancel<String>> {
        CommandTo::new(&self.order, Cancel("undone".to_owned()))
    }

    #[command(pivot)]
    fn whatever(&self) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&self.order, Place)
    }

    #[completed]
    fn ship(&self) -> CommandTo<Order, Ship> {
        CommandTo::new(&self.order, Ship)
    }

    #[compensated]
    fn give_up(&self) -> AggregateCommand {
        AggregateCommand::new::<Order, _>(&self.order, Place)
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("dunning.begun")]
struct Begun {}

#[derive(Aggregate, ProcessManager, Default)]
#[aggregate("dunning", id = String, error = Infallible, events(ignore(Begun)))]
#[process_manager(reacts(Placed, Order::{Shipped}), sends(Order::{Remind}), timers)]
struct Dunning {}

impl ReactTo<Placed> for Dunning {
    fn correlate(placed: &Envelope<Placed>) -> Option<String> {
        Some(placed.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Placed>) -> Reactions<Self> {
        Reactions::none().command::<Order, _>("1", Remind)
    }
}

impl ReactTo<Shipped> for Dunning {
    fn correlate(shipped: &Envelope<Shipped>) -> Option<String> {
        Some(shipped.stream.id().to_owned())
    }

    fn react(&self, _: &Envelope<Shipped>) -> Reactions<Self> {
        Reactions::none().end()
    }
}

impl OnTimer for Dunning {
    fn timer(&self, _: &str) -> Reactions<Self> {
        Reactions::none()
    }
}

fn shop() -> Catalogue {
    Catalogue::new("shop")
        .aggregate::<Order>()
        .aggregate::<Clock>()
        .reader("projection", "order_totals", &EventFilter::of::<Placed>())
        .reader("subscription", "audit", &EventFilter::all())
        .saga::<Fulfil>()
        .process_manager::<Dunning>()
        .command::<Clock, Wind>()
        .diagram("by hand", "flowchart TD\n    start --> ship\n")
}

#[test]
fn the_files_are_those_that_are_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue");
    shop().check(folder).expect("the same");
}

#[test]
fn a_change_is_found_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("catalogue");
    let check = |catalogue: &Catalogue| catalogue.check_in(&folder, LockMode::Check);
    let Err(CatalogueError::Stale { files, .. }) = check(&shop()) else {
        panic!("nothing is there");
    };
    assert_eq!(files.len(), 3 + 5, "{files:?}");
    assert!(!folder.exists(), "a check writes nothing");
    assert_eq!(
        shop().check_in(&folder, LockMode::Update).expect("written"),
        files
    );
    assert_eq!(check(&shop()).expect("the same"), [""; 0]);

    let other = shop().reader("projection", "new", &EventFilter::of::<Ticked>());
    let stale = check(&other).expect_err("a reader was added").to_string();
    assert!(
        stale.contains("README.md, asyncapi.json, catalogue.json"),
        "{stale}"
    );
    assert!(stale.contains("ES_LOCK=update"), "{stale}");

    // A schema that no event has any more, and a file of somebody else.
    fs::write(folder.join("schemas/old.v1.json"), "{}").expect("written");
    fs::write(folder.join("schemas/notes.txt"), "mine").expect("written");
    let Err(CatalogueError::Stale { files, .. }) = check(&shop()) else {
        panic!("an old schema is there");
    };
    assert_eq!(files, ["schemas/old.v1.json"]);
    shop().check_in(&folder, LockMode::Update).expect("removed");
    check(&shop()).expect("the same");
    assert!(folder.join("schemas/notes.txt").exists());
}

/// Every reference of the document leads somewhere.
#[test]
fn references_lead_to_what_is_there() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(&shop().asyncapi()).expect("JSON");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 15, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("of this document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert!(document.pointer("/components/messages/nothing").is_none());
}

/// From a command to its aggregate, its events, their readers, and the commands that these send.
#[test]
fn the_chain_is_whole() {
    let catalogue: Value = serde_json::from_str(&shop().json()).expect("JSON");
    let order = catalogue.pointer("/aggregates/2").expect("the order");
    assert_eq!(order["name"], "order");
    // The last two are known from who sends them.
    assert_eq!(
        order["commands"],
        serde_json::json!(["Place", "Ship", "Cancel", "Remind"])
    );
    let clock = catalogue.pointer("/aggregates/0/commands");
    assert_eq!(clock, Some(&serde_json::json!(["Wind"])));

    let saga = catalogue.pointer("/sagas/0").expect("the saga");
    assert_eq!(saga["deadline_ms"], 90 * 60 * 1_000);
    assert_eq!(saga["starts_on"], serde_json::json!(["order.placed"]));
    let steps = saga["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0]["action"]["kind"], "call");
    assert_eq!(
        (&steps[0]["attempts"], &steps[0]["undo_attempts"]),
        (&3.into(), &7.into())
    );
    assert_eq!(steps[1]["action"]["sends"]["command"], "Remind");
    assert_eq!(steps[1]["undo"]["sends"]["command"], "Cancel");
    assert_eq!(steps[1]["needs"], serde_json::json!(["charge"]));
    // Its method returns any command.
    assert_eq!(
        steps[2]["action"],
        serde_json::json!({ "kind": "command", "sends": null })
    );
    assert_eq!(saga["completed"]["sends"]["aggregate"], "order");
    assert_eq!(saga["compensated"]["sends"], Value::Null);

    let manager = catalogue.pointer("/process_managers/0").expect("it");
    assert_eq!(manager["sends"][0]["command"], "Remind");
    assert_eq!(
        (&manager["timers"], &manager["rejections"]),
        (&true.into(), &false.into())
    );
    let stream = catalogue.pointer("/aggregates/1/stream");
    assert_eq!(stream, Some(&"saga:dunning/{id}".into()));
}

/// Two versions of a saga that run at the same time are two sagas and one reader.
#[test]
fn an_old_version_of_a_saga_stays_until_it_has_finished() {
    #[derive(Serialize, Deserialize)]
    struct Old {}
    impl es_sagas::Saga for Old {
        const NAME: &'static str = "fulfil-order";
        type Deps = ();

        fn definition() -> es_sagas::Definition<Self> {
            let mut saga = es_sagas::Definition::new();
            saga.frozen();
            saga.starts_on::<Ticked>(|_| None);
            saga.step("charge", |_| async { Ok(()) }).no_undo();
            saga
        }
    }
    let catalogue: Value = serde_json::from_str(&shop().saga::<Old>().json()).expect("JSON");
    let versions: Vec<&Value> = catalogue["sagas"]
        .as_array()
        .expect("sagas")
        .iter()
        .collect();
    assert_eq!(versions.len(), 2);
    assert_eq!(
        (&versions[0]["version"], &versions[0]["frozen"]),
        (&1.into(), &true.into())
    );
    let readers = catalogue["readers"].as_array().expect("readers").iter();
    let of_it: Vec<&Value> = readers
        .filter(|reader| reader["name"] == "fulfil-order")
        .collect();
    assert_eq!(of_it.len(), 1);
    assert_eq!(
        of_it[0]["events"],
        serde_json::json!(["order.placed", "order/shipped_x:fast", "tick"])
    );
}

/// Tools refuse references with brackets or spaces, as names of readers may have them.
#[test]
fn keys_have_no_characters_that_tools_refuse() {
    let strange = "totals:[a, b] #1%";
    let catalogue = shop().reader(strange, strange, &EventFilter::all());
    let document: Value = serde_json::from_str(&catalogue.asyncapi()).expect("JSON");
    let is_plain = |key: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        key.chars().all(plain)
    };
    for part in ["channels", "operations"] {
        let part = document[part].as_object().expect("an object");
        assert!(part.len() > 2 && part.keys().all(is_plain), "{part:?}");
    }
    let messages = document["components"]["messages"].as_object();
    assert!(messages.expect("messages").keys().all(is_plain));
    assert!(catalogue.asyncapi().contains(strange), "it is in a text");
}

/// Two applications that grew into one: the names were given twice.
mod twice {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("copy.acquired")]
    pub(super) struct Acquired {
        title: String,
    }

    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("copy.acquired")]
    pub(super) struct Bought {
        cents: u64,
    }

    #[derive(Event, Serialize, Deserialize, Clone)]
    #[event("copy.acquired", version = 2)]
    pub(super) struct Newer {
        title: String,
        #[event(since = 2, default = 0)]
        cents: u64,
    }

    #[derive(Aggregate, Default)]
    #[aggregate("copy", id = String, error = Infallible, events(ignore(Acquired)))]
    pub(super) struct Copy {}

    #[derive(Aggregate, Default)]
    #[aggregate("shelf", id = String, error = Infallible, events(ignore(Acquired)))]
    pub(super) struct Shelf {}

    #[derive(Aggregate, Default)]
    #[aggregate("shop", id = String, error = Infallible, events(ignore(Bought)))]
    pub(super) struct Shop {}

    #[derive(Aggregate, Default)]
    #[aggregate("archive", id = String, error = Infallible, events(ignore(Newer)))]
    pub(super) struct Archive {}

    #[derive(Aggregate, Default)]
    #[aggregate("copy", id = String, error = Infallible, events(ignore(Shipped)))]
    pub(super) struct Paper {}

    #[derive(Aggregate, ProcessManager, Default)]
    #[aggregate("fulfil-order", id = String, error = Infallible, events(ignore(Begun)))]
    #[process_manager(reacts(Placed))]
    pub(super) struct Manager {}

    impl ReactTo<Placed> for Manager {
        fn correlate(_: &Envelope<Placed>) -> Option<String> {
            None
        }

        fn react(&self, _: &Envelope<Placed>) -> Reactions<Self> {
            Reactions::none()
        }
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Other {}

    impl es_sagas::Saga for Other {
        const NAME: &'static str = "fulfil-order";
        const VERSION: u32 = 2;
        type Deps = ();

        fn definition() -> es_sagas::Definition<Self> {
            let mut saga = es_sagas::Definition::new();
            saga.starts_on::<Ticked>(|_| None);
            saga.step("charge", |_| async { Ok(()) }).no_undo();
            saga
        }
    }
}

/// The names that a check finds twice.
fn twice(catalogue: &Catalogue) -> Vec<String> {
    // Nothing is written there, nor looked for.
    let folder = Path::new("/nowhere/at/all");
    let found =
        [LockMode::Check, LockMode::Update].map(|mode| match catalogue.check_in(folder, mode) {
            Err(CatalogueError::NamedTwice { names }) => names,
            other => vec![format!("{other:?}")],
        });
    let [checked, updated] = found;
    assert_eq!(checked, updated);
    checked
}

#[test]
fn an_event_name_with_two_shapes_is_found() {
    let catalogue = Catalogue::new("d");
    let shared = catalogue
        .aggregate::<twice::Copy>()
        .aggregate::<twice::Shelf>();
    let folder = tempfile::tempdir().expect("a folder");
    shared
        .check_in(folder.path(), LockMode::Update)
        .expect("one type in two aggregates");

    let help = "help: whoever reads `copy.acquired` gets the events of both.";
    let path = "catalogue::twice";
    assert_eq!(
        twice(&shared.clone().aggregate::<twice::Shop>()),
        [format!(
            "`copy.acquired` version 1 has two shapes\n    in `copy` ({path}::Copy): {{title:str}}\n    \
             in `shop` ({path}::Shop): {{cents:u64}}\n  {help} Give the newer event a name of its own, or use one event \
             type in both"
        )]
    );
    assert_eq!(
        twice(
            &Catalogue::new("d")
                .aggregate::<twice::Copy>()
                .aggregate::<twice::Archive>()
        ),
        [format!(
            "`copy.acquired` version 2 is known to one of two aggregates\n    in `archive` ({path}::Archive): versions 1 \
             to 2\n    in `copy` ({path}::Copy): version 1\n  {help} Use one event type in both, or give the newer event \
             a name of its own"
        )]
    );
}

#[test]
fn a_name_of_two_aggregates_is_found() {
    let both = Catalogue::new("d")
        .aggregate::<twice::Copy>()
        .aggregate::<twice::Paper>();
    assert_eq!(
        twice(&both),
        [
            "`copy` is the name of two aggregates: catalogue::twice::Copy and catalogue::twice::Paper\n  \
          help: give the newer one another name: streams are found by it"
        ]
    );
    // The same one twice is one.
    let catalogue = shop().aggregate::<Order>().process_manager::<Dunning>();
    assert_eq!(catalogue.page(), shop().page());
    let folder = tempfile::tempdir().expect("a folder");
    catalogue
        .check_in(folder.path(), LockMode::Update)
        .expect("once");
}

#[test]
fn names_of_sagas_and_process_managers_are_their_own() {
    let help = "\n  help: give the newer one another name";
    assert_eq!(
        twice(&shop().process_manager::<twice::Manager>()),
        [format!(
            "`fulfil-order` is the name of a saga and a process manager: catalogue::Fulfil and \
             catalogue::twice::Manager{help}: streams are found by it"
        )]
    );
    assert_eq!(
        twice(&shop().saga::<twice::Other>()),
        [format!(
            "`fulfil-order` is the name of two sagas of one version: catalogue::Fulfil and \
             catalogue::twice::Other{help}, or a version of its own where it follows the other one"
        )]
    );
}

#[test]
fn a_name_of_two_readers_is_found() {
    struct Totals;
    struct Sums;
    impl es_projections::Projection for Totals {
        const NAME: &'static str = "totals";
        const VERSION: u32 = 1;

        fn filter() -> EventFilter {
            EventFilter::of::<Ticked>()
        }
    }
    impl es_projections::Projection for Sums {
        const NAME: &'static str = "totals";
        const VERSION: u32 = 1;

        fn filter() -> EventFilter {
            EventFilter::of::<Ticked>()
        }
    }
    let totals = shop().projection::<Totals>();
    let names = twice(&totals.clone().projection::<Sums>());
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(
        names[0].starts_with("`totals` is the name of two projections: "),
        "{names:?}"
    );
    let names = twice(&totals.reader("projection", "totals", &EventFilter::all()));
    assert_eq!(
        names,
        [
            "`totals` is the name of two readers of the kind `projection`, with other events\n  \
          help: give the newer one another name"
        ]
    );
}
