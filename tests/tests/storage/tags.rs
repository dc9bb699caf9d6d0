//! Tags and guards where several processes, isolation levels and projections meet them. What one store promises is in the
//! conformance suite.

use crate::unique::{Changed, Choosy, LEVELS, database_at};
use es_decisions::{TurnOnError, turn_on_tags};
use es_postgres::PostgresStore;
use es_runtime::{
    AnyStore, Append, AppendError, Codec, CodecError, Commit, CommitError, CommitStore,
    DecodeError, Decoded, Event, EventFilter, EventSet, EventStore, EventTag, EventType,
    ExpectedVersion, MemoryStore, NewEvent, Position, ReadError, ReadLimit, SnapshotStore,
    StoredPayload, StreamId, Tag, TagQuery, WorkQueue,
};
use es_sqlite::SqliteStore;
use std::borrow::Cow;
use tokio::task::JoinSet;

struct CourseId(String);

impl Tag for CourseId {
    const KIND: &'static str = "course";

    fn value(&self) -> Cow<'_, str> {
        self.0.as_str().into()
    }
}

const NAME: &str = "course.joined";

fn query(course: &str) -> TagQuery {
    TagQuery::of(&CourseId(course.to_owned()), [NAME, "course.entered"]).expect("names")
}

fn stream(id: impl ToString) -> StreamId {
    StreamId::new("course", &id.to_string()).expect("a name")
}

fn joined(id: impl ToString, course: &str) -> Append {
    let event = NewEvent::json(NAME, 1, format!("{course:?}"));
    let event = event.with_tags(vec![EventTag::new("course").with(course)]);
    Append::new(stream(id), ExpectedVersion::Any).with_event(event)
}

async fn found<S: EventStore>(store: &S, query: &TagQuery) -> Vec<Position> {
    let limit = ReadLimit::events(100_000).with_bytes(usize::MAX);
    let page = store.read_tagged(query, Position::START, limit).await;
    let page = page.expect("read");
    assert!(page.at_end);
    page.events.iter().map(|event| event.position).collect()
}

/// Commits of two handles race for one seat again and again, while others append beside the guards: each time one gets it.
async fn race<S: EventStore + CommitStore>(stores: [S; 2]) {
    for round in 0..20 {
        let course = format!("c{round}");
        let after = stores[0].head().await.expect("a head");
        let mut racers = Vec::new();
        for number in 0..16 {
            let (store, own) = (stores[number % 2].clone(), format!("{round}-{number}"));
            let other = joined(format!("beside-{own}"), &format!("beside-{round}"));
            let commit = Commit::new().append(joined(own, &course));
            let commit = commit.guard(query(&course), after);
            racers.push(es_tests::spawn(async move {
                if number % 4 == 0 {
                    store.append(other).await.expect("it has no guard");
                }
                store.commit(commit).await
            }));
        }
        let mut won = 0;
        for racer in racers {
            match racer.await.expect("ends") {
                Ok(_) => won += 1,
                Err(CommitError::Guarded { .. }) => {}
                Err(wrong) => panic!("the seat is taken, and not {wrong}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        for store in &stores {
            assert_eq!(found(store, &query(&course)).await.len(), 1);
            let beside = query(&format!("beside-{round}"));
            assert_eq!(found(store, &beside).await.len(), 4);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_on_a_file_race() {
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("events.db");
    let open = || SqliteStore::open(&path);
    race([open().await.expect("opens"), open().await.expect("opens")]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn two_handles_on_a_server_race_under_each_isolation_level() {
    for level in LEVELS {
        let database = database_at(level);
        let url = database.url();
        let open = || PostgresStore::open(&url);
        race([open().await.expect("opens"), open().await.expect("opens")]).await;
    }
}

/// A commit that waits for the lock sees what is committed meanwhile, at each isolation level: the server answers its guards
/// only then.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_guard_that_waits_for_the_lock_sees_what_came_meanwhile() {
    for level in LEVELS {
        let database = database_at(level);
        let store = PostgresStore::open(&database.url()).await.expect("opens");
        store
            .append(joined("first", "other"))
            .await
            .expect("stored");
        let after = store.head().await.expect("a head");
        let client = es_tests::client(&database.url()).await;
        client
            .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
            .await
            .expect("locked");
        let waiting = {
            let store = store.clone();
            let commit = Commit::new().append(joined("late", "c1"));
            let commit = commit.guard(query("c1"), after);
            es_tests::spawn(async move { store.commit(commit).await })
        };
        es_tests::somebody_waits_for_a_lock(&database).await;
        client
            .batch_execute(
                "INSERT INTO es.events SELECT 2, 2, gen_random_uuid(), recorded_at, schema_version,
                     aggregate, aggregate_id, event, content_type, metadata, payload FROM es.events;
                 INSERT INTO es.event_tags VALUES ('course:c1', 2, 'course.joined');
                 UPDATE es.head SET position = 2; COMMIT",
            )
            .await
            .expect("committed");
        let answer = waiting.await.expect("ends");
        assert!(
            matches!(answer, Err(CommitError::Guarded { guard: 0, by }) if by.to_parts()[2] == 2),
            "{level}: {answer:?}"
        );
    }
}

fn left(id: impl ToString, fails: bool) -> Append {
    let event = NewEvent::json(Changed::NAME, 1, format!(r#"{{"fails":{fails}}}"#));
    let event = event.with_tags(vec![EventTag::new("course").with("c1")]);
    Append::new(stream(id), ExpectedVersion::Any).with_event(event)
}

/// What a projection refuses has no tags, and turns no kind on.
async fn refused_by_a_projection<S: EventStore + CommitStore>(store: S) {
    let of_left = TagQuery::of(&CourseId("c1".to_owned()), [Changed::NAME]).expect("a name");
    store.append(left("a", true)).await.expect_err("refused");
    store
        .commit(
            Commit::new()
                .append(joined("x", "c1"))
                .append(left("a", true)),
        )
        .await
        .expect_err("refused");
    assert_eq!(found(&store, &of_left).await, []);
    assert_eq!(found(&store, &query("c1")).await, []);
    // So a program without tags may write the first event of that name.
    let plain = Append::new(stream("plain"), ExpectedVersion::Any)
        .with_event(NewEvent::json(NAME, 1, r#""c1""#));
    store.append(plain).await.expect("no kind is on");
    let tasks = (0..20).map(|number| {
        let store = store.clone();
        es_tests::spawn(async move {
            let (own, fails) = (format!("many-{number}"), number % 2 == 0);
            let commit = Commit::new().append(left(&own, fails));
            match number % 3 {
                0 => store.append(left(&own, fails)).await.is_ok(),
                _ => store.commit(commit).await.is_ok(),
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.expect("ends"), number % 2 == 1, "{number}");
    }
    assert_eq!(found(&store, &of_left).await.len(), 10);
    // A guard sees what the projection let through, and nothing else.
    let after = store.head().await.expect("a head");
    let look = || Commit::new().guard(of_left.clone(), after);
    store.append(left("b", true)).await.expect_err("refused");
    store.commit(look()).await.expect("nothing came");
    store.append(left("b", false)).await.expect("stored");
    store.commit(look()).await.expect_err("it came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_in_a_file_takes_tags_back() {
    let folder = es_tests::tiers::folder();
    let store = SqliteStore::options().inline(Choosy);
    let store = store.open(folder.path().join("events.db")).await;
    refused_by_a_projection(store.expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_projection_on_a_server_takes_tags_back() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let store = options.inline(Choosy).open().await.expect("opens");
    refused_by_a_projection(store).await;
}

/// Events of a program that knows the tags, read from what one without them wrote. `course.entered` is a retired name, and
/// `course.moved` is read as two.
struct Joined(String);

impl EventSet for Joined {
    const TYPES: &'static [EventType] = &[];
    const RETIRED_NAMES: &'static [&'static str] = &["course.entered", "course.moved"];
    const TAG_KINDS: &'static [(&'static str, &'static [&'static str])] = &[(NAME, &["course"])];

    fn event_type(&self) -> EventType {
        EventType {
            name: NAME,
            version: 1,
        }
    }

    fn encode(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
        codec.encode(&self.0)
    }

    fn decode(name: &str, stored: StoredPayload<'_>) -> Result<Decoded<Self>, DecodeError> {
        let course: Result<String, _> = Codec::Json.decode(stored.bytes);
        let course = course.map_err(|source| DecodeError::Payload {
            name: NAME,
            version: 1,
            source,
        })?;
        Ok(match name {
            "course.moved" => Decoded::Many(vec![Self(course), Self("elsewhere".to_owned())]),
            _ => Decoded::One(Self(course)),
        })
    }

    fn tags(&self) -> Vec<EventTag> {
        vec![EventTag::of(&CourseId(self.0.clone()))]
    }
}

/// Old events are walked in several steps by several callers at once, while a program that knows the tags and one that does
/// not write. In the end each event is found by its tag.
async fn turned_on_meanwhile<S: WorkQueue + SnapshotStore>(store: S) {
    const OLD: usize = 1_200;
    let event = |name: &'static str, number: usize, knows: bool| {
        let course = format!("c{}", number % 7);
        let mut event = NewEvent::json(name, 1, format!("{course:?}"));
        if knows {
            event = event.with_tags(vec![EventTag::of(&CourseId(course))]);
        }
        event
    };
    let append =
        |id: String, event| Append::new(stream(id), ExpectedVersion::Any).with_event(event);
    // Together, so that they share transactions.
    let mut old = JoinSet::new();
    for number in 0..OLD {
        let names = [NAME, "course.entered", "course.moved", "course.other"];
        let event = event(names[number % 4], number, false);
        let (store, append) = (store.clone(), append(format!("old-{}", number % 50), event));
        old.spawn(async move { store.append(append).await.expect("stored") });
    }
    old.join_all().await;
    let part = store
        .read_tagged(&query("c1"), Position::START, ReadLimit::default())
        .await;
    assert!(
        matches!(part, Err(ReadError::TagsNotReady { .. })),
        "{part:?}"
    );
    let writing: Vec<_> = [true, false]
        .into_iter()
        .map(|knows| {
            let store = store.clone();
            es_tests::spawn(async move {
                for number in 0..300 {
                    let event = event(NAME, number, knows);
                    match store
                        .append(append(format!("{knows}-{number}"), event))
                        .await
                    {
                        Ok(_) => {}
                        Err(AppendError::TagKindUnknown { .. }) if !knows => {}
                        Err(wrong) => panic!("{wrong}"),
                    }
                }
            })
        })
        .collect();
    // A caller that ends early leaves what it has walked.
    let early = AnyStore::new(store.clone());
    let early = es_tests::spawn(async move { turn_on_tags::<Joined>(&early).await });
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    early.abort();
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let store = AnyStore::new(store.clone());
            es_tests::spawn(async move { turn_on_tags::<Joined>(&store).await })
        })
        .collect();
    for caller in callers {
        caller.await.expect("ends").expect("turned on");
    }
    for writer in writing {
        writer.await.expect("ends");
    }
    let (mut after, mut wanted) = (Position::START, vec![Vec::new(); 8]);
    loop {
        let all = EventFilter::all();
        let page = store.read_feed(after, &all, ReadLimit::default());
        let page = page.await.expect("read");
        for event in page
            .events
            .iter()
            .filter(|event| &*event.name != "course.other")
        {
            let index = event.payload[2] - b'0';
            wanted[usize::from(index)].push(event.position);
            if &*event.name == "course.moved" {
                wanted[7].push(event.position);
            }
        }
        after = page.next;
        if page.at_end {
            break;
        }
    }
    let names = [NAME, "course.entered", "course.moved"];
    for (number, wanted) in wanted.into_iter().enumerate() {
        let course = match number {
            7 => "elsewhere".to_owned(),
            _ => format!("c{number}"),
        };
        let query = TagQuery::of(&CourseId(course), names).expect("names");
        assert_eq!(found(&store, &query).await, wanted, "course {number}");
    }
    let late = store
        .append(append("late".to_owned(), event(NAME, 1, false)))
        .await;
    assert!(
        matches!(late, Err(AppendError::TagKindUnknown { .. })),
        "{late:?}"
    );
    // Once they are on, it is one look.
    let again = turn_on_tags::<Joined>(&AnyStore::new(store)).await;
    assert_eq!(again.expect("on").events, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_turned_on_in_a_file_while_others_write() {
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options().durability(es_sqlite::Durability::Normal);
    let store = options.open(folder.path().join("events.db")).await;
    turned_on_meanwhile(store.expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_turned_on_in_memory_while_others_write() {
    turned_on_meanwhile(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn tags_are_turned_on_on_a_server_while_others_write() {
    let database = database_at("repeatable read");
    let store = PostgresStore::open(&database.url()).await.expect("opens");
    turned_on_meanwhile(store).await;
}

/// What this program cannot decode, or cannot tag, turns nothing on.
#[tokio::test]
async fn what_cannot_be_tagged_stops_turning_on() {
    for (payload, is_decoded) in [("7", false), (r#""""#, true)] {
        let store = AnyStore::new(MemoryStore::new());
        let old = NewEvent::json(NAME, 1, payload);
        let old = Append::new(stream("old"), ExpectedVersion::Any).with_event(old);
        store.append(old).await.expect("stored");
        let error = turn_on_tags::<Joined>(&store).await.expect_err("stopped");
        match (is_decoded, &error) {
            (false, TurnOnError::Decode { .. }) | (true, TurnOnError::Tags { .. }) => {}
            wrong => panic!("it cannot be tagged, and not {wrong:?}"),
        }
        let part = store
            .read_tagged(&query("c1"), Position::START, ReadLimit::default())
            .await;
        assert!(
            matches!(part, Err(ReadError::TagsNotReady { .. })),
            "{part:?}"
        );
    }
}
