//! Verbs: only where they are allowed, only from the own page, and what they did is said.

use crate::{
    http,
    place::{Place, block_on, on_both},
    running::Running,
    shop::{self, app},
};
use es_cli::App;
use es_explorer::{Operation, Operator, Options, Refusal, Server, ServerError, Writes};
use es_runtime::EventStore;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    sync::mpsc::{self, Sender},
    thread,
};

on_both!(
    &super::Place::copy(), &super::Place::new_postgres();
    verbs_do_what_they_say,
);

pub(crate) fn options(is_fixed: bool) -> Options {
    let options = Options::new().application(app(is_fixed).explorer());
    options.writes(Writes::Allowed).operator("ada")
}

/// What an own page sends with a request.
pub(crate) fn headers(running: &Running) -> String {
    let about = running.json("/api/about", 200);
    let token = about["token"].as_str().unwrap_or("none");
    let address = running.address;
    format!(
        "Host: {address}\r\nOrigin: http://{address}\r\nSec-Fetch-Site: same-origin\r\nX-Es-Explorer-Token: {token}\r\n\
         Content-Type: application/json\r\n"
    )
}

pub(crate) fn post(running: &Running, headers: &str, body: &Value) -> (u16, Value) {
    let target = "/api/operate";
    let answer = http::request(running.address, "POST", target, headers, &body.to_string());
    let body = serde_json::from_str(&answer.body).unwrap_or_else(|_| Value::from(answer.body));
    (answer.status, body)
}

fn parked(running: &Running) -> usize {
    let parked = running.json("/api/parked", 200);
    parked["parked"].as_array().expect("rows").len()
}

fn key(running: &Running) -> String {
    let parked = running.json("/api/parked", 200);
    let key = parked["parked"][0]["key"].as_str();
    key.expect("one is parked").to_owned()
}

#[test]
fn nothing_is_written_without_permission() {
    let place = Place::copy();
    // With an application, but without a word about writes; and without one.
    let typed = Options::new().application(app(true).explorer());
    for running in [
        Running::with(&place, typed),
        Running::with(&place, Options::new().writes(Writes::Allowed)),
        Running::on(&place),
    ] {
        let about = running.json("/api/about", 200);
        assert_eq!(
            (&about["writes"], &about["token"], &about["verbs"]["sagas"]),
            (&json!(false), &Value::Null, &json!(false))
        );
        let retry =
            json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
        let (status, said) = post(&running, &headers(&running), &retry);
        assert_eq!(status, 403, "{said}");
        assert!(said["error"].to_string().contains("only reads"), "{said}");
        assert_eq!(parked(&running), 1);
    }
    // The control: with permission it is done.
    let running = Running::with(&place, options(true));
    let retry = json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
    let (status, said) = post(&running, &headers(&running), &retry);
    assert_eq!(
        (status, &said),
        (200, &json!({ "done": [["handled", "1"]], "refused": null }))
    );
    assert_eq!(parked(&running), 0);
}

#[test]
fn only_the_own_page_is_listened_to() {
    let place = Place::copy();
    let running = Running::with(&place, options(true));
    let retry = json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
    let own = headers(&running);
    let address = running.address;
    let port = address.port();
    let same = "Sec-Fetch-Site: same-origin\r\n";
    let origin = format!("Origin: http://{address}\r\n");
    let without = |parts: &[&str]| {
        parts
            .iter()
            .fold(own.clone(), |headers, part| headers.replace(part, ""))
    };
    let token = own.lines().find(|line| line.starts_with("X-Es"));
    let token = token.expect("a token");
    for (headers, what) in [
        (
            own.replace(same, "Sec-Fetch-Site: cross-site\r\n"),
            "another site",
        ),
        // Another port of this machine is the same site.
        (
            own.replace(same, "Sec-Fetch-Site: same-site\r\n"),
            "the same site",
        ),
        (own.replace(same, "Sec-Fetch-Site: none\r\n"), "a user"),
        (
            own.clone() + "Sec-Fetch-Site: cross-site\r\n",
            "two of them",
        ),
        (without(&[same, &origin]), "no origin"),
        (
            without(&[same]).replace(&origin, "Origin: http://evil.example\r\n"),
            "the origin of another site",
        ),
        (
            without(&[same]).replace(&origin, "Origin: null\r\n"),
            "an origin that is none",
        ),
        (
            without(&[same]).replace(
                &origin,
                &format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1),
            ),
            "the origin of another port",
        ),
        (without(&[&format!("{token}\r\n")]), "no token"),
        (
            own.replace(token, "X-Es-Explorer-Token: "),
            "an empty token",
        ),
        (
            own.replace(token, &format!("X-Es-Explorer-Token: {}", "0".repeat(64))),
            "another token",
        ),
    ] {
        let (status, said) = post(&running, &headers, &retry);
        assert_eq!(status, 403, "{what}: {said}");
        assert!(
            said["error"].to_string().contains("nothing was done"),
            "{said}"
        );
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = http::request(address, method, "/api/operate", &own, &retry.to_string());
        assert_eq!(answer.status, 405, "{method}");
    }
    let evil = own.replace(&format!("Host: {address}"), "Host: evil.example");
    assert_eq!(post(&running, &evil, &retry).0, 421);
    // No answer lets another page read the token.
    let from = format!("Host: {address}\r\nOrigin: http://evil.example\r\n");
    let about = http::request(address, "GET", "/api/about", &from, "");
    assert!(
        !about.head.to_lowercase().contains("access-control"),
        "{}",
        about.head
    );
    assert_eq!(parked(&running), 1);
    // The control: an older browser sends only the origin.
    let (status, said) = post(&running, &without(&[same]), &retry);
    assert_eq!(status, 200, "{said}");
    assert_eq!(parked(&running), 0);
}

#[test]
fn what_means_nothing_is_not_done() {
    let place = Place::copy();
    let running = Running::with(&place, options(false));
    let own = headers(&running);
    let fulfil =
        |verb: &str| json!({ "verb": verb, "saga": "fulfil-order", "id": "4712", "why": "a test" });
    let with = |mut body: Value, name: &str, value: &str| {
        body[name] = value.into();
        body
    };
    for (body, status, wanted) in [
        (json!([]), 400, "an object of texts"),
        (json!({ "verb": 1 }), 400, "an object of texts"),
        (json!({}), 400, "no `verb`"),
        (json!({ "verb": "drop" }), 400, "`drop` is no verb"),
        (
            json!({ "verb": "retry-parked", "reader": "order_totals" }),
            400,
            "no `key`",
        ),
        (with(fulfil("retry"), "why", "  "), 400, "say why"),
        (
            json!({ "verb": "discard-parked", "reader": "order_totals", "key": "x" }),
            400,
            "say why",
        ),
        (
            json!({ "verb": "retry-parked", "reader": "order_totals", "key": "x" }),
            404,
            "no parked event",
        ),
        (
            json!({ "verb": "retry-parked", "reader": "nobody", "key": "x" }),
            404,
            "nobody",
        ),
        (
            json!({ "verb": "rebuild", "projection": "nobody" }),
            404,
            "nobody",
        ),
        (fulfil("unwind"), 409, "only goes forward"),
        (
            with(fulfil("skip"), "step", "charge"),
            409,
            "not its current step",
        ),
        (
            with(with(fulfil("complete"), "step", "ship"), "output", "{"),
            400,
            "no JSON",
        ),
        (
            with(with(fulfil("complete"), "step", "ship"), "output", "5"),
            409,
            "output type",
        ),
        (with(fulfil("abandon"), "id", "nobody"), 409, "no such saga"),
        (
            with(fulfil("retry"), "saga", "nobody"),
            404,
            "not registered",
        ),
        (
            json!({ "verb": "retry-input", "saga": "fulfil-order", "position": "3", "why": "x" }),
            409,
            "no event is parked",
        ),
        (
            json!({ "verb": "skip-input", "saga": "fulfil-order", "position": "x", "why": "x" }),
            400,
            "no position",
        ),
    ] {
        let (got, said) = post(&running, &own, &body);
        assert_eq!(got, status, "{body}: {said}");
        assert!(said["error"].to_string().contains(wanted), "{body}: {said}");
    }
    assert_eq!(parked(&running), 1);
    let row = running.json("/api/instance?name=fulfil-order&id=4712", 200);
    assert_eq!(row["instance"]["status"], "parked");
    // One that fails again says so.
    let retry = json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
    let (status, said) = post(&running, &own, &retry);
    assert_eq!(status, 200, "{said}");
    assert!(
        said["refused"]
            .to_string()
            .contains("13 cents are no price"),
        "{said}"
    );
}

fn verbs_do_what_they_say(place: &Place) {
    let running = Running::with(place, options(true));
    let own = headers(&running);
    let done = |body: Value| {
        let (status, said) = post(&running, &own, &body);
        assert_eq!(
            (status, &said["refused"]),
            (200, &Value::Null),
            "{body}: {said}"
        );
    };
    let status = |name: &str, id: &str| {
        let row = running.json(&format!("/api/instance?name={name}&id={id}"), 200);
        row["instance"]["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    };
    done(json!({
        "verb": "discard-parked", "reader": "order_totals", "key": key(&running), "position": "3", "why": "a test order",
    }));
    let discarded = running.json("/api/parked?discarded=1", 200);
    assert_eq!(discarded["parked"][0]["discarded_why"], "a test order");
    // Nobody can be somebody else.
    done(json!({
        "verb": "retry", "saga": "fulfil-order", "id": "4712", "why": "the carrier takes it", "by": "eve",
    }));
    assert_eq!(status("fulfil-order", "4712"), "running");
    let row = running.json("/api/instance?name=fulfil-order&id=4712", 200);
    assert_eq!(
        (
            &row["progress"]["repairs"][0]["by"],
            &row["progress"]["repairs"][0]["reason"]
        ),
        (&json!("ada"), &json!("the carrier takes it"))
    );
    assert_eq!(row["progress"]["steps"][1]["call"]["state"], "calling");
    done(
        json!({ "verb": "complete", "saga": "fulfil-order", "id": "4712", "step": "ship", "output": "\"by hand\"", "why": "x" }),
    );
    assert_eq!(status("fulfil-order", "4712"), "done");
    done(json!({ "verb": "take-over", "saga": "welcome", "id": "ada", "why": "x" }));
    done(json!({ "verb": "abandon", "saga": "welcome", "id": "ada", "why": "x" }));
    assert_eq!(status("welcome", "ada"), "done");
    done(json!({ "verb": "rebuild", "projection": "order_totals" }));
    done(json!({ "verb": "retry-sagas", "saga": "fulfil-order", "why": "x" }));
    done(json!({ "verb": "rebuild-rows" }));
}

/// The library gives up the first event of a key. Somebody who looks at a later one does not mean that.
#[test]
fn only_what_is_looked_at_is_given_up() {
    let place = Place::copy();
    block_on(async {
        let (store, read) = place.open().await;
        shop::place(&store, "4712", 900, "web-9").await;
        shop::catch_up(&store, read).await;
        store.close().await;
    });
    let running = Running::with(&place, options(true));
    let rows = running.json("/api/parked", 200);
    let positions = [0, 1].map(|at| rows["parked"][at]["position"].to_string());
    assert_eq!(rows["parked"][0]["key"], rows["parked"][1]["key"]);
    let waiting = format!("/api/waiting?reader=order_totals&key={}", key(&running));
    assert_eq!(running.json(&waiting, 200)["waiting"], 2);
    let sagas = running.json("/api/waiting?saga=fulfil-order", 200);
    assert_eq!(sagas["waiting"], 1);
    let discard = |position: &str| {
        let discard = json!({
            "verb": "discard-parked", "reader": "order_totals", "key": key(&running), "position": position, "why": "x",
        });
        post(&running, &headers(&running), &discard)
    };
    let (status, said) = discard(&positions[1]);
    assert_eq!(status, 409, "{said}");
    assert!(
        said["error"].to_string().contains("nothing was done"),
        "{said}"
    );
    assert_eq!(parked(&running), 2);
    // What was looked at is looked for again when it is done: others may have been faster since.
    let late = Operation::DiscardParked {
        reader: "order_totals".to_owned(),
        key: key(&running),
        position: Some(positions[1].clone()),
        why: "x".to_owned(),
    };
    let store = es_explorer::Place::new(&place.address()).expect("a store");
    for application in [app(true), App::new()] {
        let done = application.explorer().operate(&store, &late);
        assert!(matches!(done, Err(Refusal::NotNow(_))), "{done:?}");
        assert_eq!(parked(&running), 2);
    }
    assert_eq!(discard(&positions[0]).0, 200);
    // Now it is the first.
    assert_eq!(discard(&positions[1]).0, 200);
    assert_eq!(parked(&running), 0);
}

#[test]
fn whoever_writes_listens_on_this_machine_alone() {
    let place = Place::copy();
    let store = es_explorer::Place::new(&place.address()).expect("a store");
    let hosts = ["events.example".to_owned()];
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let address = address.parse().expect("an address");
        let refused = Server::bind_with(&store, address, &hosts, options(true));
        assert!(
            matches!(refused, Err(ServerError::PublicWrites(_))),
            "{refused:?}"
        );
    }
    // The control: this one is, and that one does not write.
    let own = "127.0.0.1:0".parse().expect("an address");
    Server::bind_with(&store, own, &hosts, options(true)).expect("listens");
    let all = "0.0.0.0:0".parse().expect("an address");
    Server::bind_with(&store, all, &hosts, Options::new()).expect("it was said");
}

/// An application says who is logged in, and the explorer stores that.
#[test]
fn an_application_says_who_it_is() {
    let place = Place::copy();
    let store = es_explorer::Place::new(&place.address()).expect("a store");
    let application = app(true).explorer();
    let options = Options::new()
        .application(application)
        .writes(Writes::Allowed);
    let router = es_explorer::router_with(&store, options).expect("a router");
    let logged_in = router
        .clone()
        .layer(axum::Extension(Operator("grace".to_owned())));
    let app = axum::Router::new()
        .nest_service("/admin", logged_in)
        .nest_service("/open", router);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listens");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    });
    let about = |path: &str| -> Value {
        let host = "Host: shop.example\r\n";
        let answer = http::request(address, "GET", &format!("{path}/api/about"), host, "");
        serde_json::from_str(&answer.body).expect("JSON")
    };
    let operate = |path: &str, body: &Value| {
        let token = about(path)["token"].as_str().expect("a token").to_owned();
        let headers = format!(
            "Host: shop.example\r\nOrigin: https://shop.example\r\nX-Es-Explorer-Token: {token}\r\n"
        );
        let target = format!("{path}/api/operate");
        let answer = http::request(address, "POST", &target, &headers, &body.to_string());
        (answer.status, answer.body)
    };
    assert_eq!(about("/admin")["operator"], "grace");
    assert_eq!(about("/open")["operator"], Value::Null);
    let mut retry = json!({ "verb": "retry", "saga": "fulfil-order", "id": "4712", "why": "x" });
    let (status, said) = operate("/open", &retry);
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("who you are"), "{said}");
    retry["by"] = "eve".into();
    let (status, said) = operate("/admin", &retry);
    assert_eq!(status, 200, "{said}");
    let events = place.json(&["events", "--name", "saga.repaired"]);
    assert!(events.to_string().contains("grace"), "{events}");
    assert!(!events.to_string().contains("eve\""), "{events}");
}

/// What a program writes, for another thread.
struct Said(Sender<String>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The command of the page for the program of an application, with a store and a port of the test.
#[test]
fn the_program_of_an_application_allows_it() {
    const PAGE: &str = include_str!("../../../docs/explorer.md");
    let command = PAGE.lines().find(|line| line.starts_with("shop-es "));
    let command = command.expect("a command").to_owned();
    let place = Place::copy();
    let command = command.replace("sqlite:shop.db", &place.address());
    let (said, heard) = mpsc::channel();
    // It listens until the process ends.
    thread::spawn(move || {
        let args = command.split(' ').chain(["--listen", "127.0.0.1:0"]);
        let mut errors = Vec::new();
        let code = app(true).run_with(args, &mut Said(said.clone()), &mut errors);
        let errors = String::from_utf8_lossy(&errors).into_owned();
        said.send(format!("ended with {code}: {errors}"))
            .expect("heard");
    });
    let mut line = String::new();
    while !line.contains("interrupted.") {
        line += &heard.recv().expect("a part of a line");
        assert!(!line.contains("ended with"), "{line}");
    }
    assert!(line.contains("may repair"), "{line}");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let address = address.and_then(|address| address.parse().ok());
    let running = Running::elsewhere(address.expect("an address"));
    let about = running.json("/api/about", 200);
    assert_eq!(
        about["verbs"],
        json!({ "basic": true, "projections": true, "sagas": true })
    );
    let retry = json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
    assert_eq!(post(&running, &headers(&running), &retry).0, 200);
    assert_eq!(parked(&running), 0);
    // The other rights: a command that somebody allowed nothing.
    assert!(
        !Running::on(&place).json("/api/about", 200)["writes"]
            .as_bool()
            .expect("a word")
    );
}

/// What needs no function of an application is there without one; the rest says whose it is.
#[test]
fn without_functions_there_is_what_needs_none() {
    let place = Place::copy();
    let options = Options::new().application(App::new().explorer());
    let running = Running::with(&place, options.writes(Writes::Allowed).operator("ada"));
    let about = running.json("/api/about", 200);
    assert_eq!(
        about["verbs"],
        json!({ "basic": true, "projections": false, "sagas": false })
    );
    let own = headers(&running);
    let retry = json!({ "verb": "retry-parked", "reader": "order_totals", "key": key(&running) });
    let (status, said) = post(&running, &own, &retry);
    assert_eq!(status, 400, "{said}");
    assert!(
        said["error"].to_string().contains("App::projections"),
        "{said}"
    );
    let mut discard = retry;
    discard["verb"] = "discard-parked".into();
    discard["why"] = "a test order".into();
    let (status, said) = post(&running, &own, &discard);
    assert_eq!(status, 200, "{said}");
    assert_eq!(parked(&running), 0);
    let repair = |verb: &str, saga: &str, id: &str| {
        let repair = json!({ "verb": verb, "saga": saga, "id": id, "why": "x" });
        post(&running, &own, &repair)
    };
    assert_eq!(repair("retry", "fulfil-order", "4712").0, 400);
    assert_eq!(repair("abandon", "fulfil-order", "nobody").0, 404);
    assert_eq!(repair("abandon", "welcome", "ada").0, 400);
    assert_eq!(repair("abandon", "fulfil-order", "4712").0, 200);
    let row = running.json("/api/instance?name=fulfil-order&id=4712", 200);
    assert_eq!(row["instance"]["status"], "done");
}
