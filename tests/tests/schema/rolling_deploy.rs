//! Writing the version before, for as long as programs run that cannot read the newest: the way back
//! of each kind of change, and builds of one program that run at the same time on one database.

use es_runtime::{Codec, DecodeError, Decoded, Event, EventSet, StoredPayload};
use serde::{Deserialize, Serialize};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A build that runs, and answers a line with a line.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(build: &str, database: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .arg(build)
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self {
            child,
            input,
            output,
        }
    }

    fn ask(&mut self, line: &str) -> String {
        let input = self.input.as_mut().expect("it runs");
        writeln!(input, "{line}").expect("it listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("it answers");
        answer.trim_end().to_owned()
    }

    fn stop(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Only where a test failed before it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OLD: &str = "deploy_old";
const BRIDGE: &str = "deploy_bridge";
const NEW: &str = "deploy_new";

fn stored_versions(database: &Path) -> Vec<i64> {
    let rows = rusqlite::Connection::open(database).expect("opens");
    let mut select = rows
        .prepare("SELECT schema_version FROM events ORDER BY position")
        .expect("events");
    let versions = select.query_map([], |row| row.get(0)).expect("events");
    versions.map(|version| version.expect("a number")).collect()
}

#[test]
fn builds_side_by_side_forward_and_back_again() {
    let folder = es_tests::tiers::folder();
    let database = folder.path().join("accounts.db");
    let mut old = Program::start(OLD, &database);
    assert_eq!(old.ask("deposit alice 1050"), "1 1050");

    // The new release comes next to the old one and writes what that can read.
    let mut bridge = Program::start(BRIDGE, &database);
    assert_eq!(bridge.ask("load alice"), "1 1050");
    assert_eq!(bridge.ask("deposit alice 200"), "2 1250");
    assert_eq!(old.ask("deposit alice 25"), "3 1275");
    assert_eq!(bridge.ask("deposit alice 5"), "4 1280");
    assert_eq!(old.ask("load alice"), "4 1280");
    assert_eq!(stored_versions(&database), [1, 1, 1, 1]);

    // Back again: nothing was written that the old one could not read.
    bridge.stop();
    assert_eq!(old.ask("deposit alice 20"), "5 1300");
    let mut bridge = Program::start(BRIDGE, &database);
    assert_eq!(bridge.ask("deposit alice 1"), "6 1301");
    old.stop();

    // When no old one runs any more, the next release writes version 2.
    let mut new = Program::start(NEW, &database);
    assert_eq!(new.ask("deposit alice 9"), "7 1310");
    assert_eq!(bridge.ask("deposit alice 90"), "8 1400");
    assert_eq!(new.ask("load alice"), "8 1400");
    assert_eq!(bridge.ask("load alice"), "8 1400");
    assert_eq!(stored_versions(&database), [1, 1, 1, 1, 1, 1, 2, 1]);
    new.stop();

    // Back to the one between, which reads both.
    assert_eq!(bridge.ask("deposit alice 100"), "9 1500");
    bridge.stop();
    assert_eq!(stored_versions(&database), [1, 1, 1, 1, 1, 1, 2, 1, 1]);
}

/// The control: without the release between, the old one meets what it cannot read. It says so,
/// guesses nothing, and loses nothing.
#[test]
fn without_the_release_between_the_old_one_stops() {
    let folder = es_tests::tiers::folder();
    let database = folder.path().join("accounts.db");
    let mut old = Program::start(OLD, &database);
    assert_eq!(old.ask("deposit alice 1050"), "1 1050");
    let mut new = Program::start(NEW, &database);
    assert_eq!(new.ask("deposit alice 200"), "2 1250");
    for line in ["load alice", "deposit alice 1"] {
        let refused = old.ask(line);
        assert!(
            refused.starts_with("refused: ")
                && refused.contains("`account.deposited` is stored in version 2")
                && refused.contains("knows it only up to version 1"),
            "{refused}"
        );
    }
    assert_eq!(old.ask("deposit bob 1"), "1 1", "other accounts go on");
    assert_eq!(new.ask("load alice"), "2 1250");
    old.stop();
    new.stop();
    assert_eq!(stored_versions(&database), [1, 2, 1]);
}

mod before {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
    #[event("order.placed", version = 2)]
    pub(super) struct OrderPlaced {
        pub(super) client: String,
        pub(super) coupon: Option<String>,
        pub(super) channel: String,
        #[event(since = 2, default = 1)]
        pub(super) lines: u32,
        pub(super) dollars: f64,
        #[serde(with = "hex")]
        pub(super) token: u32,
    }
}

/// A representation that only serde's `with` knows.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{value:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event("order.placed", version = 3, write = 2)]
#[event(removed(coupon: Option<String>, in = 3, after = customer))]
#[event(removed(channel: String, in = 3, after = coupon, back = "web"))]
struct OrderPlaced {
    #[event(was(name = "client", before = 3))]
    customer: String,
    #[event(since = 2, default = 1)]
    lines: u32,
    #[event(was(name = "dollars", type = f64, with = to_cents, back = to_dollars, before = 3))]
    cents: i64,
    #[serde(with = "hex")]
    token: u32,
    #[event(since = 3)]
    note: Option<String>,
}

fn to_cents(dollars: f64) -> i64 {
    (dollars * 100.0).round() as i64
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "fields are given by reference"
)]
fn to_dollars(cents: &i64) -> f64 {
    *cents as f64 / 100.0
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
enum OrderEvent {
    #[event("order.paid", version = 2, write = 1)]
    Paid {
        #[event(was(name = "amount", before = 2))]
        cents: i64,
        #[event(since = 2)]
        by: Option<String>,
    },
    #[event("order.emptied", version = 2, write = 1)]
    Emptied {
        #[event(since = 2, default = 0)]
        left: u32,
    },
    #[event("order.closed")]
    Closed {},
}

fn stored(version: u16, codec: Codec, bytes: &[u8]) -> StoredPayload<'_> {
    StoredPayload::new(version, codec.content_type(), bytes)
}

#[test]
fn what_is_written_is_what_the_release_before_reads() {
    let today = OrderPlaced {
        customer: "alice".into(),
        lines: 3,
        cents: 2_933,
        token: 0xbeef,
        note: Some("leave it at the door".into()),
    };
    assert_eq!((OrderPlaced::VERSION, OrderPlaced::WRITES), (3, 2));
    assert_eq!(today.event_type().version, 2);
    assert_eq!(<OrderPlaced as EventSet>::TYPES[0].version, 2);
    for codec in [Codec::Json, Codec::Postcard] {
        let bytes = today.to_payload(codec).expect("is written");
        let then = before::OrderPlaced::from_payload(stored(2, codec, &bytes));
        assert_eq!(
            then.expect("is read"),
            before::OrderPlaced {
                client: "alice".into(),
                coupon: None,
                channel: "web".into(),
                lines: 3,
                dollars: 29.33,
                token: 0xbeef,
            }
        );
        // Back and forth: what the older version can say stays, the rest is as if it were old.
        let again = OrderPlaced::from_payload(stored(2, codec, &bytes)).expect("is read");
        let expected = OrderPlaced {
            note: None,
            ..today.clone()
        };
        assert_eq!(again, expected);
        let twice = again.to_payload(codec).expect("is written");
        assert_eq!(twice, bytes);
    }
    let json = today.to_payload(Codec::Json).expect("is written");
    assert_eq!(
        String::from_utf8(json).expect("text"),
        r#"{"client":"alice","coupon":null,"channel":"web","lines":3,"dollars":29.33,"token":"beef"}"#
    );
    // Version 3 of a later release is read all the same.
    let later = br#"{"customer":"bob","lines":1,"cents":5,"token":"1","note":null}"#;
    let later = OrderPlaced::from_payload(stored(3, Codec::Json, later));
    assert_eq!(later.expect("is read").customer, "bob");
    let newer = OrderPlaced::from_payload(stored(4, Codec::Json, b"{}"));
    assert!(matches!(
        newer,
        Err(DecodeError::NewerVersion { known: 3, .. })
    ));
}

#[test]
fn variants_go_back_too() {
    for codec in [Codec::Json, Codec::Postcard] {
        for (event, version) in [
            (
                OrderEvent::Paid {
                    cents: 7,
                    by: Some("card".into()),
                },
                1,
            ),
            (OrderEvent::Emptied { left: 4 }, 1),
            (OrderEvent::Closed {}, 1),
        ] {
            let kind = event.event_type();
            assert_eq!(kind.version, version);
            let bytes = event.encode(codec).expect("is written");
            let again = OrderEvent::decode(kind.name, stored(version, codec, &bytes));
            let expected = match &event {
                OrderEvent::Paid { cents, .. } => OrderEvent::Paid {
                    cents: *cents,
                    by: None,
                },
                OrderEvent::Emptied { .. } => OrderEvent::Emptied { left: 0 },
                OrderEvent::Closed {} => OrderEvent::Closed {},
            };
            assert_eq!(again.expect("is read"), Decoded::One(expected));
        }
    }
    let paid = OrderEvent::Paid { cents: 7, by: None };
    let json = paid.encode(Codec::Json).expect("is written");
    assert_eq!(json, br#"{"amount":7}"#);
}
