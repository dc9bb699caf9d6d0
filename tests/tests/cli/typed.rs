//! The program of an application: `show` upcasts and folds, and `verify` compares what follows from the events.

use crate::place::{Place, Ran, block_on, on_both};
use es_cli::App;
use es_runtime::{
    Aggregate, AnyStore, Append, Apply, Event, EventStore, Events, ExpectedVersion, Handle,
    NewEvent, Repository, StreamId, Tag, UniqueChange,
};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Tag)]
#[tag("depot")]
struct Depot(String);

impl From<String> for Depot {
    fn from(depot: String) -> Self {
        Self(depot)
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("parcel.packed", version = 3)]
#[event(removed(fragile: bool, in = 2))]
struct Packed {
    #[unique("parcel.label")]
    label: String,
    #[tag(as = Depot)]
    depot: String,
    #[event(since = 2, default = "DE")]
    country: String,
    #[event(was(name = "weight", before = 3))]
    grams: i64,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("parcel.relabelled")]
struct Relabelled {
    #[unique("parcel.label")]
    label: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("parcel.moved")]
struct Moved {
    #[tag(as = Depot)]
    depot: String,
}

mod legacy {
    use es_runtime::Event;
    use serde::{Deserialize, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event("parcel.moved_twice")]
    pub(super) struct MovedTwice {
        pub(super) first: String,
        pub(super) second: String,
    }
}

#[derive(Aggregate, Default, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate("parcel", id = String, error = Infallible, snapshot(every = 2))]
#[aggregate(events(Packed, Relabelled, Moved))]
#[aggregate(drop("parcel.blinked"), split(legacy::MovedTwice, with = twice))]
struct Parcel {
    label: String,
    country: String,
    moves: u32,
}

fn twice(old: legacy::MovedTwice) -> [ParcelEvent; 2] {
    [old.first, old.second].map(|depot| Moved { depot }.into())
}

impl Apply<Packed> for Parcel {
    fn apply(&mut self, packed: &Packed) {
        assert_ne!(packed.label, "cursed", "as asked");
        self.label.clone_from(&packed.label);
        self.country.clone_from(&packed.country);
    }
}

impl Apply<Relabelled> for Parcel {
    fn apply(&mut self, relabelled: &Relabelled) {
        self.label.clone_from(&relabelled.label);
    }
}

impl Apply<Moved> for Parcel {
    fn apply(&mut self, _: &Moved) {
        self.moves += 1;
    }
}

#[derive(Clone)]
struct Do(ParcelEvent);

impl Handle<Do> for Parcel {
    fn handle(&self, Do(event): Do) -> Result<Events<Self>, Infallible> {
        Ok(match event {
            ParcelEvent::Packed(event) => event.into(),
            ParcelEvent::Relabelled(event) => event.into(),
            ParcelEvent::Moved(event) => event.into(),
        })
    }
}

/// Belongs to no aggregate.
#[derive(Event, Serialize, Deserialize, Clone)]
#[event("depot.opened")]
struct Opened {
    #[tag(as = Depot)]
    depot: String,
}

fn app() -> App {
    App::new().aggregate::<Parcel>().events::<Opened>("depot")
}

fn run(place: &Place, args: &[&str]) -> Ran {
    place.app(&app(), args)
}

async fn fill(store: &AnyStore) {
    let append = |id: &str, event: NewEvent| {
        let (store, stream) = (store.clone(), StreamId::new("parcel", id).expect("usable"));
        async move {
            let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
            store.append(append).await.expect("appended");
        }
    };
    let tags = |event: &ParcelEvent| es_runtime::EventSet::tags(event);
    // As earlier releases wrote them.
    let first = NewEvent::json(
        "parcel.packed",
        1,
        r#"{"label":"L1","depot":"north","fragile":true,"weight":250}"#,
    );
    let packed = ParcelEvent::from(Packed {
        label: "L1".to_owned(),
        depot: "north".to_owned(),
        country: String::new(),
        grams: 0,
    });
    let claim = UniqueChange::claim("parcel.label", "L1");
    append("1", first.with_tags(tags(&packed)).with_unique(vec![claim])).await;
    append("1", NewEvent::json("parcel.blinked", 1, "{}")).await;
    let moved = r#"{"first":"south","second":"west"}"#;
    append("1", NewEvent::json("parcel.moved_twice", 1, moved)).await;
    let parcels = Repository::<Parcel>::new(store.clone());
    let relabelled = Relabelled {
        label: "L2".to_owned(),
    };
    for event in [
        relabelled.into(),
        Moved {
            depot: "east".to_owned(),
        }
        .into(),
    ] {
        let done = parcels.execute("1".to_owned(), Do(event)).await;
        done.expect("done");
    }
    for (id, label) in [("2", "L1"), ("3", "L3")] {
        let packed = Packed {
            label: label.to_owned(),
            depot: "north".to_owned(),
            country: "FR".to_owned(),
            grams: 10,
        };
        let done = parcels.execute(id.to_owned(), Do(packed.into())).await;
        done.expect("packed");
    }
    let opened = Opened {
        depot: "north".to_owned(),
    };
    let event = NewEvent::json("depot.opened", 1, r#"{"depot":"north"}"#);
    let event = event.with_tags(Event::tags(&opened));
    let stream = StreamId::new("depot", "north").expect("usable");
    let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
    store.append(append).await.expect("appended");
}

fn sqlite() -> Place {
    filled(Place::Sqlite(es_tests::tiers::folder()))
}

#[cfg(unix)]
fn postgres() -> Place {
    filled(Place::Postgres(es_tests::server::database()))
}

fn filled(place: Place) -> Place {
    block_on(async {
        let (store, _) = place.open().await;
        fill(&store).await;
        store.close().await;
    });
    place
}

// Each time with a store of its own.
on_both!(
    &super::sqlite, &super::postgres;
    a_stream_is_shown_as_it_is_stored_and_as_it_is_read,
    a_store_of_the_application_is_whole,
    damage_is_found_with_its_place,
);

fn a_stream_is_shown_as_it_is_stored_and_as_it_is_read(new: &dyn Fn() -> Place) {
    let place = new();
    let shown = run(&place, &["show", "parcel/1"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for part in [
        "parcel.packed",
        r#"{"label":"L1","depot":"north","fragile":true,"weight":250}"#,
        r#"v1 -> v3, -fragile true, -weight 250, +country "DE", +grams 250"#,
        "read as no event",
        r#"read as parcel.moved v1 {"depot":"south"} and parcel.moved v1 {"depot":"west"}"#,
        "STATE AT VERSION 5",
        "    label: \"L2\",",
        "    moves: 3,",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    // At any version, and for programs.
    let at = run(&place, &["show", "parcel/1", "--at", "1"]);
    assert!(at.out.contains("STATE AT VERSION 1"), "{}", at.out);
    assert!(at.out.contains("moves: 0"), "{}", at.out);
    let rows = run(&place, &["show", "parcel/1", "-o", "ndjson"]);
    let rows: Vec<serde_json::Value> = rows
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0]["read_as"][0]["schema_version"], 3);
    assert_eq!(rows[0]["read_as"][0]["payload"]["country"], "DE");
    assert_eq!(rows[0]["payload"]["weight"], 250);
    assert_eq!(rows[1]["read_as"], serde_json::json!([]));
    assert_eq!(rows[2]["read_as"].as_array().map(Vec::len), Some(2));
    let state = rows[2]["state"].as_str().expect("a text");
    assert!(state.contains("moves: 2"), "{state}");
    assert!(rows[3]["changed_by_upcasting"].is_null());

    // Of a type without an aggregate there is no state, and others are shown as they are stored.
    let opened = run(&place, &["show", "depot/north"]);
    assert!(opened.out.contains("depot.opened"), "{}", opened.out);
    assert!(!opened.out.contains("STATE"), "{}", opened.out);
    let untyped = place.es(&["show", "parcel/1"]);
    assert!(!untyped.out.contains("v1 -> v3"), "{}", untyped.out);
    let missing = run(&place, &["show", "parcel/9"]);
    assert_eq!(missing.code, 3, "{}", missing.err);
}

fn a_store_of_the_application_is_whole(new: &dyn Fn() -> Place) {
    let place = new();
    let ran = run(&place, &["verify"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let line = "types: 8 looked at, no problem";
    assert!(ran.err.contains(line), "{}", ran.err);
    // The control: without the types it cannot be asked for.
    let untyped = place.es(&["verify", "types"]);
    assert_eq!(untyped.code, 2, "{}", untyped.err);
    assert!(untyped.err.contains("es_cli::App"), "{}", untyped.err);
    let ran = place.es(&["verify"]);
    assert!(!ran.err.contains("types"), "{}", ran.err);
    // It says what it left out.
    place.sql(&names(
        &place,
        "INSERT INTO {events} SELECT 9, 'crate', 'x', version, {new_id}, recorded_at, schema_version, event, \
         content_type, metadata, payload FROM {events} WHERE position = 1",
    ));
    let ran = run(&place, &["verify", "types"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let line = "types: the application has none for crate";
    assert!(ran.err.contains(line), "{}", ran.err);
}

/// SQL for the database of a place. `{name}` is a table of the store.
fn names(place: &Place, sql: &str) -> String {
    let is_sqlite = matches!(place, Place::Sqlite(_));
    let mut text = sql.to_owned();
    for table in ["events", "snapshots", "unique_values", "tags", "rules"] {
        let name = match (is_sqlite, table) {
            (true, "events" | "snapshots") => table.to_owned(),
            (true, _) => format!("es_{table}"),
            (false, "tags") => "es.event_tags".to_owned(),
            (false, _) => format!("es.{table}"),
        };
        text = text.replace(&format!("{{{table}}}"), &name);
    }
    if is_sqlite {
        let columns = "INSERT INTO events (position, aggregate, aggregate_id, version, event_id, recorded_at, \
                       schema_version, event, content_type, metadata, payload) SELECT";
        text = text.replace("INSERT INTO events SELECT", columns);
        text.replace("{new_id}", "lower(hex(randomblob(16)))")
            .replace("{as_bytes}", "")
    } else {
        let columns = "INSERT INTO es.events (position, aggregate, aggregate_id, version, event_id, recorded_at, \
                       schema_version, event, content_type, metadata, payload) SELECT";
        text = text.replace("INSERT INTO es.events SELECT", columns);
        let positions = "; UPDATE es.head SET position = (SELECT max(position) FROM es.events)";
        text.replace("{new_id}", "gen_random_uuid()")
            .replace("{as_bytes}", "::bytea")
            + positions
    }
}

/// What damages a store, the place, and the problem.
const DAMAGES: &[(&str, &str, &str)] = &[
    (
        "UPDATE {events} SET payload = '{\"label\":\"L1\"}'{as_bytes} WHERE position = 1",
        "position 1, parcel/1 version 1",
        "the payload of event `parcel.packed` does not fit version 1",
    ),
    (
        "UPDATE {events} SET schema_version = 9 WHERE position = 1",
        "position 1, parcel/1 version 1",
        "stored in version 9, but this program knows it only up to version 3",
    ),
    (
        "UPDATE {events} SET event = 'parcel.unheard' WHERE position = 5",
        "position 5, parcel/1 version 5",
        "the stored event `parcel.unheard` (version 1) is unknown here",
    ),
    (
        "UPDATE {events} SET payload = '{\"label\":\"cursed\",\"depot\":\"north\",\"country\":\"FR\",\"grams\":1}'{as_bytes} \
         WHERE position = 7",
        "position 7, parcel/3 version 1",
        "applying it panicked",
    ),
    (
        "UPDATE {snapshots} SET state = '{\"label\":\"L2\",\"country\":\"DE\",\"moves\":30}'{as_bytes}",
        "snapshot of parcel/1",
        "it is not the state that the events up to version",
    ),
    (
        "UPDATE {snapshots} SET state = '{\"label\":1}'{as_bytes}",
        "snapshot of parcel/1",
        "it is not the state that the events up to version",
    ),
    (
        "UPDATE {unique_values} SET value = 'L4'{as_bytes} WHERE aggregate_id = '3'",
        "rule parcel.label of parcel/3",
        "the store has a value for it that its events do not give it",
    ),
    (
        "DELETE FROM {unique_values} WHERE aggregate_id = '1'",
        "rule parcel.label of parcel/1",
        "the event at position 4 gives it a value, and the store has none",
    ),
    (
        "DELETE FROM {unique_values} WHERE aggregate_id = '2'; UPDATE {unique_values} SET value = 'L1'{as_bytes}, position = 8 \
         WHERE aggregate_id = '1'",
        "rule parcel.label of parcel/2",
        "the event at position 6 gives it a value, and parcel/1 has it",
    ),
    (
        "DELETE FROM {tags} WHERE position = 5",
        "position 5, parcel/1 version 5",
        "its tag of kind depot is not in the index",
    ),
    (
        "UPDATE {tags} SET tag = 'depot:moon' WHERE position = 8",
        "position 8, depot/north version 1",
        "it has a tag of kind depot that the event does not give it",
    ),
    (
        "UPDATE {tags} SET tag = 'depot:moon' WHERE position = 8",
        "position 8, depot/north version 1",
        "its tag of kind depot is not in the index",
    ),
    // One whose event cannot be applied hides none that is missing.
    (
        "UPDATE {events} SET payload = '{\"label\":\"cursed\",\"depot\":\"north\",\"country\":\"FR\",\"grams\":1}'{as_bytes} \
         WHERE position = 7; DELETE FROM {tags} WHERE position = 5",
        "position 5, parcel/1 version 5",
        "its tag of kind depot is not in the index",
    ),
    // One more hides none that is missing.
    (
        "DELETE FROM {tags} WHERE position = 5; INSERT INTO {tags} SELECT 'depot:moon', position, event FROM {tags} WHERE \
         position = 1",
        "position 5, parcel/1 version 5",
        "its tag of kind depot is not in the index",
    ),
];

fn damage_is_found_with_its_place(new: &dyn Fn() -> Place) {
    for (sql, place_of, problem) in DAMAGES {
        let place = new();
        let unlocked = place.of(
            "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted;",
            "ALTER TABLE es.events DISABLE TRIGGER ALL;",
        );
        place.sql(&format!("{unlocked}{}", names(&place, sql)));
        let ran = run(&place, &["verify", "types", "-o", "ndjson"]);
        assert_eq!(ran.code, 1, "{sql}: {} {}", ran.out, ran.err);
        let is_found = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| row[key].as_str().expect("a text").to_owned();
            text("check") == "types"
                && text("place") == *place_of
                && text("problem").contains(problem)
        };
        assert!(ran.out.lines().any(is_found), "{sql}: {}", ran.out);
        // No value, tag or payload is quoted.
        for secret in ["L1", "L2", "L3", "L4", "moon", "cursed"] {
            assert!(!ran.out.contains(secret), "{secret}: {}", ran.out);
        }
    }
}

/// Counts what comes after its first event, and expects that one.
#[derive(Aggregate, Default, Debug)]
#[aggregate("crate", id = String, error = Infallible, events(Packed, Moved, ignore(Relabelled)))]
struct Crate {
    is_packed: bool,
}

impl Apply<Packed> for Crate {
    fn apply(&mut self, _: &Packed) {
        self.is_packed = true;
    }
}

impl Apply<Moved> for Crate {
    fn apply(&mut self, _: &Moved) {
        assert!(self.is_packed, "packed before");
    }
}

#[derive(Clone)]
struct PackAndMove;

impl Handle<PackAndMove> for Crate {
    fn handle(&self, PackAndMove: PackAndMove) -> Result<Events<Self>, Infallible> {
        let depot = || "north".to_owned();
        let packed = Packed {
            label: "L1".to_owned(),
            depot: depot(),
            country: "DE".to_owned(),
            grams: 1,
        };
        let moved = Moved { depot: depot() };
        Ok(es_runtime::events![packed, moved])
    }
}

/// Tags are those of an event, whatever its state needs before it.
#[test]
fn a_tag_of_an_event_that_needs_earlier_ones_is_looked_at() {
    let place = Place::Sqlite(es_tests::tiers::folder());
    block_on(async {
        let (store, _) = place.open().await;
        let crates = Repository::<Crate>::new(store.clone());
        let done = crates.execute("1".to_owned(), PackAndMove).await;
        done.expect("packed");
        store.close().await;
    });
    let app = App::new().aggregate::<Crate>();
    let verify = || place.app(&app, &["verify", "types"]);
    let whole = verify();
    assert_eq!(whole.code, 0, "{} {}", whole.out, whole.err);
    place.sql("UPDATE es_tags SET tag = 'depot:moon' WHERE position = 2");
    let damaged = verify();
    assert_eq!(damaged.code, 1, "{} {}", damaged.out, damaged.err);
    for problem in [
        "it has a tag of kind depot that the event does not give it",
        "its tag of kind depot is not in the index",
    ] {
        assert!(damaged.out.contains(problem), "{}", damaged.out);
    }
}

/// A rule that is being turned on, or was never on, says nothing.
#[test]
fn a_rule_that_is_off_is_not_compared() {
    let place = sqlite();
    place.sql("DELETE FROM es_rules WHERE rule = 'parcel.label'; DELETE FROM es_unique_values");
    let ran = run(&place, &["verify", "types"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // On for some of its events only.
    place.sql("INSERT INTO es_rules VALUES ('parcel.label', 'parcel.relabelled')");
    let ran = run(&place, &["verify", "types"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // The control.
    place.sql("INSERT INTO es_rules VALUES ('parcel.label', 'parcel.packed')");
    let ran = run(&place, &["verify", "types"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
}

/// A snapshot of another shape is dropped by loads, and is no damage.
#[test]
fn a_snapshot_of_another_shape_is_no_damage() {
    let place = sqlite();
    place.sql("UPDATE snapshots SET fingerprint = '0000000000000001', state = '{}'");
    let ran = run(&place, &["verify", "types"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
}
