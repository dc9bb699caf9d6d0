//! The file: what stands in it, what opens and what is refused, and what damage looks like.

use es_runtime::{
    Append, AppendError, AppendId, EventFilter, EventStore, ExpectedVersion, Metadata, NewEvent,
    Outcome, Position, ReadError, ReadLimit, Snapshot, SnapshotStore, StorageError,
    StorageErrorKind, StoredEvent, StreamFold, StreamId, StreamRange,
};
use es_sqlite::{Durability, SqliteStore};
use rusqlite::Connection;
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

fn stream(id: &str) -> StreamId {
    StreamId::new("order", id).expect("usable")
}

fn placed(number: u64) -> NewEvent {
    NewEvent::json(
        "order.placed",
        2,
        format!(r#"{{"customer":"canary","number":{number}}}"#),
    )
}

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("shop.db")
}

async fn open(path: &Path) -> Result<SqliteStore, StorageError> {
    SqliteStore::options().reader_threads(1).open(path).await
}

async fn refused(path: &Path, kind: StorageErrorKind) -> String {
    let error = open(path).await.expect_err("it is refused");
    assert_eq!(error.kind, kind, "{error}");
    let text = error.to_string();
    let name = path.display().to_string();
    assert!(text.contains(&name), "{text} does not name {name}");
    text
}

/// Five events in one stream, one of them with an append id, and one in another.
async fn filled(path: &Path) -> SqliteStore {
    let store = open(path).await.expect("opens");
    let append = Append::new(stream("a"), ExpectedVersion::NoStream)
        .with_events((1..=4).map(placed))
        .with_append_id(AppendId::new("first").expect("usable"))
        .with_metadata(Metadata::new().with_user("alice"));
    store.append(append).await.expect("appended");
    for id in ["b", "a"] {
        let append = Append::new(stream(id), ExpectedVersion::Any).with_event(placed(5));
        store.append(append).await.expect("appended");
    }
    store
}

struct Count(usize);

impl StreamFold for Count {
    fn event(&mut self, _: StoredEvent<'_>) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn a_person_can_read_the_tables() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    let store = SqliteStore::options()
        .clock(|| "2024-02-29T12:00:00.000250Z".parse().expect("a moment"))
        .open(&path)
        .await
        .expect("opens");
    let id = "018f3f2e-0000-7000-8000-000000000001";
    let append = Append::new(stream("4711"), ExpectedVersion::NoStream)
        .with_events([
            placed(1).with_id(id.parse().expect("a uuid")),
            NewEvent::new("order.scanned", 1, "application/x-postcard", vec![1, 2]),
            NewEvent::json("order.broken", 1, vec![0xff]),
        ])
        .with_append_id(AppendId::new("request-1").expect("usable"))
        .with_metadata(Metadata::new().with_user("alice"));
    store.append(append).await.expect("appended");

    let connection = Connection::open(&path).expect("opens");
    let row: Vec<String> = connection
        .query_row("SELECT * FROM events WHERE position = 1", [], |row| {
            (0..11)
                .map(|column| {
                    row.get::<_, rusqlite::types::Value>(column)
                        .map(|value| match value {
                            rusqlite::types::Value::Text(text) => text,
                            rusqlite::types::Value::Integer(number) => number.to_string(),
                            other => format!("{other:?}"),
                        })
                })
                .collect()
        })
        .expect("readable");
    assert_eq!(
        row,
        [
            "1",
            "order",
            "4711",
            "1",
            "order.placed",
            "2",
            "2024-02-29T12:00:00.000250Z",
            id,
            r#"{"user":"alice"}"#,
            "application/json",
            r#"{"customer":"canary","number":1}"#,
        ]
    );
    let columns = |table: &str| -> Vec<String> {
        let mut select = connection
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .expect("readable");
        let names = select.query_map([table], |row| row.get(0));
        names
            .expect("readable")
            .collect::<Result<_, _>>()
            .expect("readable")
    };
    let shown = columns("events").join(" ");
    assert_eq!(
        shown,
        "position aggregate aggregate_id version event schema_version recorded_at event_id \
         metadata content_type payload"
    );
    let types: Vec<String> = connection
        .prepare("SELECT typeof(payload) FROM events ORDER BY position")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .expect("readable");
    assert_eq!(types, ["text", "blob", "blob"]);
    let customer: String = connection
        .query_row(
            "SELECT payload ->> 'customer' FROM events WHERE event = 'order.placed'",
            [],
            |row| row.get(0),
        )
        .expect("JSON functions work on it");
    assert_eq!(customer, "canary");
    let request: (String, i64, i64, i64, String) = connection
        .query_row(
            "SELECT append_id, first_version, last_version, position, recorded_at FROM appends",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )
        .expect("readable");
    let time = "2024-02-29T12:00:00.000250Z".to_owned();
    assert_eq!(request, ("request-1".to_owned(), 1, 3, 3, time));
}

#[tokio::test]
async fn sql_cannot_change_or_delete_events() {
    let folder = es_tests::tiers::folder();
    let store = filled(&file(&folder)).await;
    let connection = Connection::open(store.path()).expect("opens");
    for sql in [
        "UPDATE events SET payload = '{}' WHERE position = 1",
        "UPDATE events SET recorded_at = recorded_at",
        "DELETE FROM events WHERE position = 1",
        "DELETE FROM events",
    ] {
        let error = connection.execute(sql, []).expect_err("it is refused");
        assert!(
            error.to_string().contains("events are immutable"),
            "{error}"
        );
    }
    let count: i64 = connection
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .expect("readable");
    assert_eq!(count, 6);
}

#[tokio::test]
async fn positions_are_not_given_out_twice_even_after_a_forced_delete() {
    let folder = es_tests::tiers::folder();
    let store = filled(&file(&folder)).await;
    let connection = Connection::open(store.path()).expect("opens");
    connection
        .execute_batch(
            "DROP TRIGGER events_are_not_deleted; DELETE FROM events WHERE position >= 5",
        )
        .expect("deleted");
    let append = Append::new(stream("c"), ExpectedVersion::NoStream).with_event(placed(9));
    let done = store.append(append).await.expect("appended");
    assert_eq!(done.position, Position::from_parts([0, 0, 7]));
}

#[tokio::test]
async fn an_application_keeps_its_own_tables_and_user_version() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    let connection = Connection::open(&path).expect("opens");
    connection
        .execute_batch("PRAGMA user_version = 77; CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES ('x')")
        .expect("made");
    let store = filled(&path).await;
    store.close().await;
    let store = open(&path).await.expect("opens again");
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("readable");
    assert_eq!(version, 77);
    assert_eq!(
        store.head().await.expect("head"),
        Position::from_parts([0, 0, 6])
    );
}

#[tokio::test]
async fn a_table_of_the_same_name_is_not_taken_over() {
    for name in ["events", "Appends", "snapshots"] {
        let folder = es_tests::tiers::folder();
        let path = file(&folder);
        let connection = Connection::open(&path).expect("opens");
        connection
            .execute_batch(&format!("CREATE TABLE {name} (mine TEXT)"))
            .expect("made");
        let text = refused(&path, StorageErrorKind::CannotOpen).await;
        assert!(text.contains(&name.to_lowercase()), "{text}");
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .expect("readable");
        assert_eq!(tables, 1, "nothing was made next to it");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    filled(&path).await.close().await;
    let set = |value: &str| {
        let connection = Connection::open(&path).expect("opens");
        let sql = format!("UPDATE es_meta SET value = {value} WHERE name = 'tables_version'");
        assert_eq!(connection.execute(&sql, []).expect("updated"), 1);
    };
    set("999");
    let text = refused(&path, StorageErrorKind::Version).await;
    assert!(
        text.contains("999") && text.contains("up to version 2"),
        "{text}"
    );
    let options = SqliteStore::options().read_only(true);
    let error = options.open(&path).await.expect_err("refused as well");
    assert_eq!(error.kind, StorageErrorKind::Version);
    for damaged in ["'one'", "0", "x'00'"] {
        set(damaged);
        refused(&path, StorageErrorKind::Corrupt).await;
    }
    // One that `es` has not filled to its end.
    set("-2");
    let text = refused(&path, StorageErrorKind::CannotOpen).await;
    assert!(text.contains("it is being filled by `es copy`"), "{text}");
    let options = SqliteStore::options().read_only(true);
    let error = options.open(&path).await.expect_err("refused as well");
    assert_eq!(error.kind, StorageErrorKind::CannotOpen);
    set("2");
    open(&path).await.expect("opens");
}

#[tokio::test]
async fn a_file_of_an_older_version_gets_what_it_lacks_and_keeps_what_it_has() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    filled(&path).await.close().await;
    let count = |connection: &Connection| -> i64 {
        let sql = "SELECT count(*) FROM events";
        let count = connection.query_row(sql, [], |row| row.get(0));
        count.expect("counted")
    };
    let before = {
        let connection = Connection::open(&path).expect("opens");
        connection
            .execute_batch(
                "DROP TABLE es_work; DROP TABLE es_cursors;
                 DELETE FROM es_meta WHERE name = 'store_id';
                 UPDATE es_meta SET value = 1 WHERE name = 'tables_version';",
            )
            .expect("as the first release made it");
        count(&connection)
    };
    let options = SqliteStore::options().read_only(true);
    let error = options.open(&path).await.expect_err("needs a writer once");
    assert_eq!(error.kind, StorageErrorKind::Version);
    let store = open(&path).await.expect("opens");
    let filter = es_runtime::WorkFilter::default();
    let rows = es_runtime::WorkQueue::work_items(&store, &filter).await;
    assert!(rows.expect("the table is there").is_empty());
    store.close().await;
    assert_eq!(count(&Connection::open(&path).expect("opens")), before);
}

#[tokio::test]
async fn what_is_not_a_database_is_refused() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    fs::write(&path, "Dear diary, this is no database. ".repeat(200)).expect("written");
    refused(&path, StorageErrorKind::Corrupt).await;
    let kept = fs::read_to_string(&path).expect("readable");
    assert!(kept.starts_with("Dear diary"));

    refused(folder.path(), StorageErrorKind::CannotOpen).await;
    let missing = folder.path().join("no").join("such").join("shop.db");
    let text = refused(&missing, StorageErrorKind::CannotOpen).await;
    assert!(text.contains("there is no folder"), "{text}");
    assert!(!missing.exists());
    let error = open(Path::new("")).await.expect_err("no path");
    assert_eq!(error.kind, StorageErrorKind::CannotOpen);

    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").expect("written");
    open(&empty).await.expect("an empty file becomes a store");
}

#[tokio::test]
async fn a_store_for_reading_only_reads_and_refuses_to_write() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    let missing = SqliteStore::options().read_only(true).open(&path).await;
    let kind = missing.expect_err("there is no file").kind;
    assert_eq!(kind, StorageErrorKind::CannotOpen);
    assert!(!path.exists());

    // While a writer works and after it.
    let writer = filled(&path).await;
    for open_writer in [true, false] {
        if !open_writer {
            writer.close().await;
        }
        let store = SqliteStore::options().read_only(true).open(&path).await;
        let store = store.expect("opens");
        let fold = store.fold_stream(&stream("a"), 0, Count(0)).await;
        assert_eq!(fold.expect("folds").0, 5);
        let append = Append::new(stream("a"), ExpectedVersion::Any).with_event(placed(1));
        let error = store.append(append).await.expect_err("refused");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        let AppendError::Storage { error, .. } = error else {
            panic!("it is read-only, not {error:?}")
        };
        assert_eq!(error.kind, StorageErrorKind::ReadOnly);
        let error = store.delete_snapshot(&stream("a")).await;
        assert_eq!(error.expect_err("refused").kind, StorageErrorKind::ReadOnly);
        store.close().await;
        let closed = store.head().await.expect_err("closed");
        assert!(
            matches!(closed, ReadError::Storage(error) if error.kind == StorageErrorKind::Closed)
        );
    }
}

#[tokio::test]
async fn both_durabilities_open_and_say_so() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    for durability in [Durability::Full, Durability::Normal] {
        let store = SqliteStore::options().durability(durability);
        let store = store.open(&path).await.expect("opens");
        assert_eq!(store.durability(), durability);
        let append = Append::new(stream("a"), ExpectedVersion::Any).with_event(placed(1));
        store.append(append).await.expect("appended");
        store.close().await;
    }
    assert_eq!(
        SqliteStore::open(&path).await.expect("opens").durability(),
        Durability::Full
    );
}

#[test]
fn threads_that_open_a_fresh_file_at_once_all_succeed() {
    const THREADS: usize = 6;
    let folder = es_tests::tiers::folder();
    for round in 0..40 {
        let path = folder.path().join(format!("{round}.db"));
        let start = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (path, start) = (path.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build();
                    runtime.expect("a runtime").block_on(async {
                        start.wait();
                        let store = open(&path).await.expect("opens");
                        let append =
                            Append::new(stream(&number.to_string()), ExpectedVersion::NoStream)
                                .with_event(placed(1));
                        store.append(append).await.expect("appended");
                        store.close().await;
                    });
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        let connection = Connection::open(&path).expect("opens");
        let count: i64 = connection
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .expect("readable");
        assert_eq!(usize::try_from(count), Ok(THREADS), "round {round}");
    }
}

/// SQLite gives up at once on some locks that others hold while a file gets its log.
#[test]
fn a_file_that_others_hold_while_it_becomes_a_store_is_waited_for() {
    for lock in [
        "BEGIN EXCLUSIVE",
        "BEGIN IMMEDIATE",
        "BEGIN; SELECT * FROM mine",
    ] {
        let folder = es_tests::tiers::folder();
        let path = file(&folder);
        let other = Connection::open(&path).expect("opens");
        other
            .execute_batch("CREATE TABLE mine (x TEXT); INSERT INTO mine VALUES ('x')")
            .expect("made");
        other.execute_batch(lock).expect("locked");
        let opener = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let options = SqliteStore::options().busy_timeout(Duration::from_secs(60));
            runtime.expect("a runtime").block_on(options.open(&path))
        });
        // Long enough for the opener to meet the lock; if it comes later, that is fine as well.
        thread::sleep(Duration::from_millis(50));
        other.execute_batch("COMMIT").expect("released");
        let opened = opener.join().expect("no panic");
        opened.expect(lock);
    }
}

/// Changes the third event of stream a, which stands at position 3, as no program should.
async fn damaged(sql: &str) -> (tempfile::TempDir, SqliteStore) {
    let folder = es_tests::tiers::folder();
    let store = filled(&file(&folder)).await;
    let connection = Connection::open(store.path()).expect("opens");
    connection
        .execute_batch(&format!(
            "PRAGMA ignore_check_constraints = ON;
             DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted; {sql}"
        ))
        .expect("damaged");
    (folder, store)
}

#[tokio::test]
async fn each_kind_of_damage_is_an_error_that_names_the_row() {
    // What is done to the row, and whether a fold needs what was damaged.
    let table = [
        ("schema_version = 0", true),
        ("schema_version = 65536", true),
        ("schema_version = -1", true),
        ("event = CAST(x'ff' AS TEXT)", true),
        ("content_type = CAST(x'ff' AS TEXT)", true),
        ("payload = 5", true),
        ("payload = 1.5", true),
        ("event_id = 'not-a-uuid'", false),
        ("event_id = CAST(x'ff' AS TEXT)", false),
        ("metadata = '{\"user\":\"canary'", false),
        ("metadata = '5'", false),
        ("metadata = CAST(x'ff' AS TEXT)", false),
        ("recorded_at = 'yesterday'", false),
        ("recorded_at = ''", false),
    ];
    for (change, folds) in table {
        let (_folder, store) =
            damaged(&format!("UPDATE events SET {change} WHERE position = 3")).await;
        let named = |error: ReadError| {
            let text = error.to_string();
            assert!(!text.contains("canary"), "{change}: {text}");
            let ReadError::Corrupt {
                stream: of,
                version,
                position,
                ..
            } = error
            else {
                panic!("{change}: the row is to be named, not {error:?}")
            };
            let place = Position::from_parts([0, 0, 3]);
            assert_eq!((of, version, position), (stream("a"), 3, place), "{change}");
        };
        let limit = ReadLimit::default();
        let forward = store
            .read_stream(&stream("a"), StreamRange::forward(0), limit)
            .await;
        named(forward.expect_err(change));
        let backward = store
            .read_stream(&stream("a"), StreamRange::backward(u64::MAX), limit)
            .await;
        named(backward.expect_err(change));
        let filter = EventFilter::all();
        let feed = store.read_feed(Position::START, &filter, limit).await;
        named(feed.expect_err(change));
        match store.fold_stream(&stream("a"), 0, Count(0)).await {
            Ok(fold) => assert!(!folds && fold.0 == 5, "{change}"),
            Err(error) => {
                assert!(folds, "{change}");
                named(error);
            }
        }
        // The others can still be read, and the stream can be written to.
        let other = store.fold_stream(&stream("b"), 0, Count(0)).await;
        assert_eq!(other.expect("undamaged").0, 1);
        let append = Append::new(stream("a"), ExpectedVersion::Exact(5)).with_event(placed(6));
        assert_eq!(store.append(append).await.expect(change).version, 6);
    }
}

#[tokio::test]
async fn a_reader_of_other_events_passes_a_row_whose_aggregate_is_damaged() {
    let damage = "UPDATE events SET aggregate = CAST(x'ff' AS TEXT) WHERE position = 3";
    let (_folder, store) = damaged(damage).await;
    let limit = ReadLimit::default();
    let others = EventFilter::names(["order.shipped"]);
    for others in [others.clone(), others.of_aggregates(["order"])] {
        let page = store.read_feed(Position::START, &others, limit).await;
        let page = page.expect("passed");
        assert_eq!((page.events.len(), page.at_end), (0, true), "{others:?}");
        assert!(page.next > Position::from_parts([0, 0, 3]), "{others:?}");
    }
    // It may be one that these readers want.
    let placed = EventFilter::names(["order.placed"]);
    let of_customers = EventFilter::all().of_aggregates(["customer"]);
    for wanted in [EventFilter::all(), placed, of_customers] {
        let page = store.read_feed(Position::START, &wanted, limit).await;
        page.expect_err("the row cannot be read");
    }
}

#[tokio::test]
async fn a_missing_row_is_damage_and_not_a_shorter_answer() {
    for (sql, after) in [
        ("DELETE FROM events WHERE position = 3", 4),
        ("DELETE FROM events WHERE position = 1", 2),
        ("UPDATE events SET version = -3 WHERE position = 3", 4),
        ("UPDATE events SET aggregate_id = 'x' WHERE position = 3", 4),
    ] {
        let (_folder, store) = damaged(sql).await;
        let limit = ReadLimit::default();
        let corrupt = |error: ReadError| match error {
            ReadError::Corrupt { version, .. } => version,
            other @ ReadError::Storage(_) => panic!("{sql}: {other:?}"),
            other => panic!("{sql}: {other:?}"),
        };
        let fold = store.fold_stream(&stream("a"), 0, Count(0)).await;
        assert_eq!(corrupt(fold.err().expect(sql)), after, "{sql}");
        let read = store
            .read_stream(&stream("a"), StreamRange::forward(0), limit)
            .await;
        assert_eq!(corrupt(read.expect_err(sql)), after, "{sql}");
        let read = store
            .read_stream(&stream("a"), StreamRange::backward(u64::MAX), limit)
            .await;
        corrupt(read.expect_err(sql));
    }
}

#[tokio::test]
async fn a_damaged_record_of_an_append_is_an_error_and_not_a_second_append() {
    for change in [
        "UPDATE appends SET recorded_at = 'yesterday'",
        "UPDATE appends SET last_version = -1",
        "UPDATE appends SET events = 99",
        "UPDATE events SET payload = 5 WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
    ] {
        let (_folder, store) = damaged(change).await;
        let append = Append::new(stream("a"), ExpectedVersion::Any)
            .with_events((1..=4).map(placed))
            .with_append_id(AppendId::new("first").expect("usable"));
        let error = store.append(append).await.expect_err(change);
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(!error.to_string().contains("canary"), "{error}");
        let AppendError::Storage { error, .. } = error else {
            panic!("{change}: {error:?}")
        };
        assert_eq!(error.kind, StorageErrorKind::Corrupt, "{change}");
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_no_snapshot_and_can_be_saved_again() {
    for change in [
        "fingerprint = 'zz'",
        "position = 'x'",
        "version = -1",
        "state = 5",
        "content_type = CAST(x'ff' AS TEXT)",
    ] {
        let folder = es_tests::tiers::folder();
        let store = filled(&file(&folder)).await;
        let mut snapshot = Snapshot::new(
            stream("a"),
            4,
            Position::from_parts([0, 0, 4]),
            es_runtime::Fingerprint::from_u64(7),
            "application/json".to_owned(),
            b"{}".to_vec(),
        );
        store.save_snapshot(snapshot.clone()).await.expect("saved");
        let connection = Connection::open(store.path()).expect("opens");
        let sql = format!("UPDATE snapshots SET {change}");
        connection.execute(&sql, []).expect("damaged");
        let loaded = store.load_snapshot(&stream("a")).await;
        assert_eq!(loaded.expect("no error"), None, "{change}");
        snapshot.version = 5;
        store.save_snapshot(snapshot.clone()).await.expect("saved");
        let loaded = store.load_snapshot(&stream("a")).await;
        assert_eq!(loaded.expect("no error"), Some(snapshot), "{change}");
    }
}

#[tokio::test]
async fn flipped_bytes_in_the_file_never_panic_and_never_shorten_a_stream() {
    let folder = es_tests::tiers::folder();
    let path = file(&folder);
    let store = open(&path).await.expect("opens");
    for _ in 0..40 {
        let append = Append::new(stream("a"), ExpectedVersion::Any).with_events((0..5).map(placed));
        store.append(append).await.expect("appended");
    }
    store.close().await;
    let whole = fs::read(&path).expect("readable");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut refused, mut errors, mut unseen) = (0, 0, 0);
    for round in 0..150 {
        let copy = folder.path().join(format!("flipped-{round}.db"));
        let mut bytes = whole.clone();
        for _ in 0..8 {
            let at = random.usize(100..bytes.len());
            bytes[at] ^= random.u8(1..);
        }
        fs::write(&copy, bytes).expect("written");
        let Ok(store) = open(&copy).await else {
            refused += 1;
            continue;
        };
        let limit = ReadLimit::events(usize::MAX).with_bytes(usize::MAX);
        let fold = store.fold_stream(&stream("a"), 0, Count(0)).await;
        let read = store
            .read_stream(&stream("a"), StreamRange::forward(0), limit)
            .await;
        match (fold, read) {
            (Ok(fold), Ok(read)) => {
                // A page that is lost with the newest rows in it takes them along, as the file ends
                // there; what stands before them has no holes.
                assert_eq!(fold.0, read.len(), "seed {seed}");
                unseen += 1;
            }
            _ => errors += 1,
        }
        let _ = store
            .read_feed(Position::START, &EventFilter::all(), limit)
            .await;
    }
    println!("{refused} files refused, {errors} with errors on reading, {unseen} unnoticed");
    assert!(refused + errors > 0);
}

#[tokio::test]
async fn names_that_are_no_files_and_tables_that_are_gone_are_refused() {
    let folder = es_tests::tiers::folder();
    for (name, said) in [
        (":memory:", "MemoryStore"),
        ("file:shop.db?mode=ro", "not a URI"),
        ("", "empty"),
    ] {
        let error = SqliteStore::open(name).await.map(drop).expect_err(name);
        assert_eq!(error.kind, StorageErrorKind::CannotOpen, "{name}: {error}");
        assert!(error.to_string().contains(said), "{name}: {error}");
    }
    let error = SqliteStore::open(folder.path()).await.map(drop);
    let error = error.expect_err("a folder");
    assert!(error.to_string().contains("it is a folder"), "{error}");

    for table in ["events", "appends", "snapshots"] {
        let path = folder.path().join(format!("without-{table}.db"));
        SqliteStore::open(&path).await.expect("opens").close().await;
        let db = rusqlite::Connection::open(&path).expect("opens");
        db.execute_batch(&format!("DROP TABLE {table}"))
            .expect("is there");
        drop(db);
        let error = SqliteStore::open(&path).await.map(drop).expect_err(table);
        assert_eq!(error.kind, StorageErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(table), "{error}");
    }
    let path = folder.path().join("foreign.db");
    let db = rusqlite::Connection::open(&path).expect("opens");
    db.execute_batch("CREATE TABLE es_meta (key TEXT, data TEXT)")
        .expect("is new");
    drop(db);
    let error = SqliteStore::open(&path)
        .await
        .map(drop)
        .expect_err("foreign");
    assert!(error.to_string().contains("not this store's"), "{error}");
}

/// A reader who wants little of the feed gets a page in bounded time, and goes on behind it.
#[tokio::test]
async fn a_page_looks_through_so_many_events_and_no_more() {
    const BEFORE: u64 = 1_000;
    let folder = es_tests::tiers::folder();
    let store = open(&file(&folder)).await.expect("opens");
    let rare = NewEvent::json("order.lost", 1, "{}");
    let others = (0..BEFORE).map(placed);
    let append = Append::new(stream("1"), ExpectedVersion::NoStream).with_events(others);
    store.append(append).await.expect("appended");
    let append = Append::new(stream("2"), ExpectedVersion::NoStream).with_event(rare);
    store.append(append).await.expect("appended");
    let wanted = EventFilter::names(["order.lost"]);
    for limit in [1, 5] {
        let (mut from, mut pages, mut found) = (Position::START, 0_u64, Vec::new());
        loop {
            let page = store.read_feed(from, &wanted, ReadLimit::events(limit));
            let page = page.await.expect("readable");
            pages += 1;
            assert!(page.next > from || page.at_end, "it stands still");
            from = page.next;
            found.extend(page.events.iter().map(|event| event.position.to_parts()[2]));
            if page.at_end {
                break;
            }
        }
        assert_eq!(found, [BEFORE + 1]);
        let window = 64 * limit as u64;
        let least = BEFORE / window;
        assert!((least..=least + 2).contains(&pages), "{pages} pages");
    }
}
