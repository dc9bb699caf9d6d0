//! Unique values where several processes, isolation levels and projections meet them. What one store promises is in
//! the conformance suite.

use es_decisions::turn_on;
use es_postgres::{PostgresReadDatabase, PostgresStore, PostgresTransaction};
use es_projections::{HandlerError, Project, Projection};
use es_runtime::{
    AnyStore, Append, AppendError, AppendId, Codec, CodecError, Commit, CommitError, CommitStore,
    DecodeError, Envelope, Event, EventFilter, EventStore, ExpectedVersion, MemoryStore, NewEvent,
    OnDuplicates, Position, ReadLimit, SnapshotStore, StoredPayload, StreamId, UniqueChange,
    WorkQueue,
};
use es_sqlite::{SqliteReadDatabase, SqliteStore, SqliteTransaction};
use es_testkit::postgres::Database;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

const RULE: &str = "customer.email";

/// What a server may have as its default.
pub(crate) const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// A database with this default.
pub(crate) fn database_at(level: &str) -> Database<'static> {
    let database = es_tests::server::database();
    let set = format!(
        "ALTER DATABASE {} SET default_transaction_isolation = '{level}'",
        database.name()
    );
    database.query(&set).expect("set");
    database
}

fn customer(id: impl ToString) -> StreamId {
    StreamId::new("customer", &id.to_string()).expect("a name")
}

fn changed(id: impl ToString, change: UniqueChange) -> Append {
    let event = NewEvent::json("customer.changed", 1, r#"{"fails":false}"#);
    Append::new(customer(id), ExpectedVersion::Any).with_event(event.with_unique(vec![change]))
}

fn claim(id: impl ToString, value: &str) -> Append {
    changed(id, UniqueChange::claim(RULE, value))
}

/// Streams of two handles race for one value again and again: each time one has it.
async fn race<S: EventStore + CommitStore>(stores: [S; 2]) {
    for round in 0..20 {
        let value = format!("value-{round}");
        let mut racers = Vec::new();
        for number in 0..16 {
            let (store, value) = (stores[number % 2].clone(), value.clone());
            racers.push(es_tests::spawn(async move {
                let request = claim(format!("{round}-{number}"), &value);
                if number % 4 < 2 {
                    return store.append(request).await.map(|_| ());
                }
                match store.commit(Commit::new().append(request)).await {
                    Ok(_) => Ok(()),
                    Err(CommitError::Append(error)) => Err(error),
                    Err(error) => panic!("{error}"),
                }
            }));
        }
        let mut won = 0;
        for racer in racers {
            match racer.await.expect("ends") {
                Ok(()) => won += 1,
                Err(AppendError::Taken { .. }) => {}
                Err(wrong) => panic!("the value is taken, and not {wrong}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        for store in &stores {
            let holder = store.unique_holder(RULE, &value).await.expect("read");
            assert!(holder.is_some());
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

/// The statement of a plain append reads before it has the lock. A rule that another process turns on meanwhile
/// still fences it.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn an_append_that_waits_for_the_lock_sees_a_rule_that_came_meanwhile() {
    let rules = LEVELS.map(|level| (level, RULE));
    for (level, rule) in rules.into_iter().chain([(LEVELS[1], "tag:region")]) {
        let database = database_at(level);
        let store = PostgresStore::open(&database.url()).await.expect("opens");
        let client = es_tests::client(&database.url()).await;
        client
            .batch_execute("BEGIN; SELECT * FROM es.head FOR UPDATE")
            .await
            .expect("locked");
        let waiting = {
            let store = store.clone();
            let event = NewEvent::json("customer.changed", 1, "{}");
            let plain = Append::new(customer("old"), ExpectedVersion::NoStream).with_event(event);
            es_tests::spawn(async move { store.append(plain).await })
        };
        es_tests::somebody_waits_for_a_lock(&database).await;
        client
            .batch_execute(&format!(
                "INSERT INTO es.rules VALUES ('{rule}', 'customer.changed');
                 UPDATE es.head SET rules = rules + 1; COMMIT",
            ))
            .await
            .expect("turned on");
        let answer = waiting.await.expect("ends");
        assert!(
            matches!(
                (rule, &answer),
                (RULE, Err(AppendError::UniqueRuleUnknown { .. }))
                    | ("tag:region", Err(AppendError::TagKindUnknown { .. }))
            ),
            "{level}: {answer:?}"
        );
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("customer.changed")]
pub(crate) struct Changed {
    fails: bool,
}

/// A projection inside of appends that refuses some events.
#[derive(Projection)]
#[projection("choosy", events(Changed))]
#[projection(schema(
    SqliteReadDatabase = "CREATE TABLE {choosy} (n INTEGER)",
    PostgresReadDatabase = "CREATE TABLE {choosy} (n INTEGER)",
))]
pub(crate) struct Choosy;

fn choose(event: &Envelope<Changed>) -> Result<(), HandlerError> {
    if event.event.fails {
        return Err(std::io::Error::other("it does not like it").into());
    }
    Ok(())
}

impl Project<Changed, SqliteReadDatabase> for Choosy {
    async fn project(
        &self,
        event: &Envelope<Changed>,
        _: &mut SqliteTransaction,
    ) -> Result<(), HandlerError> {
        choose(event)
    }
}

impl Project<Changed, PostgresReadDatabase> for Choosy {
    async fn project(
        &self,
        event: &Envelope<Changed>,
        _: &mut PostgresTransaction,
    ) -> Result<(), HandlerError> {
        choose(event)
    }
}

/// An append that the projection refuses.
fn refused(id: &str, change: UniqueChange) -> Append {
    let mut append = changed(id, change);
    append.events[0].payload = br#"{"fails":true}"#.to_vec();
    append
}

/// What a projection refuses claims nothing, releases nothing, and turns no rule on.
async fn refused_by_a_projection<S: EventStore + CommitStore>(store: S) {
    let is_refused = |error: &AppendError| matches!(error, AppendError::Projection { .. });
    let holder = || async { store.unique_holder(RULE, "value").await.expect("read") };
    let first = || refused("1", UniqueChange::claim(RULE, "value"));
    assert!(is_refused(
        &store.append(first()).await.expect_err("refused")
    ));
    assert_eq!(holder().await, None);
    // The rule is not on: an event without it is stored, and now the rule must be turned on for it.
    let plain = NewEvent::json("customer.changed", 1, r#"{"fails":false}"#);
    let plain = Append::new(customer("2"), ExpectedVersion::Any).with_event(plain);
    store.append(plain).await.expect("no rule is on");
    store.append(claim("1", "value")).await.expect("it is off");
    assert_eq!(holder().await, None);
}

async fn kept_by_a_projection<S: EventStore + CommitStore>(store: S) {
    let holder = |value: &'static str| {
        let store = store.clone();
        async move { store.unique_holder(RULE, value).await.expect("read") }
    };
    store.append(claim("1", "value")).await.expect("stored");
    let release = || refused("1", UniqueChange::release(RULE));
    store.append(release()).await.expect_err("refused");
    assert_eq!(holder("value").await, Some(customer("1")));
    let commit = Commit::new().append(claim("2", "other")).append(release());
    store.commit(commit).await.expect_err("refused");
    assert_eq!(holder("other").await, None);
    // Many at once, of which each second one is refused.
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            let value = format!("many-{}", number / 2);
            let claim = UniqueChange::claim(RULE, value);
            let append = match number % 2 {
                0 => refused(&format!("many-{number}"), claim),
                _ => changed(format!("many-{number}"), claim),
            };
            es_tests::spawn(async move { store.append(append).await.is_ok() })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(
            task.await.expect("ends"),
            number % 2 == 1,
            "append {number}"
        );
    }
    // A repeated request is answered, though its value is another's now.
    let id = AppendId::new("first").expect("an id");
    let first = claim("3", "mine").with_append_id(id);
    store.append(first.clone()).await.expect("stored");
    store.append(claim("3", "elsewhere")).await.expect("stored");
    store.append(claim("4", "mine")).await.expect("stored");
    assert!(store.append(first).await.expect("answered").repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_in_a_file_takes_claims_back() {
    let folder = es_tests::tiers::folder();
    let open = |name: &str| {
        SqliteStore::options()
            .inline(Choosy)
            .open(folder.path().join(name))
    };
    refused_by_a_projection(open("one.db").await.expect("opens")).await;
    kept_by_a_projection(open("two.db").await.expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_projection_on_a_server_takes_claims_back() {
    for number in 0..2 {
        let database = es_tests::server::database();
        let options = PostgresStore::options(&database.url()).expect("a url");
        let store = options.inline(Choosy).open().await.expect("opens");
        match number {
            0 => refused_by_a_projection(store).await,
            _ => kept_by_a_projection(store).await,
        }
    }
}

/// An event of a program that knows the rule, read from what one without it wrote.
struct Registered {
    email: String,
}

impl Event for Registered {
    const NAME: &'static str = "customer.registered";
    const VERSION: u16 = 1;
    const UNIQUE_RULES: &'static [&'static str] = &[RULE];

    fn to_payload(&self, codec: Codec) -> Result<Vec<u8>, CodecError> {
        codec.encode(&self.email)
    }

    fn from_payload(stored: StoredPayload<'_>) -> Result<Self, DecodeError> {
        let email = Codec::Json.decode(stored.bytes);
        email
            .map(|email| Self { email })
            .map_err(|source| DecodeError::Payload {
                name: Self::NAME,
                version: 1,
                source,
            })
    }

    fn unique(&self) -> Vec<UniqueChange> {
        vec![UniqueChange::claim(RULE, &*self.email)]
    }
}

/// Old events are walked in several steps by several callers at once, while a program that knows the rule and one that
/// does not write. In the end no two streams have one value, or that is said.
async fn turned_on_meanwhile<S: WorkQueue + SnapshotStore>(store: S) {
    const OLD: usize = 1_200;
    let registered = |id: String, knows: bool| {
        let event = Registered {
            email: format!("{id}@example.com"),
        };
        let payload = event.to_payload(Codec::Json).expect("encoded");
        let mut stored = NewEvent::json(Registered::NAME, 1, payload);
        if knows {
            stored = stored.with_unique(event.unique());
        }
        Append::new(customer(id), ExpectedVersion::NoStream).with_event(stored)
    };
    // Together, so that they share transactions.
    let mut old = JoinSet::new();
    for number in 0..OLD {
        let (store, append) = (store.clone(), registered(format!("old-{number}"), false));
        old.spawn(async move { store.append(append).await.expect("stored") });
    }
    old.join_all().await;
    let writing: Vec<_> = [true, false]
        .into_iter()
        .map(|knows| {
            let store = store.clone();
            es_tests::spawn(async move {
                let mut refused = 0;
                for number in 0..300 {
                    let append = registered(format!("{knows}-{number}"), knows);
                    match store.append(append).await {
                        Ok(_) => {}
                        Err(AppendError::UniqueRuleUnknown { .. }) if !knows => refused += 1,
                        Err(wrong) => panic!("{wrong}"),
                    }
                }
                refused
            })
        })
        .collect();
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let store = AnyStore::new(store.clone());
            es_tests::spawn(async move {
                turn_on::<Registered>(&store, RULE, OnDuplicates::StayOff).await
            })
        })
        .collect();
    for caller in callers {
        let done = caller.await.expect("ends").expect("turned on");
        assert!(done.is_on, "{done:?}");
    }
    for writer in writing {
        writer.await.expect("ends");
    }
    // Each event that is stored has its value.
    let mut after = Position::START;
    loop {
        let all = EventFilter::all();
        let page = store.read_feed(after, &all, ReadLimit::default());
        let page = page.await.expect("read");
        for event in &page.events {
            let email = format!("{}@example.com", event.stream.id());
            let holder = store.unique_holder(RULE, &email).await.expect("read");
            assert_eq!(holder.as_ref(), Some(&event.stream));
        }
        after = page.next;
        if page.at_end {
            break;
        }
    }
    let late = registered("late".to_owned(), false);
    let late = store.append(late).await;
    assert!(
        matches!(late, Err(AppendError::UniqueRuleUnknown { .. })),
        "{late:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_turned_on_in_a_file_while_others_write() {
    let folder = es_tests::tiers::folder();
    let options = SqliteStore::options().durability(es_sqlite::Durability::Normal);
    let store = options.open(folder.path().join("events.db")).await;
    turned_on_meanwhile(store.expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_turned_on_in_memory_while_others_write() {
    turned_on_meanwhile(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn a_rule_is_turned_on_on_a_server_while_others_write() {
    let levels = es_tests::tries(&LEVELS[..], &["serializable"]);
    for level in levels {
        let database = database_at(level);
        let store = PostgresStore::open(&database.url()).await.expect("opens");
        turned_on_meanwhile(store).await;
    }
}
