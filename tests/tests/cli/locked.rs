//! `es verify --lock` and `es lock`: stored events and files, compared with schema locks.

use crate::place::{Place, es, on_both};
use es_runtime::{Aggregate, Event};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The locks of the shop, in a folder.
fn locks(folder: &Path) -> [String; 2] {
    let files = [
        (
            "customer.lock",
            "customer.registered v1 sealed {email:str}\nnote.taken v1 sealed {text:str}\n",
        ),
        (
            "order.lock",
            "order.placed sealed tag customer\norder.placed v1 sealed {cents:i64,customer:str}\n\
             welcome.greeted v1 open {}\n",
        ),
    ];
    files.map(|(name, text)| {
        let file = folder.join(name);
        std::fs::write(&file, text).expect("written");
        file.display().to_string()
    })
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let file: PathBuf = folder.join(name);
    std::fs::write(&file, text).expect("written");
    file.display().to_string()
}

on_both!(every_event_has_the_shape_that_a_lock_says);

fn every_event_has_the_shape_that_a_lock_says(place: &Place) {
    let folder = es_tests::tiers::folder();
    let [customer, order] = locks(folder.path());
    let both = ["verify", "--lock", &customer, "--lock", &order];
    let ran = place.es(&both);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(
        ran.err.contains("lock: 18 looked at, no problem"),
        "{}",
        ran.err
    );
    let goes_on = "lock: up to position 18; `verify lock --from 18` goes on there";
    assert!(ran.err.contains(goes_on), "{}", ran.err);

    // Only what is later, and only checks that go by position.
    let ran = place.es(&[&both[..], &["--from", "17"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("lock: 1 looked at, no problem"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("events: 1 looked at, no problem"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("streams"), "{}", ran.err);

    // A name without a line, a version without one, and another shape: each with its place.
    let ran = place.es(&["verify", "lock", "--lock", &order, "-o", "ndjson"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    let line = r#""place":"position 1, customer/ada version 1","problem":"no lock has event `customer.registered`""#;
    assert!(ran.out.contains(line), "{}", ran.out);
    assert_eq!(
        ran.out.lines().count(),
        2,
        "the library's own events are not among them: {}",
        ran.out
    );
    for (text, problem) in [
        (
            "order.placed v2 open {}",
            "the lock has event `order.placed`, and not its version 1",
        ),
        (
            "order.placed v1 sealed {cents:str,customer:str}",
            "at `cents`: str is expected, and it is a number",
        ),
        (
            "order.placed v1 sealed {customer:str}",
            "there is a field that the shape does not have",
        ),
        (
            "order.placed v1 sealed {at:date,cents:i64,customer:str}",
            "the field `at` is missing",
        ),
    ] {
        let other = written(folder.path(), "other.lock", text);
        let args = [
            "verify", "lock", "--lock", &other, "--lock", &customer, "-o", "ndjson",
        ];
        let ran = place.es(&args);
        assert_eq!(ran.code, 1, "{text}");
        for position in [2, 3, 18] {
            let line = ran
                .out
                .lines()
                .find(|line| line.contains(&format!("position {position}, order/")));
            assert!(
                line.is_some_and(|line| line.contains(problem)),
                "{problem}: {}",
                ran.out
            );
        }
    }
}

/// A payload that was changed behind the store's back is found without the application.
#[test]
fn damage_is_found_beside_a_lock() {
    let folder = es_tests::tiers::folder();
    let [customer, order] = locks(folder.path());
    for (sql, problem) in [
        (
            "payload = '{\"customer\":\"ada\",\"cents\":\"13\"}'",
            "at `cents`: i64 is expected, and it is a text",
        ),
        (
            "schema_version = 7",
            "the lock has event `order.placed`, and not its version 7",
        ),
        (
            "event = 'order.unheard'",
            "no lock has event `order.unheard`",
        ),
    ] {
        let place = Place::copy();
        place.sql(&format!(
            "DROP TRIGGER events_are_not_changed; UPDATE events SET {sql} WHERE position = 3"
        ));
        let args = [
            "verify", "lock", "--lock", &customer, "--lock", &order, "-o", "ndjson",
        ];
        let ran = place.es(&args);
        assert_eq!(ran.code, 1, "{problem}");
        let expected = format!(
            r#"{{"check":"lock","place":"position 3, order/4712 version 1","problem":"{problem}"}}"#
        );
        assert_eq!(ran.out.trim(), expected);
        let ran = place.es(&[&args[..], &["--from", "3"]].concat());
        assert_eq!(ran.code, 0, "it is before: {}", ran.out);
    }
}

#[test]
fn a_long_check_says_how_far_it_is() {
    let place = Place::copy();
    place.sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) INSERT INTO events SELECT \
         NULL, 'big', '1', n, event, schema_version, recorded_at, 'big' || n, metadata, content_type, payload FROM n, \
         events WHERE position = 2",
    );
    let folder = es_tests::tiers::folder();
    let [customer, order] = locks(folder.path());
    let ran = place.es(&["verify", "lock", "--lock", &customer, "--lock", &order]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.err.starts_with("lock: at position 100000\n"),
        "{}",
        ran.err
    );
    let ran = place.es(&["verify", "lock", "--lock", &order, "--from", "100000"]);
    assert!(ran.err.contains("lock: 18 looked at"), "{}", ran.err);
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let place = Place::sqlite();
    let folder = es_tests::tiers::folder();
    let none = folder.path().join("none.lock").display().to_string();
    let bad = written(
        folder.path(),
        "bad.lock",
        "order.placed v1 sealed {}\nnonsense\n",
    );
    for (args, code, said) in [
        (vec!["verify", "lock"], 2, "needs a lock: --lock FILE"),
        (vec!["verify", "--lock", &none], 2, "none.lock: "),
        (
            vec!["verify", "--lock", &bad],
            2,
            "is no schema lock: line 2: ",
        ),
        (
            vec!["verify", "tags", "--from", "3"],
            2,
            "which `tags` is not",
        ),
        (vec!["verify", "--from=-1"], 2, "--from"),
    ] {
        let ran = place.es(&args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

#[test]
fn locks_are_read_and_compared_without_a_store() {
    let folder = es_tests::tiers::folder();
    let [customer, order] = locks(folder.path());
    let ran = es(&["lock", "check", &customer, &order]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let bad = written(
        folder.path(),
        "bad.lock",
        "order.placed v1 sealed {}\n<<<<<<< ours\norder.placed v1 open {}\n",
    );
    let ran = es(&["lock", "check", &order, &bad, "-o", "ndjson"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        (&lines[0]["line"], &lines[1]["line"]),
        (&2.into(), &3.into())
    );
    assert!(ran.err.contains("2 lines cannot be read"), "{}", ran.err);

    let newer = written(
        folder.path(),
        "newer.lock",
        "order.placed sealed tag customer\norder.placed v1 sealed {cents:i64,customer:str}\n\
         order.placed v2 open {cents:i64,currency:str,customer:str}\nwelcome.greeted v1 sealed {}\n",
    );
    let ran = es(&["lock", "diff", &order, &newer]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("order.placed v2 open"), "{}", ran.out);
    assert!(ran.out.contains("sealed  no"), "{}", ran.out);
    let broken = written(
        folder.path(),
        "broken.lock",
        "order.placed sealed tag customer\norder.placed v1 sealed {cents:u64,customer:str}\nwelcome.greeted v1 open {}\n",
    );
    let ran = es(&["lock", "diff", &order, &broken]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("cents:i64 -> cents:u64"), "{}", ran.out);
    assert!(ran.err.contains("1 sealed line is broken"), "{}", ran.err);
}

#[derive(Event, Serialize, Deserialize)]
#[event("crate.filled")]
struct Filled {
    bottles: u32,
}

#[derive(Aggregate, Default)]
#[aggregate("crate", id = String, error = std::convert::Infallible, events(ignore(Filled)))]
struct Crate {}

/// Samples are recorded with the lines, as the test of the lock does it.
#[test]
fn the_program_of_the_application_seals_its_locks() {
    let folder = es_tests::tiers::folder();
    let file = written(
        folder.path(),
        "crate.lock",
        "crate.filled v1 open {bottles:u16}\n",
    );
    let app = es_cli::App::new().lock::<Crate>(&file);
    let run = |args: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let all = ["es", "lock", "seal"].iter().chain(args);
        let code = app.run_with(all, &mut out, &mut err);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (code, text(out), text(err))
    };
    let lock = || std::fs::read_to_string(&file).expect("the lock");
    let (code, _, err) = run(&[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("Add -y"), "{err}");
    assert!(lock().contains("open"), "nothing was done");
    let (code, _, err) = run(&["schema/nobody.lock", "-y"]);
    assert_eq!(code, 3, "{err}");
    let untyped = es(&["lock", "seal", "-y"]);
    assert_eq!(untyped.code, 2, "{}", untyped.err);
    assert!(
        untyped.err.contains("ES_LOCK=seal cargo test"),
        "{}",
        untyped.err
    );

    let (code, out, err) = run(&["-y"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("sealed: crate.filled v1 sealed {bottles:u32}"),
        "{out}"
    );
    assert!(
        lock().contains("crate.filled v1 sealed {bottles:u32}"),
        "{}",
        lock()
    );
    let samples = folder.path().join("crate.golden/crate.filled.v1.json");
    assert!(samples.exists(), "samples are recorded");
    let (code, _, err) = run(&["-y"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("no line was open"), "{err}");
    // A sealed line that the code does not fit is refused.
    std::fs::write(&file, "crate.filled v1 sealed {bottles:u16}\n").expect("written");
    let (code, _, err) = run(&["-y"]);
    assert_eq!(code, 6, "{err}");
    assert!(err.contains("bottles:u16 -> bottles:u32"), "{err}");
}
