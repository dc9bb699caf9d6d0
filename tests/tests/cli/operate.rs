//! The verbs that repair, of the program of an application, on stores of their own and while the application runs.

use crate::{
    place::{Place, Ran, block_on, on_both},
    shop::{OrderTotals, Registered, app, sagas_of},
};
use es_cli::App;
use es_projections::Projections;
use es_runtime::EventStore;
use es_sagas::{Definition, Saga, Sagas};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Does something while an application of the later release runs on the store.
fn while_it_runs(place: &Place, act: impl FnOnce()) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (store, projections, sagas) = runtime.block_on(async {
        let (store, read) = place.open().await;
        let projections = Projections::new(store.clone(), read);
        let projections = projections.with(OrderTotals { takes_all: true });
        let projections = projections.start().expect("starts");
        let sagas = sagas_of(store.clone(), true);
        let sagas = sagas.start().await.expect("starts");
        (store, projections, sagas)
    });
    act();
    runtime.block_on(async {
        sagas.shutdown().await;
        projections.shutdown().await;
        store.close().await;
    });
}

/// Waits until a command prints these rows.
fn until(place: &Place, args: &[&str], fields: &[&str], wanted: &[&str]) {
    let began = Instant::now();
    loop {
        let rows = place.rows(args, fields);
        if rows == wanted {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{args:?}: {rows:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

// Each with a store of its own.
on_both!(
    &super::Place::copy(), &super::Place::new_postgres();
    parked_events_are_tried_again_while_the_application_runs,
    a_parked_event_is_given_up,
    tables_are_built_anew_while_the_application_runs,
    an_event_that_cannot_be_handled_does_not_stop_a_rebuild,
    a_build_that_is_kept_back_says_why,
    sagas_are_repaired_while_the_application_runs,
    work_items_come_back,
    what_needs_no_types_is_done_without_them,
    what_needs_types_says_so_and_does_nothing,
    a_parked_input_is_skipped_without_types,
);

#[cfg(unix)]
macro_rules! on_jetstream {
    ($name:ident with $read:expr, $condition:meta, $ignored:literal: $($test:ident),* $(,)?) => {
        mod $name {
            $(#[test]
            #[cfg_attr(not($condition), ignore = $ignored)]
            fn $test() {
                let location = crate::jetstream::location(&crate::jetstream::stream());
                super::$test(&crate::place::Place::new_nats(location, $read));
            })*
        }
    };
    ($($test:ident),* $(,)?) => {
        on_jetstream!(
            on_jetstream_and_sqlite with crate::place::Place::Sqlite(es_tests::tiers::folder()),
            nats, "needs nats-server: run .ci/nats-server": $($test),*
        );
        on_jetstream!(
            on_jetstream_and_postgres with crate::place::Place::Postgres(es_tests::server::database()),
            all(postgres, nats), "needs PostgreSQL and nats-server: run .ci/nats-server": $($test),*
        );
    };
}

// The events on JetStream, and the read models in a database of each kind.
#[cfg(unix)]
on_jetstream!(
    parked_events_are_tried_again_while_the_application_runs,
    a_parked_event_is_given_up,
    tables_are_built_anew_while_the_application_runs,
    an_event_that_cannot_be_handled_does_not_stop_a_rebuild,
    sagas_are_repaired_while_the_application_runs,
    what_needs_types_says_so_and_does_nothing,
);

const PARKED: [&str; 2] = ["parked", "list"];

fn parked_events_are_tried_again_while_the_application_runs(place: &Place) {
    let [key] = &place.rows(&PARKED, &["key"])[..] else {
        panic!("one is parked");
    };
    // Nobody is there to answer.
    let before = place.rows(&PARKED, &["attempts"]);
    let ran = place.app(&app(true), &["parked", "retry", "order_totals", key]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("Add -y"), "{}", ran.err);
    assert_eq!(place.rows(&PARKED, &["attempts"]), before);
    // The command without types, one without a projection, and one without what is asked for.
    let untyped = place.es(&["parked", "retry", "order_totals", key, "-y"]);
    assert_eq!(untyped.code, 2, "{}", untyped.err);
    assert!(untyped.err.contains("es_cli::App"), "{}", untyped.err);
    let none = place.app(&App::new(), &["parked", "retry", "order_totals", key, "-y"]);
    assert!(none.err.contains("App::projections"), "{}", none.err);
    for args in [["order_totals", "order/0"], ["nobody", key]] {
        let ran = place.app(&app(true), &["parked", "retry", args[0], args[1], "-y"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
    }
    // It fails again, with the old handler.
    let ran = place.app(
        &app(false),
        &["parked", "retry", "order_totals", "--all", "-y"],
    );
    assert_eq!(ran.code, 6, "{} {}", ran.out, ran.err);
    assert!(ran.err.contains("13 cents are no price"), "{}", ran.err);
    assert_ne!(place.rows(&PARKED, &["attempts"]), before);

    while_it_runs(place, || {
        let ran = place.app(
            &app(true),
            &["parked", "retry", "order_totals", key, "-y", "-o", "json"],
        );
        assert_eq!(
            (ran.code, ran.out.trim()),
            (0, r#"{"handled":1}"#),
            "{}",
            ran.err
        );
    });
    assert!(place.rows(&PARKED, &[]).is_empty());
    let again = place.app(
        &app(true),
        &["parked", "retry", "order_totals", "--all", "-y"],
    );
    assert_eq!(again.code, 3, "{}", again.err);
}

fn a_parked_event_is_given_up(place: &Place) {
    let key = &place.rows(&PARKED, &["key"])[0];
    let args = [
        "parked",
        "discard",
        "order_totals",
        key,
        "--why",
        "a test order",
        "-y",
    ];
    // Somebody looked at another one than the one that is the first by now.
    let other = [&args[..], &["--position", "1"]].concat();
    for ran in [place.app(&app(true), &other), place.es(&other)] {
        assert_eq!(ran.code, 6, "{}", ran.err);
        assert!(ran.err.contains("nothing was done"), "{}", ran.err);
        assert_eq!(place.rows(&PARKED, &[]).len(), 1);
    }
    // The question names it.
    let position = &place.rows(&PARKED, &["position"])[0];
    let asked = place.app(&app(true), &args[..6]);
    assert_eq!(asked.code, 2, "{}", asked.err);
    let named = format!("at position {position},");
    assert!(asked.err.contains(&named), "{}", asked.err);
    let ran = place.app(&app(true), &[&args[..], &["--position", position]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("order/4712"), "{}", ran.out);
    assert!(place.rows(&PARKED, &[]).is_empty());
    let all = place.rows(&["parked", "list", "--discarded"], &["discarded_why"]);
    assert_eq!(all, ["a test order"]);
    assert_eq!(place.app(&app(true), &args).code, 3);
}

fn tables_are_built_anew_while_the_application_runs(place: &Place) {
    let unknown = place.app(&app(true), &["rebuild", "nobody", "-y"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
    let live = |place: &Place| {
        let rows = place.rows(&["readers"], &["reader", "build", "state"]);
        let mut rows = rows.into_iter();
        rows.find(|row| row.starts_with("order_totals"))
            .expect("there is one")
    };
    assert!(
        live(place).starts_with("order_totals 1 "),
        "{}",
        live(place)
    );
    while_it_runs(place, || {
        let ran = place.app(&app(true), &["rebuild", "order_totals", "-y", "-o", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            ran.out.starts_with(r#"{"build":2,"version":1,"#),
            "{}",
            ran.out
        );
        let began = Instant::now();
        while !live(place).starts_with("order_totals 2 ") {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "{}",
                live(place)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    // The rebuild takes what was parked.
    assert!(place.rows(&PARKED, &[]).is_empty());
    // And without a running application.
    let ran = place.app(&app(true), &["rebuild", "order_totals", "--now", "-y"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        live(place).starts_with("order_totals 3 "),
        "{}",
        live(place)
    );
}

/// It is parked again, and the events of the store are what they were.
fn an_event_that_cannot_be_handled_does_not_stop_a_rebuild(place: &Place) {
    let events = ["events", "-o", "ndjson"];
    let (before, parked) = (
        place.es(&events).out,
        place.rows(&PARKED, &["key", "reason"]),
    );
    assert_eq!(parked.len(), 1);
    let ran = place.app(&app(false), &["rebuild", "order_totals", "--now", "-y"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.rows(&PARKED, &["key", "reason"]), parked);
    assert_eq!(place.es(&events).out, before);
    assert_eq!(place.es(&["verify"]).code, 0);
}

/// The live tables have the event, and an older handler cannot take it into the new ones.
fn a_build_that_is_kept_back_says_why(place: &Place) {
    let retry = ["parked", "retry", "order_totals", "--all", "-y"];
    let rebuild = ["rebuild", "order_totals", "--now", "-y"];
    let reason = || place.rows(&["readers", "order_totals"], &["build", "stage", "reason"]);
    assert_eq!(place.app(&app(true), &retry).code, 0);
    let ran = place.app(&app(false), &rebuild);
    assert_eq!(ran.code, 6, "{}", ran.out);
    assert!(ran.err.contains("build 2 is not live"), "{}", ran.err);
    let why = "goes live when no more of its events are parked than of the live one: retry or discard them";
    assert_eq!(
        reason(),
        ["1 live null".to_owned(), format!("2 building {why}")]
    );
    assert_eq!(place.app(&app(true), &retry).code, 0);
    let ran = place.app(&app(true), &rebuild);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(reason(), ["2 live null"]);
}

fn sagas_are_repaired_while_the_application_runs(place: &Place) {
    let list = ["sagas", "list", "fulfil-order", "--status", "parked"];
    let later = app(true);
    let repair = |args: &[&str]| {
        let mut all = vec!["sagas"];
        all.extend(args);
        all.extend(["--why", "a test", "--by", "ada", "-y"]);
        place.app(&later, &all)
    };
    assert_eq!(place.rows(&list, &["id"]), ["4712"]);
    // What is not possible says so, and changes nothing.
    for (args, code, said) in [
        (
            &["unwind", "fulfil-order", "4712"][..],
            6,
            "only goes forward",
        ),
        (
            &["skip", "fulfil-order", "4712", "--step", "charge"],
            6,
            "is not its current step",
        ),
        (
            &[
                "complete",
                "fulfil-order",
                "4712",
                "--step",
                "ship",
                "--value",
                "{",
            ],
            2,
            "no JSON",
        ),
        (
            &[
                "complete",
                "fulfil-order",
                "4712",
                "--step",
                "ship",
                "--value",
                "5",
            ],
            6,
            "output type",
        ),
        (
            &["abandon", "fulfil-order", "nobody"],
            6,
            "there is no such saga",
        ),
        (&["retry", "nobody", "4712"], 3, "not registered"),
        (
            &["retry-event", "fulfil-order", "3"],
            6,
            "no event is parked",
        ),
        (&["skip-event", "fulfil-order", "x"], 2, "no position"),
    ] {
        let ran = repair(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    assert_eq!(place.rows(&list, &["id"]), ["4712"]);
    let unconfirmed = place.app(
        &later,
        &["sagas", "retry", "fulfil-order", "4712", "--why", "x"],
    );
    assert_eq!(unconfirmed.code, 2, "{}", unconfirmed.err);

    while_it_runs(place, || {
        let ran = repair(&["retry", "fulfil-order", "4712", "-o", "json"]);
        assert_eq!(
            (ran.code, ran.out.trim()),
            (0, r#"{"retried":1}"#),
            "{}",
            ran.err
        );
        let done = ["sagas", "list", "fulfil-order", "--status", "done"];
        until(
            place,
            &done,
            &["id", "phase"],
            &["4711 completed", "4712 completed", "4713 completed"],
        );
        // A process manager, too.
        let ran = repair(&["abandon", "welcome", "ada"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        until(place, &["sagas", "list", "welcome"], &["status"], &["done"]);
        let all = repair(&["retry", "fulfil-order", "--all", "-o", "json"]);
        assert_eq!(
            (all.code, all.out.trim()),
            (0, r#"{"retried":0}"#),
            "{}",
            all.err
        );
    });
    let shown = place.es(&["sagas", "show", "fulfil-order", "4712"]);
    assert!(
        shown.out.contains("ada") && shown.out.contains("a test"),
        "{}",
        shown.out
    );
}

fn work_items_come_back(place: &Place) {
    let columns = ["saga", "id", "status", "phase", "due_at"];
    let before = place.rows(&["sagas", "list"], &columns);
    let table = place.of("es_work", "es.work");
    place.sql(&format!("DELETE FROM {table}"));
    assert!(place.rows(&["sagas", "list"], &[]).is_empty());
    let ran = place.app(&app(false), &["sagas", "rebuild-rows", "-y", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains(r#""corrected":0"#), "{}", ran.out);
    assert_eq!(place.rows(&["sagas", "list"], &columns), before);
}

/// What a verb does is what the library says that it did: the store is the application's.
#[test]
fn a_store_that_is_none_is_not_made() {
    let folder = es_tests::tiers::folder();
    let file = folder.path().join("none.db");
    let store = format!("sqlite:{}", file.display());
    let args = ["es", "--store", &store, "sagas", "rebuild-rows", "-y"];
    let ran = Ran::of(|out, err| app(true).run_with(args, out, err));
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(!file.exists());
}

/// What is said of a store, apart from times and keys.
fn said(place: &Place) -> Vec<String> {
    let columns = ["reader", "build", "position", "events", "parked"];
    let mut all = place.rows(&["readers"], &columns);
    let columns = ["key", "position", "attempts", "discarded_why", "reason"];
    all.extend(place.rows(&["parked", "list", "--discarded"], &columns));
    let columns = ["saga", "id", "status", "phase", "epoch", "reason"];
    all.extend(place.rows(&["sagas", "list"], &columns));
    let events = place.json(&["show", "saga:fulfil-order/4712"]);
    for event in events.as_array().expect("events") {
        let mut payload = event["payload"].clone();
        // It depends on the id of the store.
        payload.as_object_mut().map(|payload| payload.remove("key"));
        all.push(format!("{} {payload}", event["event"]));
    }
    all
}

/// The command does what the program of the application does, to each column.
fn what_needs_no_types_is_done_without_them(place: &Place) {
    let other = match place {
        Place::Sqlite(_) => Place::copy(),
        #[cfg(unix)]
        Place::Postgres(_) => Place::new_postgres(),
        #[cfg(not(unix))]
        Place::Postgres(_) => panic!("none here"),
        Place::Nats(..) => panic!("its positions depend on how many requests were made"),
    };
    let before = said(place);
    assert_eq!(said(&other), before, "the shops are the same");
    let key = place.rows(&PARKED, &["key"]).remove(0);
    let why = ["--why", "a test order"];
    let operator = ["--why", "a test", "--by", "ada"];
    for (args, reason) in [
        (&["parked", "discard", "order_totals", &key][..], &why[..]),
        (&["sagas", "take-over", "fulfil-order", "4712"], &operator),
        (&["sagas", "abandon", "fulfil-order", "4712"], &operator),
    ] {
        let unconfirmed = [args, reason].concat();
        let ran = place.es(&unconfirmed);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("Add -y"), "{args:?}: {}", ran.err);
        assert_eq!(said(place), said(&other), "{args:?}: nothing was done");

        let confirmed = [&unconfirmed[..], &["-y"]].concat();
        let ran = place.es(&confirmed);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        let typed = other.app(&app(false), &confirmed);
        assert_eq!(typed.code, 0, "{args:?}: {}", typed.err);
        assert_eq!(ran.out, typed.out, "{args:?}");
        assert_eq!(said(place), said(&other), "{args:?}");
    }
    assert_ne!(said(place), before);
    let again = [
        "parked",
        "discard",
        "order_totals",
        &key,
        "--why",
        "x",
        "-y",
    ];
    assert_eq!(place.es(&again).code, 3);
    // Nothing is damaged, and the application goes on.
    assert_eq!(place.es(&["verify"]).code, 0);
    while_it_runs(place, || {
        until(
            place,
            &["sagas", "list", "fulfil-order", "--status", "running"],
            &[],
            &[],
        );
    });
}

fn what_needs_types_says_so_and_does_nothing(place: &Place) {
    let before = said(place);
    let key = place.rows(&PARKED, &["key"]).remove(0);
    let why = ["--why", "x"];
    for (args, code, what) in [
        (
            &["parked", "retry", "order_totals", &key][..],
            2,
            "handlers",
        ),
        (&["rebuild", "order_totals"], 2, "its version is raised"),
        (&["rebuild", "order_totals", "--now"], 2, "App::projections"),
        (&["sagas", "rebuild-rows"], 2, "App::sagas"),
    ] {
        let ran = place.es(&[args, &["-y"]].concat());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(what), "{args:?}: {}", ran.err);
    }
    for (args, code, what) in [
        (&["retry", "fulfil-order", "4712"][..], 2, "App::sagas"),
        (&["unwind", "fulfil-order", "4712"], 2, "App::sagas"),
        (&["retry-event", "fulfil-order", "2"], 2, "App::sagas"),
        (
            &["skip", "fulfil-order", "4712", "--step", "ship"],
            2,
            "App::sagas",
        ),
        // A process manager has a state of its own type.
        (&["abandon", "welcome", "ada"], 2, "is a process manager"),
        (&["take-over", "welcome", "ada"], 2, "is a process manager"),
        (
            &["abandon", "fulfil-order", "nobody"],
            3,
            "has no instance nobody",
        ),
        (
            &["abandon", "nobody", "4712"],
            3,
            "these have: fulfil-order",
        ),
        (
            &["skip-event", "nobody", "2"],
            3,
            "these have: fulfil-order",
        ),
        // It has ended.
        (
            &["abandon", "fulfil-order", "4711"],
            6,
            "it has ended: completed",
        ),
        (
            &["skip-event", "fulfil-order", "2"],
            2,
            "no event of fulfil-order is parked",
        ),
    ] {
        let all = [&["sagas"], args, &why, &["-y"]].concat();
        let ran = place.es(&all);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(what), "{args:?}: {}", ran.err);
    }
    assert_eq!(said(place), before);
}

/// Cannot say which instance a customer is for.
struct Fussy;

#[derive(Serialize, Deserialize)]
struct Fuss {}

impl Saga for Fuss {
    const NAME: &'static str = "fussy";
    type Deps = Fussy;

    fn definition() -> Definition<Self> {
        let mut saga = Definition::new();
        saga.starts_on::<Registered>(|_| panic!("as asked"));
        saga.step("fuss", |_| async { Ok(()) }).no_undo();
        saga
    }
}

fn a_parked_input_is_skipped_without_types(place: &Place) {
    block_on(async {
        let (store, _) = place.open().await;
        let fussy = Sagas::new(store.clone()).from_the_beginning(true);
        let fussy = fussy.with::<Fuss>(Fussy);
        fussy.run_until_idle().await.expect("idle");
        store.close().await;
    });
    let list = ["sagas", "list", "fussy"];
    assert_eq!(
        place.rows(&list, &["kind", "id", "status"]),
        ["input 1 parked"]
    );
    let skip = [
        "sagas",
        "skip-event",
        "fussy",
        "1",
        "--why",
        "a test",
        "--by",
        "ada",
        "-y",
    ];
    let ran = place.es(&skip);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.rows(&list, &["id", "status"]), ["1 done"]);
    let shown = place.es(&["show", "saga-input:fussy/1"]);
    assert!(shown.out.contains("a test"), "{}", shown.out);
    assert_eq!(place.es(&skip).code, 2);
    assert_eq!(place.es(&["verify"]).code, 0);
}
