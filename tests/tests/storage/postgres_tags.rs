//! Tags in a PostgreSQL database in which something else than the store did something: a failover or a restore lost the
//! newest commits while the program ran on, rows are missing, a trigger keeps rows out.

use es_decisions::{TurnOnError, turn_on_tags};
use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, AppendError, Event, EventFilter, EventStore, EventTag, ExpectedVersion,
    NewEvent, Position, ReadError, ReadLimit, StorageErrorKind, StreamId, Tag, TagQuery,
    TaggedPage,
};
use es_testkit::postgres::Database;
use es_tests::statistics::{READ_BY_TAGS, counted};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

#[derive(Tag, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Event, Serialize, Deserialize)]
#[event("course.joined")]
struct Joined {
    #[tag]
    course: CourseId,
}

const NAME: &str = "course.joined";

/// To a stream of its own, at the version that commands name, so that the short way is taken where it can be.
fn append(event: NewEvent, id: &str) -> Append {
    let stream = StreamId::new("course", id).expect("a name");
    Append::new(stream, ExpectedVersion::NoStream).with_event(event)
}

fn joined(id: &str, kinds: &[&'static str]) -> Append {
    let event = NewEvent::json(NAME, 1, r#"{"course":"c1"}"#);
    let tags = kinds.iter().map(|kind| EventTag::new(*kind).with("c1"));
    append(event.with_tags(tags.collect()), id)
}

fn other(id: &str) -> Append {
    append(NewEvent::json("course.opened", 1, "{}"), id)
}

async fn read(store: &PostgresStore, limit: ReadLimit) -> Result<TaggedPage, ReadError> {
    let query = TagQuery::of(&CourseId("c1".into()), [NAME]).expect("names");
    store.read_tagged(&query, Position::START, limit).await
}

async fn open(database: &Database<'_>) -> PostgresStore {
    PostgresStore::open(&database.url()).await.expect("opens")
}

/// Goes on with the history up to a position, in which no rule was turned on yet, as a standby that had not received the
/// rest, or a backup.
fn lose_all_after(database: &Database<'_>, position: u64) {
    let lose = format!(
        "BEGIN;
         ALTER TABLE es.events DISABLE TRIGGER events_are_not_changed;
         DELETE FROM es.events WHERE position > {position};
         ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_are_not_changed;
         DELETE FROM es.event_tags WHERE position > {position};
         DELETE FROM es.rules;
         UPDATE es.head SET position = {position}, rules = 0;
         COMMIT"
    );
    database.query(&lose).expect("lost");
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_an_old_program_wrote_after_a_failover_is_seen() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    let limit = ReadLimit::default();
    for id in ["1", "2", "3"] {
        store.append(other(id)).await.expect("stored");
    }
    assert_eq!(read(&store, limit).await.expect("read").events, []);
    lose_all_after(&database, 1);
    // The program ahead of the failover, which knows no tags, was faster.
    let old = open(&database).await;
    old.append(joined("old", &[])).await.expect("stored");
    for id in ["4", "5"] {
        old.append(other(id)).await.expect("stored");
    }
    store
        .append(joined("new", &["course"]))
        .await
        .expect("stored");
    let part = read(&store, limit).await;
    assert!(
        matches!(part, Err(ReadError::TagsNotReady { .. })),
        "{part:?}"
    );
    let any = AnyStore::new(store.clone());
    turn_on_tags::<Joined>(&any).await.expect("turned on");
    assert_eq!(read(&store, limit).await.expect("read").events.len(), 2);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_kind_that_was_turned_on_after_a_failover_is_seen() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        store.append(joined(id, &["course"])).await.expect("stored");
    }
    lose_all_after(&database, 0);
    // As many kinds are turned on as before, and another one.
    let other = open(&database).await;
    other
        .append(joined("other", &["student"]))
        .await
        .expect("stored");
    let untagged = store.append(joined("own", &["course"])).await;
    assert!(
        matches!(&untagged, Err(AppendError::TagKindUnknown { kind, .. }) if kind == "student"),
        "{untagged:?}"
    );
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_event_that_is_missing_is_no_part() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        store.append(joined(id, &["course"])).await.expect("stored");
    }
    let lose = "BEGIN; ALTER TABLE es.events DISABLE TRIGGER events_are_not_changed;
                DELETE FROM es.events WHERE position = 2; COMMIT";
    database.query(lose).expect("lost");
    // With a bound on the bytes and without one.
    for bytes in [1, 30, usize::MAX] {
        for events in [2, 3] {
            let limit = ReadLimit::events(events).with_bytes(bytes);
            let page = read(&store, limit).await;
            match page {
                Err(ReadError::Storage(error)) if error.kind == StorageErrorKind::Corrupt => {
                    assert!(error.message.contains("position 2"), "{error}");
                }
                page => panic!("{bytes} bytes: {page:?}"),
            }
        }
    }
}

/// A trigger that keeps rows out leaves no gap: nothing is turned on.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn tags_that_are_kept_out_turn_nothing_on() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        store.append(joined(id, &[])).await.expect("stored");
    }
    database
        .query(
            "CREATE FUNCTION es.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.position = 2 THEN RETURN NULL; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER keep_out BEFORE INSERT ON es.event_tags
             FOR EACH ROW EXECUTE FUNCTION es.keep_out()",
        )
        .expect("made");
    let any = AnyStore::new(store.clone());
    let error = turn_on_tags::<Joined>(&any).await.expect_err("kept out");
    assert!(
        matches!(&error, TurnOnError::Storage(error) if error.kind == StorageErrorKind::Corrupt),
        "{error:?}"
    );
    let rules = "SELECT count(*) FROM es.rules; SELECT count(*) FROM es.event_tags";
    assert_eq!(database.query(rules).expect("asked"), "0\n0\n");
    let part = read(&store, ReadLimit::default()).await;
    assert!(
        matches!(part, Err(ReadError::TagsNotReady { .. })),
        "{part:?}"
    );
    // Rows that are there already are none that are missing.
    database
        .query(
            "DROP TRIGGER keep_out ON es.event_tags;
             INSERT INTO es.event_tags VALUES ('course:c1', 1, 'course.joined')",
        )
        .expect("dropped");
    turn_on_tags::<Joined>(&any).await.expect("turned on");
    let page = read(&store, ReadLimit::default()).await.expect("read");
    assert_eq!(page.events.len(), 3);
}

#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_event_that_is_larger_than_a_page_ends_nothing() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        store.append(joined(id, &["course"])).await.expect("stored");
    }
    let limit = ReadLimit::events(10).with_bytes(1);
    let page = read(&store, limit).await.expect("read");
    assert_eq!((page.events.len(), page.at_end), (1, false));
    let all = EventFilter::all();
    let page = store.read_feed(Position::START, &all, limit).await;
    let page = page.expect("read");
    assert_eq!((page.events.len(), page.at_end), (1, false));
    assert_eq!(page.next, page.events[0].position);
}

/// The rights that the documentation names are enough to turn on tags.
#[tokio::test]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn few_rights_turn_tags_on() {
    let database = es_tests::server::database();
    let owner = open(&database).await;
    owner.append(joined("1", &[])).await.expect("stored");
    let role = format!("app_{}", database.name());
    database
        .query(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA es TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA es TO {role};
             GRANT UPDATE ON es.head, es.snapshots, es.work, es.cursors, es.unique_values, es.unique_walks TO {role};
             GRANT DELETE ON es.snapshots, es.unique_values, es.unique_duplicates, es.tag_walks TO {role}"
        ))
        .expect("granted");
    let url = database.url().replace("user=es", &format!("user={role}"));
    let store = PostgresStore::open(&url).await.expect("opens");
    let any = AnyStore::new(store.clone());
    turn_on_tags::<Joined>(&any).await.expect("turned on");
    let page = read(&store, ReadLimit::default()).await.expect("read");
    assert_eq!(page.events.len(), 1);
}

/// The rows of events that sessions have read which are gone: one says so when it ends.
async fn fetched(database: &Database<'_>) -> u64 {
    let read =
        "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'events'";
    counted(database, read).await
}

/// Also before the server has statistics of the tables.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_read_by_tags_reads_what_it_finds() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        let others = (0..1_000).map(|_| {
            let event = NewEvent::json(NAME, 1, r#"{"course":"c2"}"#);
            event.with_tags(vec![EventTag::new("course").with("c2")])
        });
        let stream = StreamId::new("course", id).expect("a name");
        let others = Append::new(stream, ExpectedVersion::NoStream).with_events(others);
        store.append(others).await.expect("stored");
    }
    store
        .append(joined("own", &["course"]))
        .await
        .expect("stored");
    store.close().await;
    let before = fetched(&database).await;
    let store = open(&database).await;
    for _ in 0..10 {
        let page = read(&store, ReadLimit::default()).await.expect("read");
        assert_eq!(page.events.len(), 1);
    }
    store.close().await;
    let read = fetched(&database).await - before;
    assert!(read <= 40, "10 reads of one event have read {read} rows");
}

/// However many events have the tags, also before the server has statistics of the tables.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_read_by_two_tags_or_from_the_end_reads_what_it_finds() {
    struct Student;
    impl Tag for Student {
        const KIND: &'static str = "student";

        fn value(&self) -> std::borrow::Cow<'_, str> {
            "s1".into()
        }
    }
    let database = es_tests::server::database();
    let store = open(&database).await;
    // One in a thousand is about the student, and after the last one of those come many.
    for id in ["1", "2", "3"] {
        let events = (0..1_000).map(|number| {
            let name = if number % 2 == 0 { NAME } else { "course.left" };
            let student = if number == 500 { "s1" } else { "s2" };
            let tags = [("course", "c1"), ("student", student)];
            let tags = tags.map(|(kind, value)| EventTag::new(kind).with(value));
            NewEvent::json(name, 1, r#"{"course":"c1"}"#).with_tags(tags.to_vec())
        });
        let stream = StreamId::new("course", id).expect("a name");
        let events = Append::new(stream, ExpectedVersion::NoStream).with_events(events);
        store.append(events).await.expect("stored");
    }
    store.close().await;
    let course = |names: &[&'static str]| {
        TagQuery::of(&CourseId("c1".into()), names.iter().copied()).expect("names")
    };
    let both = [NAME, "course.left"];
    let pair = course(&both).and(&Student);
    // A read of all looks at a thousand events of each tag first.
    let before = counted(&database, READ_BY_TAGS).await;
    let store = open(&database).await;
    for _ in 0..10 {
        let page = store.read_tagged(&pair, Position::START, ReadLimit::default());
        assert_eq!(page.await.expect("read").events.len(), 3);
    }
    store.close().await;
    let read = counted(&database, READ_BY_TAGS).await - before;
    assert!(
        read <= 10_200,
        "10 reads of three events have read {read} rows"
    );
    let swapped = TagQuery::of(&Student, both).expect("names");
    let swapped = swapped.and(&CourseId("c1".into()));
    for (query, at, most) in [
        (course(&[NAME]), 2_999, 4),
        (course(&both), 3_000, 3),
        (pair, 2_501, 6),
        (swapped, 2_501, 6),
    ] {
        let before = counted(&database, READ_BY_TAGS).await;
        let store = open(&database).await;
        for _ in 0..10 {
            let limit = ReadLimit::events(1);
            let page = store
                .read_tagged_backward(&query, Position::START, Bound::Unbounded, limit)
                .await
                .expect("read");
            let found: Vec<_> = page.events.iter().map(|event| event.position).collect();
            assert_eq!(found, [Position::from_parts([0, 0, at])]);
        }
        store.close().await;
        let read = counted(&database, READ_BY_TAGS).await - before;
        println!("{query:?}: {read}");
        assert!(
            read <= 10 * most,
            "10 reads of one event by {query:?} have read {read} rows"
        );
    }
}

/// An event that is committed after the end of the store was read hides none of those before.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn what_comes_after_the_end_was_read_hides_nothing() {
    let database = es_tests::server::database();
    let store = open(&database).await;
    for id in ["1", "2", "3"] {
        store.append(joined(id, &["course"])).await.expect("stored");
    }
    let newest = |limit: ReadLimit| {
        let store = store.clone();
        async move {
            let query = TagQuery::of(&CourseId("c1".into()), [NAME]).expect("names");
            let (start, end) = (Position::START, Bound::Unbounded);
            let page = store.read_tagged_backward(&query, start, end, limit).await;
            let page = page.expect("read");
            let [_, _, head] = page.head.to_parts();
            let events = page.events.iter();
            let found: Vec<_> = events.map(|event| event.position.to_parts()[2]).collect();
            (found, head, page.at_start)
        }
    };
    let holder = es_tests::client(&database.url()).await;
    for (limit, wanted) in [
        (ReadLimit::events(1), (vec![3], 3, false)),
        (ReadLimit::events(2), (vec![4, 3], 4, false)),
        (ReadLimit::events(9), (vec![5, 4, 3, 2, 1], 5, true)),
        (ReadLimit::events(9).with_bytes(1), (vec![6], 6, false)),
    ] {
        // Its statements are ready, so that none waits before the end is read.
        newest(limit).await;
        // What is asked after the end waits.
        let hold = "BEGIN; LOCK TABLE es.rules IN ACCESS EXCLUSIVE MODE";
        holder.batch_execute(hold).await.expect("locked");
        let reading = es_tests::spawn(newest(limit));
        es_tests::somebody_waits_for_a_lock(&database).await;
        let write = "UPDATE es.head SET position = position + 1;
                     INSERT INTO es.events (position, version, event_id, recorded_at, schema_version, aggregate,
                         aggregate_id, event, content_type, metadata, payload)
                     SELECT h.position, 1, gen_random_uuid(), recorded_at, schema_version, aggregate, h.position::text ||
                         ' later', event, content_type, metadata, payload FROM es.events e, es.head h WHERE e.position = 1;
                     INSERT INTO es.event_tags SELECT tag, h.position, event FROM es.event_tags t, es.head h WHERE
                         t.position = 1;
                     COMMIT";
        holder.batch_execute(write).await.expect("written");
        assert_eq!(reading.await.expect("no panic"), wanted);
    }
}
