//! The explorer on a store that is on JetStream: the same answers as on a file, but for positions, and its screens in a real
//! Chromium.

use crate::{
    place::{Place, block_on, es},
    running::Running,
    stocked, verbs,
    visit::Visit,
};
use es_explorer::Options;
use es_nats::NatsStore;
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_testkit::nats::{Cluster, SyncInterval};
use serde_json::{Value, json};

/// A stream of this name on the server that tests share.
fn location(stream: &str) -> String {
    let url = Cluster::shared_node().expect("a server").url();
    format!("{url}/{stream}?one-replica&unchecked-syncs")
}

/// The stocked shop, without what JetStream does not take from a file.
fn both(stream: &str) -> (Place, String) {
    both_at(location(stream))
}

fn both_at(there: String) -> (Place, String) {
    let place = stocked::sqlite();
    place.sql(
        "DELETE FROM es_tags; DELETE FROM es_rules WHERE rule LIKE 'tag:%'; DELETE FROM es_tag_walks;",
    );
    let copied = es(&["copy", &place.address(), &there, "-y"]);
    assert_eq!(copied.code, 0, "{}", copied.err);
    (place, there)
}

/// Without what differs between stores: positions, and the time of day.
fn comparable(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(comparable).collect(),
        Value::Object(fields) => {
            let differs = |name: &str| {
                [
                    "position",
                    "before",
                    "after",
                    "next",
                    "head",
                    "of",
                    "looked_to",
                    "left",
                    "now",
                    "store",
                    "store_id",
                    "database",
                    "bytes",
                    "has_read_models",
                    "lag_seconds",
                    "owner",
                    "parked_at",
                ]
                .contains(&name)
            };
            let fields = fields.into_iter().filter(|(name, _)| !differs(name));
            Value::Object(
                fields
                    .map(|(name, value)| (name, comparable(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// One of them is on a file, and the other one on JetStream.
fn they_answer_the_same(here: &Running, there: &Running) {
    for target in [
        "/api/overview",
        "/api/aggregates",
        "/api/streams",
        "/api/streams?order=id",
        "/api/streams?search=71&aggregate=order",
        "/api/stream?aggregate=cart&id=1&last=1",
        "/api/events",
        "/api/events?name=order.placed&where=%24.cents+%3E+100",
        "/api/events?user=bob",
        "/api/sagas",
        "/api/instances?name=fulfil-order",
        "/api/instance?name=fulfil-order&id=4712",
        "/api/trace?correlation=web-2",
    ] {
        let (here, there) = (here.json(target, 200), there.json(target, 200));
        assert_eq!(comparable(there), comparable(here), "{target}");
    }
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn it_answers_as_on_a_file() {
    let (place, there) = both("EXPLORED");
    let here = Running::on(&place);
    let running = Running::at(&there, Options::new());
    they_answer_the_same(&here, &running);
    // Positions are those of the store, and lead from one event to the next and back, and from page to page.
    let page = running.json("/api/events", 200);
    let position = |event: &Value| event["position"].as_str().expect("a text").to_owned();
    let newest = position(&page["events"][0]);
    assert!(newest.contains('.'), "{newest}");
    let event = running.json(&format!("/api/event?position={newest}"), 200);
    assert_eq!(event["after"], Value::Null);
    assert_eq!(event["before"], page["events"][1]["position"]);
    let before = event["before"].as_str().expect("a text");
    let event = running.json(&format!("/api/event?position={before}"), 200);
    assert_eq!(event["after"], newest.as_str());
    let next = |page: &Value| {
        let field = |name: &str| page["next"][name].as_str().expect("a text").to_owned();
        format!(
            "before={}&low={}&end={}",
            field("before"),
            field("low"),
            field("end")
        )
    };
    let following = running.json(&format!("/api/events?{}", next(&page)), 200);
    let of_file = here.json("/api/events", 200);
    let of_file = here.json(
        &format!("/api/events?before={}", of_file["next"]["before"]),
        200,
    );
    assert_eq!(
        comparable(following["events"].clone()),
        comparable(of_file["events"].clone())
    );
    running.json("/api/event?position=99999.1", 404);
    // A cursor is behind by as many events as on the file.
    let behind = |running: &Running| {
        let readers = running.json("/api/readers", 200);
        let readers = readers["readers"].as_array().expect("rows").iter();
        let sagas = readers.filter(|reader| reader["version"].is_null());
        sagas
            .map(|reader| format!("{} {}", reader["name"], reader["lag_events"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(behind(&running), behind(&here));
    assert_eq!(running.json("/api/overview", 200)["database"], "JetStream");
}

#[test]
#[cfg_attr(
    not(all(nats, chromium, chromedriver)),
    ignore = "needs nats-server and Chromium: run .ci/nats-server, install the packages chromium and chromium-driver"
)]
fn its_screens_are_clicked_through() {
    let (place, there) = both("CLICKED");
    let visit = Visit::at(&place, Running::at(&there, Options::new()));
    visit.is_titled("Overview");
    assert!(visit.text().contains("JetStream"), "{}", visit.text());
    visit.screen("streams");
    visit.is_titled("Streams");
    assert_eq!(visit.count("tbody tr"), 13);
    visit.follow(&["stream", "cart", "1"]);
    visit.is_titled("cart/1");
    visit.screen("events");
    visit.is_titled("Events");
    let first = visit
        .browser
        .run("return document.querySelector('tbody a').textContent.replace('#', '')");
    let first = first.as_str().expect("text").to_owned();
    assert!(first.contains('.'), "{first}");
    visit.follow(&["event", &first]);
    visit.is_there(&format!(
        "document.querySelector('main').innerText.includes('position {first}')"
    ));
    visit.browser.click("nav.pages a");
    visit.is_there(&format!(
        "!document.querySelector('main').innerText.includes('position {first}')"
    ));
    visit.open("/trace/web-2");
    visit.is_there("document.querySelector('main svg') !== null");
    visit.screen("readers");
    visit.is_titled("Readers");
    visit.is_there("document.querySelector('figure.plot') !== null");
    visit.screen("catalogue");
    visit.is_titled("Catalogue");
    visit.is_quiet();
}

/// The read models of a store on JetStream are in PostgreSQL.
#[test]
#[cfg_attr(
    not(all(postgres, nats)),
    ignore = "needs PostgreSQL and nats-server: run .ci/nats-server"
)]
fn read_models_are_in_another_database() {
    let here = stocked::sqlite();
    let read = Place::Postgres(es_tests::server::database());
    let there = stocked::stock(Place::Nats(location("READ"), Box::new(read)));
    let (on_file, running) = (Running::on(&here), Running::on(&there));
    for target in ["/api/readers", "/api/parked"] {
        let (here, there) = (on_file.json(target, 200), running.json(target, 200));
        assert_eq!(there["has_read_models"], true, "{target}");
        assert_eq!(comparable(there), comparable(here), "{target}");
    }
    let parked = running.json("/api/parked", 200);
    let position = parked["parked"][0]["position"].as_str().expect("a text");
    assert!(position.contains('.'), "{position}");
    // The event that is named is given up, and no other one.
    let running = Running::with(&there, verbs::options(false));
    let discard = |position: &str| {
        let body = json!({
            "verb": "discard-parked", "reader": "order_totals", "key": parked["parked"][0]["key"], "position": position,
            "why": "a test order",
        });
        verbs::post(&running, &verbs::headers(&running), &body)
    };
    let (status, said) = discard("1.1");
    assert_eq!(status, 409, "{said}");
    let (status, said) = discard(position);
    assert_eq!(status, 200, "{said}");
    let left = running.json("/api/parked", 200);
    assert_eq!(left["parked"], json!([]));
}

/// With all servers, without any one of them, and again after none of them was there: without a new start, and without all of the stream
/// being read again.
#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn it_goes_on_on_three_servers() {
    let options = Cluster::options().sync(SyncInterval::Unset);
    let cluster = options.folder_in(es_tests::tiers::parent()).start();
    let cluster = cluster.expect("a cluster");
    let (place, there) = both_at(format!("{}/THREE?unchecked-syncs", cluster.url()));
    let here = Running::on(&place);
    let running = Running::at(&there, Options::new());
    they_answer_the_same(&here, &running);
    for node in 0..cluster.nodes() {
        cluster.kill(node).expect("killed");
        they_answer_the_same(&here, &running);
        cluster.restart(node).expect("back");
    }
    // Both of its threads have read this.
    const LARGE: usize = 4 << 20;
    block_on(async {
        let store = NatsStore::options().open(&there).await.expect("opens");
        let stream = StreamId::new("large", "1").expect("a stream");
        for _ in 0..8 {
            let event = NewEvent::new("large.added", 1, "text/plain", vec![b'x'; LARGE / 8]);
            let append = Append::new(stream.clone(), ExpectedVersion::Any).with_event(event);
            store.append(append).await.expect("appended");
        }
        // The newest event is looked at often.
        let small = NewEvent::json("large.ended", 1, "{}");
        let small = Append::new(stream, ExpectedVersion::Any).with_event(small);
        store.append(small).await.expect("appended");
        store.close().await;
    });
    let overview = || running.get("/api/overview");
    let both_threads = || {
        std::thread::scope(|scope| {
            let asked = [scope.spawn(overview), scope.spawn(overview)];
            asked.map(|answer| answer.join().expect("answered"))
        })
    };
    for _ in 0..10 {
        for answer in both_threads() {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
    cluster.kill_all().expect("killed");
    for answer in both_threads() {
        assert_eq!(answer.status, 503, "{}", answer.body);
    }
    cluster.restart_all().expect("back");
    let sent = || {
        let said = |node| cluster.monitor(node, "/varz").expect("answers");
        let bytes = |node| said(node)["out_bytes"].as_u64().expect("a number");
        (0..cluster.nodes()).map(bytes).sum::<u64>()
    };
    let before = sent();
    for answer in both_threads() {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let bytes = sent() - before;
    assert!(bytes < 1 << 20, "{bytes} bytes of {LARGE} were read again");
    // Without a majority it is said what to do.
    let leader = cluster.wait_leader("THREE").expect("one");
    cluster
        .kill_many(&[leader, (leader + 1) % 3])
        .expect("killed");
    for answer in both_threads() {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(
            answer.body.contains("start the servers that are down"),
            "{}",
            answer.body
        );
    }
    cluster.restart_all().expect("back");
    assert_eq!(overview().status, 200);
}
