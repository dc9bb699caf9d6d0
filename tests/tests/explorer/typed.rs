//! What the types of an application add: forms, states, definitions of sagas, the catalogue.

use crate::{
    bank,
    place::{Place, on_both},
    running::Running,
};
use es_explorer::Options;
use serde_json::{Value, json};

on_both!(
    &super::bank::sqlite(), &super::bank::postgres();
    forms_and_states_are_shown,
    sagas_stand_where_their_definition_has_them,
);

fn running(place: &Place) -> Running {
    Running::with(place, Options::new().application(bank::app().explorer()))
}

fn forms_and_states_are_shown(place: &Place) {
    let running = running(place);
    let page = running.json("/api/stream?aggregate=account&id=1", 200);
    let events = page["events"].as_array().expect("events");
    let types = &page["types"];
    assert_eq!(
        [&types["has_type"], &types["has_state"], &types["is_far"]],
        [&json!(true), &json!(true), &json!(false)]
    );
    assert!(page["state_before"].to_string().contains("cents: 0"));

    // Upcast, as it is stored, dropped, and split. The stored form stays beside it.
    let opened = &events[0];
    assert_eq!(opened["payload"], r#"{"name":"Ada","note":null}"#);
    assert_eq!(
        opened["read"]["events"],
        json!([{
            "event": "account.opened", "schema_version": 2, "payload_bytes": 44,
            "payload": r#"{"owner":"Ada","currency":"EUR","note":null}"#.to_owned(),
        }]),
    );
    assert_eq!(
        opened["read"]["changes"],
        json!([
            "v1 -> v2",
            r#"-name "Ada""#,
            r#"+currency "EUR""#,
            r#"+owner "Ada""#
        ])
    );
    assert_eq!(events[1]["read"]["changes"], json!([]));
    assert_eq!(events[2]["read"]["events"], json!([]));
    let read = events[3]["read"]["events"].as_array().expect("events");
    let payloads: Vec<&Value> = read.iter().map(|read| &read["payload"]).collect();
    assert_eq!(payloads, [r#"{"cents":20}"#, r#"{"cents":3}"#]);
    let cents = |event: &Value| {
        let state = event["read"]["state"]["text"].as_str().expect("a state");
        let cents = state.split("cents: ").nth(1).expect("cents");
        cents.split(',').next().expect("a number").to_owned()
    };
    let all: Vec<String> = events[..5].iter().map(cents).collect();
    assert_eq!(all, ["0", "100", "100", "123", "124"]);

    // A later page goes on from what comes before it, and so does an event alone.
    let page = running.json("/api/stream?aggregate=account&id=1&from=51", 200);
    assert!(page["state_before"].to_string().contains("cents: 169"));
    assert_eq!(cents(&page["events"][0]), "170");
    assert_eq!(
        cents(
            page["events"]
                .as_array()
                .and_then(|all| all.last())
                .expect("one")
        ),
        "183"
    );
    let position = page["events"][2]["position"].to_string();
    let alone = running.json(&format!("/api/event?position={position}"), 200);
    assert_eq!(cents(&alone["event"]), "172");
    assert!(alone["state_before"].to_string().contains("cents: 171"));

    // A long state is cut, and says so.
    let page = running.json("/api/stream?aggregate=account&id=long", 200);
    let state = &page["events"][0]["read"]["state"];
    assert_eq!(state["is_cut"], true);
    let length = state["text"].as_str().map(str::len);
    assert!(
        (8_000..=8_192).contains(&length.expect("a text")),
        "{length:?}"
    );
    let position = page["events"][0]["position"].to_string();
    let alone = running.json(&format!("/api/event?position={position}"), 200);
    assert_eq!(alone["event"]["read"]["state"]["is_cut"], false);

    // What cannot be read says why, and no later state is made up.
    for (id, wanted, at) in [("broken", "is unknown here", 2), ("cursed", "panicked", 1)] {
        let page = running.json(&format!("/api/stream?aggregate=account&id={id}"), 200);
        let why = page["events"][at - 1]["read"]["error"].to_string();
        assert!(why.contains(wanted), "{why}");
        assert_eq!(page["types"]["unreadable"], at);
        let after = &page["events"][at]["read"];
        assert_eq!(after["state"], Value::Null);
        assert_eq!(after["events"].as_array().map(Vec::len), Some(1));
    }

    // Types without a state, and no types.
    let page = running.json("/api/stream?aggregate=rates&id=1", 200);
    assert_eq!(page["types"]["has_state"], false);
    assert_eq!(page["events"][0]["read"]["state"], Value::Null);
    assert_eq!(page["events"][0]["read"]["changes"], json!([]));
    let page = running.json("/api/stream?aggregate=transfer-order&id=home", 200);
    assert_eq!(page["types"]["has_type"], false);
    assert_eq!(page["events"][0]["read"], Value::Null);
    // The control: without an application nothing is typed.
    let untyped = Running::on(place);
    let page = untyped.json("/api/stream?aggregate=account&id=1", 200);
    assert_eq!(page["types"]["has_application"], false);
    assert_eq!(page["events"][0]["read"], Value::Null);
}

fn steps(found: &Value) -> Vec<String> {
    let steps = found["progress"]["steps"].as_array().expect("steps").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    steps
        .map(|step| {
            let [step, call, undo] = [
                &step["step"],
                &step["call"]["state"],
                &step["undo"]["state"],
            ]
            .map(text);
            format!("{step}: {call}, {undo}")
        })
        .collect()
}

fn sagas_stand_where_their_definition_has_them(place: &Place) {
    let running = running(place);
    let instance = |id: &str| running.json(&format!("/api/instance?name=transfer&id={id}"), 200);
    let home = instance("home");
    assert_eq!(
        steps(&home),
        [
            "debit: done, not begun",
            "credit: done, not begun",
            "tell: done, not begun"
        ]
    );
    assert_eq!(home["progress"]["unwinding"], Value::Null);
    let away = instance("away");
    assert_eq!(
        steps(&away),
        [
            "debit: undone, done",
            "credit: undone, done",
            "tell: failed, not begun"
        ]
    );
    let tell = &away["progress"]["steps"][2];
    assert_eq!(tell["call"]["error"], "away does not answer");
    assert_eq!(
        [&tell["has_undo"], &away["progress"]["steps"][0]["has_undo"]],
        [false, true]
    );
    assert_eq!(away["progress"]["steps"][1]["needs"], json!(["debit"]));
    assert_eq!(away["progress"]["unwinding"]["why"]["cause"], "step");
    let stuck = instance("stuck");
    assert_eq!(
        steps(&stuck),
        [
            "debit: done, not begun",
            "credit: done, failed",
            "tell: failed, not begun"
        ]
    );
    assert_eq!(stuck["instance"]["status"], "parked");
    assert_eq!(
        stuck["progress"]["steps"][1]["undo"]["error"],
        "the money is gone"
    );
    // A step that waits, and when it is called again.
    let later = instance("later");
    let tell = &later["progress"]["steps"][2]["call"];
    assert_eq!(
        (&tell["state"], &tell["attempt"], &tell["error"]),
        (&json!("waiting"), &json!(1), &json!("it is night"))
    );
    assert_eq!(tell["next_at"], later["instance"]["due_at"]);
    // As a worker finds it after another one was killed during a call.
    let at = "2026-12-01T00:00:00.000000Z";
    let killed = format!(r#"{{"step":"tell","to":"do","times":1,"at":"{at}"}}"#);
    bank::add(
        place,
        "saga:transfer",
        "killed",
        "saga.step_interrupted",
        killed,
    );
    let killed = instance("killed");
    let tell = &killed["progress"]["steps"][2]["call"];
    assert_eq!(
        (&tell["state"], &tell["next_at"]),
        (&json!("interrupted"), &json!(at))
    );
    // What an operator did, and what follows from it.
    let operate = |args: &[&str]| {
        let address = place.address();
        let all = ["es", "--store", &address, "sagas"];
        let reason = ["--why", "by hand", "--by", "ada", "-y"];
        let all = all.iter().chain(args).chain(&reason);
        let mut errors = Vec::new();
        let code = bank::app().run_with(all, &mut std::io::sink(), &mut errors);
        assert_eq!(code, 0, "{}", String::from_utf8_lossy(&errors));
    };
    operate(&["skip", "transfer", "stuck", "--step", "credit"]);
    let stuck = instance("stuck");
    assert_eq!(
        steps(&stuck),
        [
            "debit: done, calling",
            "credit: undone, skipped",
            "tell: failed, not begun"
        ]
    );
    assert_eq!(stuck["progress"]["parked"], Value::Null);
    let repair = &stuck["progress"]["repairs"][0];
    assert_eq!(
        (&repair["verb"], &repair["by"], &repair["reason"]),
        (&json!("skip"), &json!("ada"), &json!("by hand"))
    );
    operate(&["skip", "transfer", "later", "--step", "tell"]);
    bank::run(place);
    assert_eq!(steps(&instance("stuck"))[0], "debit: undone, done");
    assert_eq!(steps(&instance("later"))[2], "tell: skipped, not begun");
    assert_eq!(instance("later")["instance"]["phase"], "completed");
    // The control: without the definition there are those that have begun.
    let untyped = Running::on(place);
    let found = untyped.json("/api/instance?name=transfer&id=away", 200);
    assert_eq!(found["progress"]["has_definition"], false);
    assert_eq!(steps(&found).len(), 3);
    assert_eq!(found["progress"]["steps"][0]["has_undo"], Value::Null);
}

/// A stream of which a request does not fold all that comes before.
#[test]
fn a_long_stream_is_read_without_its_states() {
    let place = bank::sqlite();
    place.sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10100)
         INSERT INTO events (position, aggregate, aggregate_id, version, event_id, recorded_at, schema_version, event,
           content_type, metadata, payload)
         SELECT (SELECT max(position) FROM events) + n, 'account', 'far', n, printf('01900000-0000-7000-8000-%012x', n), '2026-11-01T00:00:00.000000Z', 1,
           'account.deposited', 'application/json', '{}', '{\"cents\":1}' FROM n",
    );
    let running = running(&place);
    let page = running.json("/api/stream?aggregate=account&id=far&from=9990", 200);
    assert!(
        page["events"][0]["read"]["state"]
            .to_string()
            .contains("cents: 9990")
    );
    let page = running.json("/api/stream?aggregate=account&id=far&from=10001", 200);
    assert_eq!(page["types"]["is_far"], true);
    let first = &page["events"][0]["read"];
    assert_eq!(first["state"], Value::Null);
    assert_eq!(first["events"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_catalogue_is_what_the_application_says() {
    let place = bank::sqlite();
    let found = running(&place).json("/api/catalogue", 200);
    let account = &found["catalogue"]["aggregates"][0];
    assert_eq!(account["name"], "account");
    let opened = &account["events"][0];
    assert_eq!(opened["name"], "account.opened");
    let fields = |version: usize| {
        let fields = opened["versions"][version]["properties"].as_object();
        let fields = fields.expect("fields").keys();
        fields.cloned().collect::<Vec<_>>()
    };
    assert_eq!(fields(0), ["name", "note"]);
    assert_eq!(fields(1), ["currency", "note", "owner"]);
    let readers = found["catalogue"]["readers"].to_string();
    assert!(readers.contains("notices"), "{readers}");
    let retired = account["retired"].to_string();
    assert!(retired.contains("account.viewed"), "{retired}");
    assert_eq!(found["catalogue"]["sagas"][0]["steps"][2]["name"], "tell");
    assert_eq!(found["sagas"][0]["steps"][2]["name"], "tell");
    // The control: a program without types says that it has none.
    let none = Running::on(&place).json("/api/catalogue", 200);
    assert_eq!(
        none,
        json!({ "catalogue": null, "sagas": [], "has_application": false })
    );
}
