//! What the page asks for, on both databases.

use crate::{
    http,
    place::{Place, on_both},
    running::Running,
    stocked::{self, ADDRESS, CORRELATION, MARKUP, TURNED},
};
use serde_json::{Value, json};
use std::fmt::Write;

on_both!(
    &super::stocked::sqlite(), &super::stocked::postgres();
    everything_is_found,
    what_means_nothing_is_said,
);

/// A text in an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(byte.into());
        } else {
            write!(encoded, "%{byte:02X}").expect("written");
        }
    }
    encoded
}

/// The values of a field of each row.
fn all(answer: &Value, rows: &str, field: &str) -> Vec<Value> {
    let rows = answer[rows].as_array().expect("rows").iter();
    rows.map(|row| row[field].clone()).collect()
}

/// All pages of an answer, as `next` leads from one to the other.
fn pages(running: &Running, target: &str) -> Vec<Value> {
    let mut pages = vec![running.json(target, 200)];
    while let Some(next) = pages
        .last()
        .and_then(|page| page["next"].as_object().cloned())
    {
        let mut target = format!("{target}{}", if target.contains('?') { "" } else { "?" });
        for (name, value) in next {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            write!(target, "&{name}={}", encoded(&value)).expect("written");
        }
        pages.push(running.json(&target, 200));
        assert!(pages.len() < 100, "{target} has no end");
    }
    pages
}

fn everything_is_found(place: &Place) {
    let running = Running::on(place);
    let overview = running.json("/api/overview", 200);
    let events = overview["events"].as_i64().expect("a number");
    assert_eq!(events, 18 + 3 + 130 + 1);
    assert_eq!(
        overview["lately"][0],
        json!({ "seconds": 3600, "events": events })
    );
    assert!(overview["bytes"].as_i64() > Some(10_000));
    assert!(all(&overview, "names", "event").contains(&json!("cart.filled")));

    // Streams: the newest change first, and by id. Both orders have all of them.
    let recent = running.json("/api/streams", 200);
    assert_eq!(recent["streams"][0]["id"], "long");
    assert_eq!(recent["streams"][1]["events"], 130);
    let by_id = running.json("/api/streams?order=id", 200);
    let ids = |answer: &Value| {
        let mut ids: Vec<String> = all(answer, "streams", "id")
            .iter()
            .map(Value::to_string)
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&recent), ids(&by_id));
    assert_eq!(ids(&recent).len(), 13);
    let searched = running.json("/api/streams?search=71&aggregate=order", 200);
    assert_eq!(all(&searched, "streams", "id"), ["4713", "4712", "4711"]);
    let searched = running.json("/api/streams?search=%2511&order=id", 200);
    assert_eq!(searched["streams"].as_array().map(Vec::len), Some(2));
    let searched = running.json("/api/streams?until=1h", 200);
    assert_eq!(searched["streams"], json!([]));
    let searched = running.json("/api/streams?since=1h", 200);
    assert_eq!(ids(&searched), ids(&recent));
    let exact = format!(
        "/api/streams?search={}",
        encoded(&format!("or/der/{ADDRESS}"))
    );
    let exact = running.json(&exact, 200);
    assert_eq!(
        exact["exact"],
        json!([{ "aggregate": "or/der", "id": ADDRESS, "events": 1 }])
    );

    // One stream, page by page.
    let page = running.json("/api/stream?aggregate=cart&id=1", 200);
    assert_eq!(
        (&page["last_version"], &page["next"]),
        (&json!(130), &json!(51))
    );
    let page = running.json("/api/stream?aggregate=cart&id=1&last=1", 200);
    assert_eq!(
        (&page["from"], &page["next"], &page["previous"]),
        (&json!(81), &Value::Null, &json!(31))
    );
    assert_eq!(all(&page, "events", "version").last(), Some(&json!(130)));
    for id in [MARKUP, TURNED] {
        let page = running.json(
            &format!("/api/stream?aggregate=order&id={}", encoded(id)),
            200,
        );
        assert_eq!(page["events"][0]["event"], MARKUP);
        let payload = page["events"][0]["payload"].as_str().expect("JSON");
        assert!(payload.contains("12345678901234567890123"), "{payload}");
    }

    // Events, with and without a filter.
    let pages_of_all = pages(&running, "/api/events");
    let positions: Vec<Value> = pages_of_all
        .iter()
        .flat_map(|page| all(page, "events", "position"))
        .collect();
    let wanted: Vec<Value> = (1..=events).rev().map(Value::from).collect();
    assert_eq!(positions, wanted);
    let asked = "/api/events?name=cart.filled&where=$.number%20%3E%20125";
    assert_eq!(
        all(&running.json(asked, 200), "events", "version"),
        [130, 129, 128, 127, 126]
    );
    let asked = format!("/api/events?user={}", encoded(MARKUP));
    assert_eq!(
        all(&running.json(&asked, 200), "events", "aggregate"),
        ["or/der", "order"]
    );
    let long = running.json("/api/events?name=note.long", 200);
    let cut = long["events"][0]["payload"].as_str().expect("JSON");
    assert_eq!(
        cut.len(),
        (16 << 10) - 1,
        "a list has the beginning, up to a whole character"
    );
    let whole = running.json(&format!("/api/event?position={events}"), 200);
    assert_eq!(
        whole["event"]["payload"].as_str().map(str::len),
        Some(40_011)
    );
    let id = whole["event"]["event_id"].as_str().expect("an id");
    assert_eq!(
        running.json(&format!("/api/event?id={id}"), 200)["event"],
        whole["event"]
    );

    // What followed from a request, by its name and by the id of any of its events.
    let trace = running.json("/api/trace?correlation=web-2", 200);
    assert_eq!(
        (&trace["next"], trace["events"].as_array().map(Vec::len)),
        (&Value::Null, Some(7))
    );
    let id = trace["events"][3]["event_id"].as_str().expect("an id");
    let same = running.json(&format!("/api/trace?correlation={id}"), 200);
    assert_eq!(same["events"], trace["events"]);
    let trace = running.json(
        &format!("/api/trace?correlation={}", encoded(CORRELATION)),
        200,
    );
    assert_eq!(all(&trace, "events", "aggregate"), ["order", "or/der"]);
    let began = running.json("/api/event?position=1", 200);
    let began = began["event"]["event_id"].as_str().expect("an id");
    let trace = running.json(&format!("/api/trace?correlation={began}"), 200);
    assert_eq!(
        all(&trace, "events", "event"),
        ["customer.registered", "process.stepped"]
    );

    // Who reads, what is parked, and sagas.
    let readers = running.json("/api/readers", 200);
    assert_eq!(
        all(&readers, "readers", "name"),
        ["order_totals", "fulfil-order", "welcome"]
    );
    assert_eq!(readers["readers"][0]["lag_events"], events - 3);
    assert_eq!(readers["readers"][1]["parked"], 1);
    let parked = running.json("/api/parked", 200);
    assert_eq!(parked["parked"][0]["reason"], "13 cents are no price");
    assert_eq!(
        running.json("/api/parked?reader=none", 200)["parked"],
        json!([])
    );
    let sagas = running.json("/api/sagas", 200);
    assert_eq!(
        sagas["sagas"][0]["parked"],
        json!([{ "phase": "ship", "instances": 1 }])
    );
    assert_eq!(sagas["sagas"][1]["kind"], "process manager");
    let instances = running.json("/api/instances?name=fulfil-order&status=done", 200);
    assert_eq!(all(&instances, "instances", "id"), ["4711"]);
    for status in ["running", "overdue", "inputs"] {
        let target = format!("/api/instances?name=fulfil-order&status={status}");
        assert_eq!(
            running.json(&target, 200)["instances"],
            json!([]),
            "{status}"
        );
    }
    let instance = running.json("/api/instance?name=fulfil-order&id=4712", 200);
    let states = all(&instance["progress"], "steps", "call");
    let states: Vec<&Value> = states.iter().map(|call| &call["state"]).collect();
    assert_eq!(states, ["done", "failed"]);
    let instance = running.json("/api/instance?name=welcome&id=ada", 200);
    assert_eq!(instance["timers"][0]["name"], "greet");
    let input = &instance["inputs"]["last"][0];
    assert_eq!(
        (&input["name"], &input["outcome"], &input["of"]),
        (
            &json!("customer.registered"),
            &json!("reacted"),
            &json!("ada")
        )
    );
    assert_eq!(input["timers"]["greet"], instance["timers"][0]["at"]);
}

fn what_means_nothing_is_said(place: &Place) {
    let running = Running::on(place);
    for (target, status, wanted) in [
        ("/api/stream", 400, "no `aggregate`"),
        ("/api/stream?aggregate=a&id=b", 404, "no stream b"),
        ("/api/event", 400, "which event"),
        ("/api/event?position=many", 400, "not a number"),
        ("/api/event?position=999999", 404, "no such event"),
        (
            "/api/event?position=-9223372036854775808",
            404,
            "no such event",
        ),
        ("/api/events?where=cents", 400, "a condition is"),
        ("/api/events?since=soon", 400, "`soon` is no time"),
        ("/api/streams?order=size", 400, "no order"),
        ("/api/instances", 400, "no `name`"),
        ("/api/instances?name=x&status=lost", 400, "no status"),
        ("/api/instance?name=x&id=y", 404, "no instance"),
    ] {
        let error = running.json(target, status)["error"].to_string();
        assert!(error.contains(wanted), "{target}: {error}");
    }
    // The ends of numbers are no trouble, and neither are quotes.
    for target in [
        "/api/events?before=-9223372036854775808",
        "/api/events?before=9223372036854775807&end=9223372036854775807",
        "/api/streams?before=-9223372036854775808",
        "/api/streams?low=-9223372036854775808&end=9223372036854775807",
        "/api/stream?aggregate=cart&id=1&from=9223372036854775807",
        "/api/trace?correlation=x&after=9223372036854775807",
        "/api/trace?correlation=x&near=-9223372036854775808",
        "/api/events?name='%20OR%201=1--",
        "/api/streams?search='%22%25%25%25&order=id",
        "/api/parked?after_reader='&after_build=1&after_partition=1&after_number=1",
        "/api/instances?name=fulfil-order&status=done&after='",
    ] {
        running.json(target, 200);
    }
}

/// Under any path of an application, whether the address ends with a slash or not.
#[test]
fn an_application_mounts_it() {
    let place = stocked::sqlite();
    let store = es_explorer::Place::new(&place.address()).expect("a store");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A store of PostgreSQL has a runtime of its own, so it must not be opened on a task. The router sees to it.
    let (address, served) = runtime.block_on(async {
        let explorer = es_explorer::router(&store).expect("a router");
        let app = axum::Router::new().nest("/admin/the%20%22events%22", explorer.clone());
        let app = app.nest_service("/events", explorer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listens");
        let address = listener.local_addr().expect("an address");
        let served = tokio::spawn(async move { axum::serve(listener, app).await });
        (address, served)
    });
    let get = |target: &str| http::request(address, "GET", target, "Host: shop.example\r\n", "");
    for (target, base) in [
        ("/events", "./events/"),
        ("/events/", "./"),
        ("/admin/the%20%22events%22", "./the%20%22events%22/"),
    ] {
        let page = get(target);
        assert_eq!(page.status, 200, "{target}: {}", page.body);
        assert!(
            page.body.contains(&format!("src=\"{base}app.js\"")),
            "{target}: {}",
            page.body
        );
        assert!(
            page.head.contains("content-security-policy"),
            "{}",
            page.head
        );
    }
    assert_eq!(get("/events/app.js").status, 200);
    assert_eq!(get("/events/api/overview").status, 200);
    assert_eq!(get("/api/overview").status, 404);
    served.abort();
}

/// The page loads nothing from elsewhere, and builds no markup out of text.
#[test]
fn the_files_name_no_other_place() {
    let place = Place::copy();
    let running = Running::on(&place);
    let page = running.get("/").body;
    let script = |text: &str| -> Vec<String> {
        let imports = text.split(" from './").skip(1);
        imports
            .filter_map(|rest| Some(format!("/{}", rest.split('\'').next()?)))
            .collect()
    };
    let mut waiting = vec!["/app.js".to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(path) = waiting.pop() {
        if seen.contains(&path) {
            continue;
        }
        let file = running.get(&path);
        assert_eq!(file.status, 200, "{path}");
        waiting.extend(script(&file.body));
        let text = file.body.replace("http://www.w3.org/2000/svg", "");
        for forbidden in [
            "http://",
            "https://",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
            "setTimeout('",
        ] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
        seen.push(path);
    }
    assert_eq!(seen.len(), 16, "{seen:?}");
    assert!(!page.contains("http"), "{page}");
    assert!(!page.contains("style="), "{page}");
}

/// A connection that the server ended is opened again, and the page can ask once more.
#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn a_lost_connection_is_opened_again() {
    let place = stocked::postgres();
    let running = Running::on(&place);
    running.json("/api/overview", 200);
    place.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'es'",
    );
    // There are two threads, and each may have had a connection.
    let (mut lost, mut right) = (0, 0);
    while lost == 0 || right < 20 {
        match running.get("/api/overview").status {
            503 => (lost, right) = (lost + 1, 0),
            status => {
                assert_eq!(status, 200);
                right += 1;
            }
        }
        assert!(lost <= 2, "{lost} answers were lost");
    }
}
