//! More than fits into a page or a window.

use crate::place::{Place, block_on, es};
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

/// A dump and a copy of a large store need no more memory than those of a small one.
#[test]
fn moving_keeps_a_page_in_memory() {
    let folder = es_tests::tiers::folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fill(Path::new(&path("many.db")));
    let store = |name: &str| format!("sqlite:{}", path(name));
    let most = |args: &[&str], out: &mut dyn Write| {
        let args = ["es"].iter().chain(args);
        let mut code = 0;
        let used = allocation_counter::measure(|| {
            code = es_cli::run(args, out, &mut io::sink());
        });
        assert_eq!(code, 0);
        used.bytes_max
    };
    let mut dump = std::fs::File::create(path("dump.ndjson")).expect("made");
    let many = store("many.db");
    let used = [
        most(&["--store", &many, "export"], &mut dump),
        most(
            &[
                "--store",
                &store("new.db"),
                "import",
                "-y",
                &path("dump.ndjson"),
            ],
            &mut io::sink(),
        ),
        most(&["copy", "-y", &many, &store("copy.db")], &mut io::sink()),
    ];
    let bytes = std::fs::metadata(path("dump.ndjson")).expect("there").len();
    assert!(bytes > 3_000_000, "{bytes}");
    const MOST: u64 = 1_500_000;
    assert!(used.iter().all(|used| *used < MOST), "{used:?} of {bytes}");
    // What only reads, in each form.
    for verb in ["events", "streams", "verify", "stats"] {
        for form in ["table", "json", "ndjson"] {
            let used = most(&["--store", &many, "-o", form, verb], &mut io::sink());
            assert!(used < MOST, "{verb} {form}: {used}");
        }
    }
    // The control: an output that is kept.
    for verb in ["export", "events"] {
        let mut kept = Vec::new();
        let used = most(&["--store", &many, "-o", "ndjson", verb], &mut kept);
        assert!(used > 2 * MOST, "{verb}: {used}, {}", kept.len());
    }
}

/// A page has 500 rows or 4 MiB. What comes after it counts, and `verify` looks at it.
#[test]
fn answers_are_read_to_their_end() {
    let place = Place::copy();
    let lines = |args: &[&str]| {
        let ran = place.es(&[args, &["-o", "ndjson"]].concat());
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.out.lines().count()
    };
    let before = [
        lines(&["readers"]),
        lines(&["sagas", "counts"]),
        lines(&["stats", "--by", "event"]),
    ];
    let up_to = |most: u32| {
        format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {most})")
    };
    let (many, few) = (up_to(510), up_to(6));
    let long = "hex(zeroblob(450000))";
    place.sql(&format!(
        "{many} INSERT INTO es_cursors SELECT 'saga:x' || printf('%03d', n), '1', NULL FROM n;
         {many} INSERT INTO es_work SELECT 'saga:x' || printf('%03d', n), '1', '', 'parked', '', NULL, NULL, 1, NULL,
           NULL, NULL, 0 FROM n;
         {few} INSERT INTO es_work SELECT 'saga:y' || n || {long}, '1', '', 'running', '', NULL, 0, 1, NULL,
           NULL, NULL, 0 FROM n;
         {few} INSERT INTO es_builds SELECT 'z' || n, build, version, partitions, stage, definition, events, store,
           created_at FROM es_builds, n;
         {few} INSERT INTO es_checkpoints SELECT 'z' || n, build, partition, position, last_aggregate, last_id,
           last_version, last_event, last_recorded, epoch, owner, lease_until, events, parked, {long}, stall
           FROM es_checkpoints, n;
         {few} INSERT INTO events SELECT NULL, 'big', '1', n, n || {long}, 1, '2026-11-03T14:00:00Z', n, '{{}}',
           'application/json', '{{}}' FROM n;"
    ));
    let after = [
        lines(&["readers"]),
        lines(&["sagas", "counts"]),
        lines(&["stats", "--by", "event"]),
    ];
    assert_eq!(after, [before[0] + 516, before[1] + 516, before[2] + 6]);
    let last = place.json(&["readers", "x510"]);
    assert_eq!(last[0]["parked"], 1, "{last}");

    place.sql(&format!(
        "UPDATE es_cursors SET position = '999' WHERE consumer = 'saga:x510';
         UPDATE es_checkpoints SET last_id = {long} WHERE name LIKE 'z%';
         UPDATE es_checkpoints SET position = '998' WHERE name = 'z6'"
    ));
    let ran = place.es(&["verify", "readers", "-o", "ndjson"]);
    assert_eq!(ran.code, 1);
    for (place, position) in [
        ("cursor of saga:x510", 999),
        ("checkpoint of z6, build 1, partition 0", 998),
    ] {
        let line = format!(r#""place":"{place}","problem":"it is at position {position}"#);
        assert!(ran.out.contains(&line), "{place}");
    }
    let looked_at = "readers: 520 looked at, ";
    assert!(ran.err.starts_with(looked_at), "{}", ran.err);
}

/// An output that changes the store when the first row comes.
struct Changing<'p>(&'p Place, &'p str, Vec<u8>);

impl Write for Changing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.2.is_empty() {
            self.0.sql(self.1);
        }
        self.2.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was changed since the first row was written is not what was in memory then.
#[test]
fn payloads_of_several_megabytes_are_not_in_memory_at_a_time() {
    let place = Place::copy();
    let metadata = r#"{"correlation":"large"}"#;
    place.sql(&format!(
        "DROP TRIGGER events_are_not_changed; WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE \
         n < 6) INSERT INTO events SELECT NULL, 'large', '1', n, 'large.thing', 1, '2026-11-03T14:00:00Z', n, \
         '{metadata}', 'application/json', '\"' || hex(zeroblob(500000)) || '\"' FROM n"
    ));
    let address = place.address();
    for args in [&["tail", "-n", "6"][..], &["trace", "large"]] {
        place.sql("UPDATE events SET payload = '\"' || hex(zeroblob(500000)) || '\"' WHERE event_id = '6'");
        let sql = "UPDATE events SET payload = '\"changed\"' WHERE event_id = '6'";
        let mut out = Changing(&place, sql, Vec::new());
        let all = [&["es", "--store", &address, "-o", "ndjson"], args].concat();
        assert_eq!(es_cli::run(all, &mut out, &mut io::sink()), 0, "{args:?}");
        let out = String::from_utf8(out.2).expect("text");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 6, "{args:?}");
        for line in &lines[..5] {
            assert!(line.len() > 1_000_000, "{args:?}: {}", line.len());
        }
        assert!(lines[5].contains(r#""payload":"changed""#), "{args:?}");
    }
}
