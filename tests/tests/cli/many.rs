//! More than fits into a page or a window.

use crate::place::{block_on, es};
use es_runtime::{Append, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use std::{
    io::{self, Write},
    path::Path,
};

/// 600 streams of one event, then one with 10,200; every 5,000th event is a rare one.
fn fill(path: &Path) {
    block_on(async {
        let store = SqliteStore::open(path).await.expect("opens");
        let event = |position: u64| {
            let name = if position.is_multiple_of(5_000) {
                "rare"
            } else {
                "usual"
            };
            NewEvent::json(name, 1, position.to_string().into_bytes())
        };
        let mut position = 0;
        for number in 0..600 {
            position += 1;
            let stream = StreamId::new("small", &format!("{number:03}")).expect("a stream");
            let append = Append::new(stream, ExpectedVersion::NoStream).with_event(event(position));
            store.append(append).await.expect("appended");
        }
        for _ in 0..12 {
            let stream = StreamId::new("large", "1").expect("a stream");
            let events: Vec<_> = (1..=850).map(|n| event(position + n)).collect();
            let append = Append::new(stream, ExpectedVersion::Any).with_events(events);
            store.append(append).await.expect("appended");
            position += 850;
        }
        store.close().await;
    });
}

/// Counts lines and keeps none.
#[derive(Default)]
struct Lines {
    lines: usize,
    longest: usize,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        self.longest = self.longest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn pages_and_windows_follow_each_other() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("many.db");
    fill(&path);
    let store = format!("sqlite:{}", path.display());
    let lines = |args: &[&str]| {
        let mut all = vec!["es", "--store", &store, "-o", "ndjson"];
        all.extend(args);
        let mut lines = Lines::default();
        assert_eq!(es_cli::run(all, &mut lines, &mut io::sink()), 0, "{args:?}");
        // Nothing waits until there is a heap of it.
        assert!(lines.longest < 10_000, "{args:?}: {}", lines.longest);
        lines.lines
    };
    assert_eq!(lines(&["events"]), 10_800);
    assert_eq!(lines(&["events", "--from", "400", "--to", "1700"]), 1_301);
    assert_eq!(lines(&["events", "--name", "rare"]), 2);
    assert_eq!(lines(&["events", "--stream", "large/1"]), 10_200);
    assert_eq!(lines(&["show", "large/1", "--at", "1200"]), 1_200);
    assert_eq!(lines(&["streams"]), 601);
    assert_eq!(lines(&["streams", "--like", "5%"]), 100);
    assert_eq!(lines(&["tail", "-n", "1100"]), 1_100);
    assert_eq!(lines(&["tail", "--name", "rare"]), 2);
    assert_eq!(lines(&["tail", "-n", "700", "--stream", "large/1"]), 700);
    assert_eq!(lines(&["tail", "-n", "700", "--stream", "small/001"]), 1);
    assert_eq!(lines(&["verify"]), 0);
    let counted = es(&["--store", &store, "-o", "ndjson", "stats", "--by", "event"]).out;
    assert!(
        counted.contains(r#""event":"rare","schema_version":1,"events":2,"first_position":5000"#)
    );
    let table = es(&["--store", &store, "streams"]).out;
    assert_eq!(table.lines().count(), 602, "one header");
}
