//! `es` on a store that is on JetStream: it moves there and back, and is looked into there.

mod cluster;
mod damage;
mod follow;
mod killed;
mod look;
mod manual;
mod moving;
mod read_models;
mod reads;
mod rights;
mod switch;
mod tags;

use crate::place::{Place, Ran, block_on, es};
use es_nats::NatsStore;
use es_runtime::{Append, AppendError, AppendId, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_testkit::nats::Cluster;
use serde_json::Value;
use std::{
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// What a store on JetStream has is there in all its forms.
const CARRIED: &str = "
    UPDATE es_work SET lease_until = 5, owner = 'w', process = 'p' WHERE aggregate_id = '4712';
    INSERT INTO es_tag_walks VALUES ('order.placed', 'shop', 2);
    INSERT INTO es_tags VALUES ('shop:north', 2, 'order.placed');
    INSERT INTO es_unique_values VALUES ('customer.email', 'later' || char(0), 'customer', 'ada', 1, 1700000000000001);
    INSERT INTO appends SELECT aggregate, aggregate_id, 'nothing', last_version + 1, last_version, 0, position,
        recorded_at, 'of a request' FROM appends WHERE append_id = 'signup-1';
";

/// A shop with something of everything that a store on JetStream has.
fn shop() -> Place {
    let place = Place::copy();
    place.sql(CARRIED);
    place
}

fn node() -> &'static Cluster {
    Cluster::shared_node().expect("a server")
}

/// A stream that nothing has used.
pub(crate) fn stream() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("CLI{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Its location on the shared server, for verbs that write.
pub(crate) fn location(stream: &str) -> String {
    format!("{}/{stream}?one-replica&unchecked-syncs", node().url())
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    ran
}

/// What a copy says of a field of each table.
fn reported(ran: &Ran, field: &str) -> Vec<(String, Value)> {
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let tables = report.as_array().expect("rows").iter();
    let name = |table: &Value| table["table"].as_str().expect("a name").to_owned();
    tables
        .map(|table| (name(table), table[field].clone()))
        .collect()
}

/// Copies, and returns what the report says of each table: its name, its rows and their hash on both sides.
fn copy(from: &str, to: &str) -> Vec<String> {
    let ran = done(es(&["copy", from, to, "-y", "-o", "json"]));
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let tables = report.as_array().expect("rows").iter();
    // Read models do not go to JetStream.
    let tables =
        tables.filter(|table| !table["table"].as_str().expect("a name").starts_with("es_"));
    let fields = ["table", "rows", "sha256", "target_rows", "target_sha256"];
    tables
        .map(|table| fields.map(|field| table[field].to_string()).join(" "))
        .collect()
}

fn export(address: &str) -> String {
    done(es(&["--store", address, "export"])).out
}

async fn open(stream: &str) -> NatsStore {
    let options = NatsStore::options().one_replica().unchecked_syncs();
    let opened = options.stream(stream).open(&node().url()).await;
    opened.expect("opens")
}

fn note(id: &str) -> Append {
    let stream = StreamId::new("note", id).expect("a stream");
    let event = NewEvent::json("note.taken", 1, r#"{"text":"a"}"#);
    Append::new(stream, ExpectedVersion::Any).with_event(event)
}

/// `es` as a process, whose results are read.
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
    let command = command.arg("es").args(args);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("runs")
}

/// What a process said that has ended, or ends now.
fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran {
        code: output
            .status
            .code()
            .map_or(255, |code| code.try_into().expect("a code")),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Puts commits of one event with so many bytes into streams of their own.
async fn fill(location: &str, commits: usize, bytes: usize) {
    let store = NatsStore::options().open(location).await.expect("opens");
    let payload = format!("{{\"text\":\"{}\"}}", "x".repeat(bytes));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let (store, payload) = (store.clone(), payload.clone());
        writers.spawn(async move {
            for number in (writer..commits).step_by(64) {
                let stream = StreamId::new("bulk", &number.to_string()).expect("a stream");
                let event = NewEvent::json("bulk.added", 1, payload.clone());
                let append = Append::new(stream, ExpectedVersion::Any).with_event(event);
                store.append(append).await.expect("appended");
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.expect("written");
    }
    store.close().await;
}

/// The bytes that the servers that run have sent since they started, to clients and to each other.
fn sent(cluster: &Cluster) -> u64 {
    let running = (0..cluster.nodes()).filter(|node| cluster.is_running(*node).expect("a node"));
    running
        .map(|node| {
            let said = cluster.monitor(node, "/varz").expect("answers");
            said["out_bytes"].as_u64().expect("a number")
        })
        .sum()
}
