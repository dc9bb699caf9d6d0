//! Files whose settings were chosen by another program: the store keeps its promises in them, or says
//! what is in the way.

use es_runtime::{
    Append, EventFilter, EventStore, ExpectedVersion, NewEvent, Position, ReadLimit,
    StorageErrorKind, StreamId,
};
use es_sqlite::SqliteStore;
use rusqlite::Connection;

const PAYLOAD: &str = "{\"text\":\"a\\u0000b 🦀 ü \u{ffff} \u{feff}\"}";

async fn use_it(store: &SqliteStore) {
    for number in 1..=3 {
        let stream = StreamId::new("order", "ü🦀").expect("a name");
        let event = NewEvent::json("order.placed", 1, PAYLOAD);
        let append = Append::new(stream, ExpectedVersion::Exact(number - 1)).with_event(event);
        store.append(append).await.expect("stored");
    }
    let page = store
        .read_feed(Position::START, &EventFilter::all(), ReadLimit::default())
        .await;
    let page = page.expect("read");
    assert_eq!(page.events.len(), 3);
    for event in page.events {
        assert_eq!(&event.payload[..], PAYLOAD.as_bytes());
        assert_eq!(event.stream.id(), "ü🦀");
    }
}

#[tokio::test]
async fn a_file_of_any_page_size_and_vacuum_becomes_a_store() {
    for pragmas in [
        "PRAGMA page_size = 512",
        "PRAGMA page_size = 65536",
        "PRAGMA auto_vacuum = FULL",
        "PRAGMA auto_vacuum = INCREMENTAL",
        "PRAGMA journal_mode = PERSIST",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA user_version = 7; PRAGMA application_id = 8",
        "PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = ON; PRAGMA synchronous = OFF",
    ] {
        let folder = es_tests::tiers::folder();
        let path = folder.path().join("app.db");
        let app = Connection::open(&path).expect("opens");
        app.execute_batch(&format!(
            "{pragmas}; CREATE TABLE mine (id INTEGER); INSERT INTO mine VALUES (1);"
        ))
        .expect(pragmas);
        drop(app);
        let store = SqliteStore::open(&path).await.expect(pragmas);
        use_it(&store).await;
        store.close().await;
        // Another tool changes the journal between two runs.
        let app = Connection::open(&path).expect("opens");
        app.execute_batch("PRAGMA journal_mode = DELETE; INSERT INTO mine VALUES (2)")
            .expect(pragmas);
        drop(app);
        let again = SqliteStore::open(&path).await.expect(pragmas);
        let head = again.head().await.expect("read").to_parts()[2];
        assert_eq!(head, 3, "{pragmas}");
        again.close().await;
    }
}

/// In UTF-16 SQLite replaces U+FFFF and others by U+FFFD, without a word.
#[tokio::test]
async fn a_file_in_which_characters_change_is_refused() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let folder = es_tests::tiers::folder();
        let path = folder.path().join("app.db");
        let app = Connection::open(&path).expect("opens");
        app.execute_batch(&format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE mine (id INTEGER)"
        ))
        .expect("made");
        drop(app);
        let refused = SqliteStore::open(&path).await.expect_err(encoding);
        assert_eq!(refused.kind, StorageErrorKind::CannotOpen);
        assert!(refused.message.contains(encoding), "{refused}");
        let app = Connection::open(&path).expect("opens");
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = app.query_row(tables, [], |row| row.get(0)).expect("read");
        assert_eq!(tables, 1, "nothing was made in it");
    }
}

/// While another program holds the whole file for itself, opening says so.
#[tokio::test]
async fn a_file_that_another_program_has_for_itself_is_busy() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("app.db");
    SqliteStore::open(&path).await.expect("opens").close().await;
    let other = Connection::open(&path).expect("opens");
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE mine (id INTEGER)")
        .expect("held");
    let options = SqliteStore::options().busy_timeout(std::time::Duration::from_millis(50));
    let refused = options.open(&path).await.expect_err("it is held");
    assert_eq!(refused.kind, StorageErrorKind::Busy, "{refused}");
    drop(other);
    let store = SqliteStore::open(&path).await.expect("opens");
    use_it(&store).await;
    store.close().await;
}
