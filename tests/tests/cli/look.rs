//! What the verbs show.

use crate::{
    place::{Place, block_on, on_both},
    shop,
};
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_tables::Store;
use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

on_both!(
    streams_are_listed,
    the_index_of_streams_is_skipped_through,
    a_stream_is_shown_up_to_a_version_or_time,
    events_are_filtered,
    payloads_that_are_not_json_are_shown_as_bytes,
    a_trace_is_a_tree_of_causes,
    counts,
    readers_lag,
    parked_events_have_a_reason,
    sagas_are_shown,
    what_is_not_there_is_said,
    the_newest_events,
    statements_are_printed,
    a_store_that_is_looked_into_cannot_be_written_to,
);

fn a_store_that_is_looked_into_cannot_be_written_to(place: &Place) {
    let place = es_tables::Place::new(&place.address()).expect("a store");
    let nothing = || es_tables::Write {
        sql: "DELETE FROM {snapshots} WHERE FALSE".to_owned(),
        params: vec![],
        rows: vec![vec![]],
        expected: None,
    };
    let mut store = Store::open(&place, None).expect("opens");
    let refused = store.write(vec![nothing()], true).expect_err("for reading");
    assert!(
        refused.to_string().contains("opened for reading"),
        "{refused}"
    );
}

fn streams_are_listed(place: &Place) {
    let fields = ["stream", "events"];
    let orders = ["order/4711 1", "order/4712 1", "order/4713 1"];
    assert_eq!(
        place.rows(&["streams", "--aggregate", "order"], &fields),
        orders
    );
    let all = place.rows(&["streams"], &["stream"]);
    assert_eq!(
        all,
        [
            "customer/ada",
            "note/1/a",
            "order/4711",
            "order/4712",
            "order/4713",
            "saga:fulfil-order/4711",
            "saga:fulfil-order/4712",
            "saga:welcome/ada",
        ]
    );
    for (like, found) in [
        ("471%", 5),
        ("4712", 2),
        ("%3", 1),
        ("47_2%", 2),
        ("a%a", 2),
        ("x%", 0),
        ("47", 0),
    ] {
        let rows = place.rows(&["streams", "--like", like], &["stream"]);
        assert_eq!(rows.len(), found, "{like}: {rows:?}");
    }
    let limited = place.rows(&["streams", "-n", "3"], &["stream"]);
    assert_eq!(limited, all[..3]);
}

/// The statement that `es` prints is what the database is asked about.
fn the_index_of_streams_is_skipped_through(place: &Place) {
    let ran = place.es(&["--sql", "streams"]);
    assert_eq!(ran.code, 0);
    let statements: Vec<&str> = ran.err.split_terminator(";\n").collect();
    assert_eq!(statements.len(), 2, "{statements:?}");
    for statement in statements {
        let explain = place.of("EXPLAIN QUERY PLAN", "SET enable_seqscan = off; EXPLAIN");
        let plan = place.sql(&format!("{explain} {statement}"));
        // `s` is the list of ids that was found so far.
        let scans: Vec<&str> = plan
            .lines()
            .filter(|line| line.contains("SCAN") || line.contains("Seq Scan"))
            .filter(|line| !line.contains("SCAN s") && !line.contains("SCAN CONSTANT ROW"))
            .collect();
        assert!(scans.is_empty(), "{plan}");
        let index = place.of(
            "USING COVERING INDEX sqlite_autoindex_events_2 (aggregate",
            "Index Only Scan using events_stream",
        );
        assert!(plan.contains(index), "{plan}");
        // Each look is at one stream, and not at all events of an aggregate.
        for whole in ["AUTOMATIC", "(aggregate=?)", "Join", "Nested Loop"] {
            assert!(!plan.contains(whole), "{plan}");
        }
    }
    // The control: what every list of streams begins as.
    let naive = "SELECT DISTINCT aggregate, aggregate_id FROM ";
    let explain = place.of("EXPLAIN QUERY PLAN", "EXPLAIN");
    let events = place.of("events", "es.events");
    let plan = place.sql(&format!("{explain} {naive} {events}"));
    assert!(plan.contains("SCAN") || plan.contains("Seq Scan"), "{plan}");
}

fn a_stream_is_shown_up_to_a_version_or_time(place: &Place) {
    let stream = "saga:fulfil-order/4711";
    let all = place.rows(&["show", stream], &["version", "event"]);
    assert_eq!(all[0], "1 saga.started");
    assert_eq!(
        all.last().expect("an end").split(' ').nth(1),
        Some("saga.completed")
    );
    assert_eq!(
        place.rows(&["show", stream, "--at", "2"], &["version", "event"]),
        all[..2]
    );
    let now = place.rows(&["show", stream, "--at", "0s"], &["version", "event"]);
    assert_eq!(now, all);
    assert!(
        place
            .rows(&["show", stream, "--at", "2001-02-03"], &["version"])
            .is_empty()
    );
    // Either half of a stream may have a slash.
    assert_eq!(
        place.rows(&["show", "note/1/a"], &["aggregate", "aggregate_id"]),
        ["note 1/a"]
    );
}

fn events_are_filtered(place: &Place) {
    let found = |args: &[&str]| {
        let mut all = vec!["events"];
        all.extend(args);
        place.rows(&all, &["stream"])
    };
    let placed = ["order/4711", "order/4712", "order/4713"];
    assert_eq!(found(&["--name", "order.placed"]), placed);
    assert_eq!(found(&["--from", "2", "--to", "3"]), placed[..2]);
    let two = ["--name", "order.placed", "--name", "customer.registered"];
    assert_eq!(found(&two).len(), 4);
    assert_eq!(found(&["--stream", "order/4712"]), ["order/4712"]);
    assert_eq!(
        found(&["--stream", "order/4712", "--name", "order.lost"]),
        [""; 0]
    );
    assert_eq!(found(&["--user", "bob", "--limit", "1"]), ["customer/ada"]);
    let of_request = found(&["--correlation", "web-2"]);
    assert_eq!(of_request[..2], ["order/4712", "saga:fulfil-order/4712"]);
    let dear = ["--where", "$.cents > 600", "--where", "$.customer = ada"];
    assert_eq!(found(&dear), ["order/4711", "order/4713"]);
    assert_eq!(found(&["--where", "$.email"]), ["customer/ada"]);
    assert_eq!(
        found(&["--where", "$.cents != 13", "--name", "order.placed"]).len(),
        2
    );
    assert_eq!(
        found(&["--where", "$[\"input\"].cents <= 13"]),
        ["saga:fulfil-order/4712"]
    );
    assert_eq!(found(&["--where", "$[*] == 700"]), ["order/4713"]);
    let all = found(&[]);
    assert_eq!(found(&["--since", "1h"]), all);
    assert_eq!(found(&["--until", "2001-02-03"]), [""; 0]);
    assert_eq!(found(&["--since", "2001-02-03", "--until", "0s"]), all);
    // What is stored is what is printed, also the order of its fields.
    let ran = place.es(&[
        "events",
        "-o",
        "ndjson",
        "--name",
        "order.placed",
        "-n",
        "1",
    ]);
    assert!(
        ran.out
            .contains(r#""payload":{"customer":"ada","cents":2933}"#),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.lines().count(), 1);
}

fn payloads_that_are_not_json_are_shown_as_bytes(place: &Place) {
    let rows = place.rows(
        &["show", "note/1/a"],
        &["payload", "payload_hex", "content_type"],
    );
    assert_eq!(rows, ["null 0001ff application/x-postcard"]);
    let ran = place.es(&["show", "note/1/a"]);
    assert!(
        ran.out.contains("3 bytes of application/x-postcard"),
        "{}",
        ran.out
    );
}

/// The same length, so that columns stay where they are.
fn without_times(text: &str) -> String {
    let words = text.split_inclusive(' ').map(|word| {
        let moment = word.trim_end();
        if moment.len() == 27 && moment.ends_with('Z') && moment.contains('T') {
            word.replace(moment, &"t".repeat(27))
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

fn a_trace_is_a_tree_of_causes(place: &Place) {
    let rows = place.rows(&["trace", "web-1"], &["depth", "event"]);
    assert_eq!(rows[0], "0 order.placed");
    assert_eq!(rows[1], "1 saga.started");
    // The id of one of the events does as well.
    let ids = place.rows(&["trace", "web-1"], &["event_id"]);
    assert_eq!(place.rows(&["trace", &ids[1]], &["depth", "event"]), rows);
    // An event without a correlation gives its id to what follows.
    let first = place.rows(&["events", "-n", "1"], &["event_id"]);
    let followed = place.rows(&["trace", &first[0]], &["depth", "event"]);
    assert_eq!(followed, ["0 customer.registered", "1 process.stepped"]);
    let table = without_times(&place.es(&["trace", &first[0]]).out);
    let position = place.rows(&["show", "saga:welcome/ada"], &["position"]);
    let expected = format!(
        "\
EVENT                STREAM            VERSION  POSITION  RECORDED AT                  USER
customer.registered  customer/ada      1        1         ttttttttttttttttttttttttttt  bob
└ process.stepped    saga:welcome/ada  1        {:<8}  ttttttttttttttttttttttttttt  bob
",
        position[0]
    );
    assert_eq!(table, expected);
}

fn counts(place: &Place) {
    let stats = place.json(&["stats"]);
    let events = place.rows(&["events"], &["position"]);
    assert_eq!(stats["events"], events.len());
    assert!(stats["bytes"].as_i64() > Some(10_000), "{stats}");
    assert!(
        stats["store_id"].as_str().is_some_and(|id| id.len() >= 32),
        "{stats}"
    );
    let by_aggregate = place.rows(
        &["stats", "--by", "aggregate"],
        &["aggregate", "streams", "events"],
    );
    assert_eq!(by_aggregate[..3], ["customer 1 1", "note 1 1", "order 3 3"]);
    let by_event = place.rows(
        &["stats", "--by", "event"],
        &["event", "schema_version", "events"],
    );
    assert!(
        by_event.contains(&"order.placed 1 3".to_owned()),
        "{by_event:?}"
    );
    let table = place.es(&["stats", "--by", "aggregate"]).out;
    assert!(
        table.starts_with("AGGREGATE          STREAMS  EVENTS\ncustomer           1        1\n"),
        "{table}"
    );
}

fn readers_lag(place: &Place) {
    let fields = ["reader", "kind", "stage", "state", "parked"];
    let rows = place.rows(&["readers"], &fields);
    assert_eq!(
        rows,
        [
            "order_totals projection live idle 1",
            "fulfil-order saga null null 1",
            "welcome process manager null null 0",
        ]
    );
    let lags = place.json(&["readers", "order_totals"]);
    let head = place.json(&["stats"])["events"].as_i64().expect("a number");
    let position = lags[0]["position"].as_i64().expect("a number");
    assert_eq!(lags[0]["lag_events"], head - position);
    assert!(lags[0]["lag_seconds"].as_i64() >= Some(0));
}

fn parked_events_have_a_reason(place: &Place) {
    let fields = [
        "reader", "key", "position", "stream", "event", "attempts", "reason",
    ];
    let rows = place.rows(&["parked", "list"], &fields);
    assert_eq!(
        rows,
        ["order_totals order/4712 3 order/4712 order.placed 1 13 cents are no price"]
    );
    let another = place.es(&["parked", "list", "another", "-o", "json"]);
    assert_eq!(
        (another.code, another.out.as_str()),
        (3, ""),
        "{}",
        another.err
    );
    let shown = place.json(&["parked", "show", "order_totals", "3"]);
    assert_eq!(shown["payload"]["cents"], 13);
    assert_eq!(shown["reason"], "13 cents are no price");
}

fn sagas_are_shown(place: &Place) {
    let fields = ["saga", "kind", "id", "status", "phase"];
    assert_eq!(
        place.rows(&["sagas", "list"], &fields),
        [
            "fulfil-order saga 4711 done completed",
            "fulfil-order saga 4712 parked ship",
            "welcome process manager ada running waiting",
        ]
    );
    assert_eq!(
        place
            .rows(&["sagas", "list", "--status", "parked"], &["id", "reason"])
            .len(),
        1
    );
    assert!(
        place
            .rows(&["sagas", "list", "--overdue"], &["id"])
            .is_empty()
    );
    let counted = [
        "saga",
        "running",
        "parked",
        "done",
        "parked_inputs",
        "overdue",
    ];
    assert_eq!(
        place.rows(&["sagas", "counts"], &counted),
        ["fulfil-order 0 1 1 0 0", "welcome 1 0 0 0 0"]
    );
    let welcome = place.json(&["sagas", "show", "welcome", "ada"]);
    assert_eq!(welcome["timers"]["greet"], welcome["due_at"]);
    let shown = place.es(&["sagas", "show", "fulfil-order", "4712"]).out;
    assert!(shown.contains("the parcel is too small"), "{shown}");
    assert!(shown.contains("saga.parked"), "{shown}");
}

fn what_is_not_there_is_said(place: &Place) {
    for (args, remedy) in [
        (vec!["show", "order/1"], "es streams --aggregate order"),
        (vec!["trace", "nothing"], "es events -o ndjson"),
        (vec!["readers", "nobody"], "these have: fulfil-order"),
        (
            vec!["parked", "show", "order_totals", "2"],
            "es parked list order_totals",
        ),
        (
            vec!["sagas", "show", "welcome", "bob"],
            "es sagas list welcome",
        ),
    ] {
        let ran = place.es(&args);
        assert_eq!(ran.code, 3, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(remedy), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

fn the_newest_events(place: &Place) {
    let all = place.rows(&["events"], &["position"]);
    assert_eq!(
        place.rows(&["tail", "-n", "3"], &["position"]),
        all[all.len() - 3..]
    );
    let placed = ["tail", "--name", "order.placed", "-n", "2"];
    assert_eq!(
        place.rows(&placed, &["stream"]),
        ["order/4712", "order/4713"]
    );
}

fn statements_are_printed(place: &Place) {
    let ran = place.es(&["--sql", "show", "order/4711"]);
    let table = place.of("FROM events e", "FROM \"es\".events e");
    let time = place.of("e.recorded_at", "to_char(e.recorded_at");
    assert!(
        ran.err.contains(table) && ran.err.contains(time),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("e.aggregate = 'order' AND e.aggregate_id = '4711'"),
        "{}",
        ran.err
    );
    assert!(
        !ran.err.contains('$') && !ran.err.contains('{'),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, place.es(&["show", "order/4711"]).out);
    // A value that looks like a parameter is one value.
    let ran = place.es(&["--sql", "show", "x/$1"]);
    assert!(
        ran.err
            .contains("e.aggregate = 'x' AND e.aggregate_id = '$1'"),
        "{}",
        ran.err
    );
}

/// The branches show which event followed from which.
#[test]
fn a_trace_is_drawn() {
    let table = Place::sqlite().es(&["trace", "web-2"]).out;
    let drawn = table
        .lines()
        .map(|line| line.split("  ").next().unwrap_or_default());
    let drawn: Vec<&str> = drawn.collect();
    assert_eq!(
        drawn,
        [
            "EVENT",
            "order.placed",
            "├ saga.started",
            "│ ├ saga.step_succeeded",
            "│ ├ saga.step_scheduled",
            "│ ├ saga.step_failed",
            "│ └ saga.parked",
            "└ saga.step_scheduled",
        ]
    );
}

/// A saga may have read some of its events less far than others.
#[test]
fn the_lag_of_a_saga_is_that_of_its_slowest_input() {
    let place = Place::copy();
    let behind = r#"{"began":"0","names":{"a":null,"b":"1"}}"#;
    place.sql(&format!(
        "UPDATE es_cursors SET inputs = '{behind}' WHERE consumer = 'saga:welcome'"
    ));
    assert_eq!(
        place.rows(&["readers", "welcome"], &["position", "lag_events"]),
        ["1 17"]
    );
}

#[test]
fn timers_that_are_over_are_not_shown() {
    let place = Place::copy();
    let timers = || place.json(&["sagas", "show", "welcome", "ada"])["timers"].to_string();
    let step = |id: &str, from: &str, to: &str| {
        place.sql(&format!(
            "INSERT INTO events SELECT NULL, aggregate, aggregate_id, (SELECT max(version) + 1 FROM events WHERE \
             aggregate = 'saga:welcome'), event, schema_version, recorded_at, '{id}', metadata, content_type, \
             replace(payload, '{from}', '{to}') FROM events WHERE aggregate = 'saga:welcome' AND version = 1"
        ));
    };
    step("1", r#""greet""#, r#""remind""#);
    let both = timers();
    assert!(both.contains("greet") && both.contains("remind"), "{both}");
    // The first one is cancelled, the other one fires.
    step("2", "", "");
    place.sql(
        "DROP TRIGGER events_are_not_changed; UPDATE events SET payload = json_set(payload, '$.timers', \
         json('{\"greet\":null}')) WHERE event_id = '2'",
    );
    let one = timers();
    assert!(!one.contains("greet") && one.contains("remind"), "{one}");
    step("3", r#""timers":{"greet""#, r#""timers":{"again""#);
    place.sql(
        "UPDATE events SET payload = json_set(payload, '$.cause', json('{\"is\":\"timer\",\"name\":\"remind\"}')) \
         WHERE event_id = '3'",
    );
    let last = timers();
    assert!(!last.contains("remind") && last.contains("again"), "{last}");
}

/// An output that passes lines on, until nobody wants them any more.
struct Lines(Sender<String>, Vec<u8>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend(bytes);
        while let Some(end) = self.1.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.1.drain(..=end).collect();
            let line = String::from_utf8(line).expect("text");
            let sent = self.0.send(line);
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn follow(place: &Place) -> (Receiver<String>, thread::JoinHandle<u8>) {
    let (sender, lines) = channel();
    let address = place.address();
    let followed = thread::spawn(move || {
        let args = [
            "es", "--store", &address, "tail", "-f", "-n", "1", "-o", "ndjson",
        ];
        es_cli::run(args, &mut Lines(sender, Vec::new()), &mut io::sink())
    });
    (lines, followed)
}

/// The application writes while `es` reads.
fn events_are_followed(place: &Place) {
    let (lines, followed) = follow(place);
    assert!(lines.recv().expect("a line").contains("order/4713"));
    block_on(async {
        let (store, _) = place.open().await;
        for number in 1..=3 {
            shop::place(&store, &format!("new-{number}"), 1, "web-4").await;
            let line = lines.recv().expect("a line");
            assert!(line.contains(&format!("order/new-{number}")), "{line}");
        }
        // Nobody reads on: the next line ends it, and that is no failure.
        drop(lines);
        shop::place(&store, "new-4", 1, "web-4").await;
        store.close().await;
    });
    assert_eq!(followed.join().expect("ended"), 0);
}

#[test]
fn events_are_followed_on_sqlite() {
    events_are_followed(&Place::copy());
}

#[cfg(unix)]
#[test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
fn events_are_followed_on_postgres() {
    events_are_followed(&Place::new_postgres());
}

/// Appends an event with this payload to a stream.
fn append(place: &Place, (aggregate, id): (&str, &str), payload: &str) {
    block_on(async {
        let (store, _) = place.open().await;
        let stream = StreamId::new(aggregate, id).expect("a stream");
        let event = NewEvent::json("thing.done", 1, payload.as_bytes().to_vec());
        let append = Append::new(stream, ExpectedVersion::NoStream).with_event(event);
        store.append(append).await.expect("appended");
        store.close().await;
    });
}

/// A payload may be stored as its author formatted it.
#[test]
fn a_row_of_ndjson_is_one_line() {
    let place = Place::copy();
    let payload =
        "{\"n\":\r\n  1.10,\n  \"m\": 123456789012345678901234567890, \"text\": \"a\\nb\"}\n";
    append(&place, ("doc", "1"), payload);
    for args in [&["show", "doc/1"][..], &["tail", "-n", "1"]] {
        let ran = place.es(&[args, &["-o", "ndjson"]].concat());
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
        assert!(!ran.out.contains('\r'), "{}", ran.out);
        // Numbers and texts are as they were.
        for kept in [
            " 1.10,",
            r#""m": 123456789012345678901234567890,"#,
            r#""text": "a\nb""#,
        ] {
            assert!(ran.out.contains(kept), "{}", ran.out);
        }
        let row: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(row["payload"]["text"], "a\nb");
    }
}

/// The stream `b/c` of `a` and the stream `c` of `a/b`.
#[test]
fn streams_that_are_written_alike_are_told_apart() {
    let place = Place::copy();
    append(&place, ("a", "b/c"), "1");
    let shown = |args: &[&str]| place.rows(args, &["aggregate", "aggregate_id", "payload"]);
    assert_eq!(shown(&["show", "a/b/c"]), ["a b/c 1"]);
    append(&place, ("a/b", "c"), "2");
    for args in [&["show", "a/b/c"][..], &["events", "--stream", "a/b/c"]] {
        let ran = place.es(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        for said in ["--aggregate 'a' (id b/c)", "--aggregate 'a/b' (id c)"] {
            assert!(ran.err.contains(said), "{}", ran.err);
        }
        let of = |aggregate| [args, &["--aggregate", aggregate]].concat();
        assert_eq!(shown(&of("a")), ["a b/c 1"]);
        assert_eq!(shown(&of("a/b")), ["a/b c 2"]);
        let ran = place.es(&of("b"));
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("would begin with `b/`"), "{}", ran.err);
    }
    let ran = place.es(&["events", "--aggregate", "a"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--stream"), "{}", ran.err);
}

/// Counted and listed are the same ones.
#[test]
fn instances_that_no_worker_has_are_overdue() {
    let place = Place::copy();
    for (due, lease, overdue) in [
        ("1", "NULL", 1),
        ("1", "2", 1),
        ("1", "9000000000000000", 0),
        ("9000000000000000", "NULL", 0),
        ("NULL", "NULL", 0),
    ] {
        place.sql(&format!(
            "UPDATE es_work SET due_at = {due}, lease_until = {lease} WHERE aggregate = 'saga:welcome'"
        ));
        let listed = place.rows(&["sagas", "list", "--overdue"], &["id"]);
        assert_eq!(listed.len(), overdue, "{due} {lease}");
        let counted = place.rows(&["sagas", "counts", "welcome"], &["overdue"]);
        assert_eq!(counted, [overdue.to_string()], "{due} {lease}");
    }
}
