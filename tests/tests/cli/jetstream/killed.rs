//! A copy to JetStream that is killed goes on where it was, and gives the same.

use super::{block_on, copy, done, es, export, location, node, open, shop, stream};
use crate::place::Place;
use es_runtime::{Append, EventStore, EventTag, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const STREAMS: usize = 60;
const EVENTS: usize = 30;

/// About so many messages the copy has.
const MESSAGES: usize = 800;

/// Events of several streams, by turns, with tags that many and few of them have.
fn large() -> Place {
    let place = shop();
    block_on(async {
        let store = SqliteStore::open(place.file()).await.expect("opens");
        for _ in 0..EVENTS / 10 {
            for number in 0..STREAMS {
                let stream = StreamId::new("bulk", &number.to_string()).expect("a stream");
                let events = (0..10).map(|n| {
                    let tags = [
                        ("shard", (n % 5).to_string()),
                        ("item", format!("{number}-{n}")),
                    ];
                    let tags = tags.map(|(kind, value)| EventTag::new(kind).with(value));
                    NewEvent::json("bulk.added", 1, format!("{{\"n\":{n}}}"))
                        .with_tags(tags.to_vec())
                });
                let append = Append::new(stream, ExpectedVersion::Any).with_events(events);
                store.append(append).await.expect("appended");
            }
        }
        store.close().await;
    });
    place
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn a_copy_that_is_killed_goes_on() {
    let place = large();
    let name = stream();
    let to = location(&name);
    let messages = || {
        let state = node().stream_state(0, &name).expect("the server answers");
        state.map_or(0, |state| state.messages)
    };
    let mut before = 0;
    let tries = es_tests::tries(12, 3);
    for number in 1..=tries {
        let wanted = u64::try_from(number * MESSAGES / (tries + 1)).expect("few");
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .args(["es", "copy", &place.address(), &to, "-y"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("runs");
        while messages() < wanted && child.try_wait().expect("known").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        let ended = child.wait().expect("ends");
        assert!(messages() >= before);
        before = messages();
        if ended.success() {
            break;
        }
        let closed = es(&["--store", &to, "stats"]);
        assert_eq!(closed.code, 4, "nobody opens half a store: {}", closed.out);
        assert!(closed.err.contains("run that again"), "{}", closed.err);
    }
    let report = copy(&place.address(), &to);
    let folder = es_tests::tiers::folder();
    let back = format!("sqlite:{}", folder.path().join("back.db").display());
    assert_eq!(copy(&to, &back), report);
    let dump = |address: &str| {
        let dump = export(address);
        let is_of =
            |line: &&str, table: &str| line.starts_with(&format!("{{\"table\":\"{table}\""));
        let lines = dump
            .lines()
            .filter(|line| is_of(line, "events") || is_of(line, "tags"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(
        dump(&to) == dump(&place.address()),
        "the same events and tags"
    );
    assert!(dump(&to).len() > 3 * STREAMS * EVENTS);
    done(es(&["--store", &to, "verify"]));
    // What was written before a kill stays.
    block_on(async {
        let store = open(&name).await;
        let marked = store.transfer().marked().await.expect("an answer");
        assert_eq!(marked.tags_from, None);
        store.close().await;
    });
    // Another source is refused, and so is a copy that was used by itself.
    let other = Place::copy();
    let refused = es(&["copy", &other.address(), &to, "-y"]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    block_on(async {
        let store = open(&name).await;
        store.append(super::note("own")).await.expect("appended");
        store.close().await;
    });
    let refused = es(&["copy", &place.address(), &to, "-y"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.err.contains("a row that the source has not"),
        "{}",
        refused.err
    );
    done(es(&["--store", &to, "stats"]));
}
