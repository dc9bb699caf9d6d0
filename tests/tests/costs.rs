//! What an operation costs, in numbers that no machine changes: allocations, commits, answers of the server, threads
//! that are woken, rows, bytes. A change that makes one worse fails here and says which. One that makes it better lowers the number.

// Other systems have other crates below.
#[cfg(target_os = "linux")]
#[path = "costs/crates.rs"]
mod crates;
#[cfg(target_os = "linux")]
#[path = "explorer/http.rs"]
#[allow(dead_code, reason = "the tests of the explorer use all of it")]
mod http;

use es_decisions::{Decide, Decision, Decisions, Emitted, Fold};
use es_postgres::PostgresStore;
use es_runtime::{
    Aggregate, AnyStore, Append, Apply, Event, EventStore, EventTag, Events, ExpectedVersion,
    Handle, MemoryStore, NewEvent, Position, ReadError, ReadLimit, Repository, SnapshotStore,
    StreamId, Tag, TagQuery, TaggedBackward, TaggedPage,
};
use es_sqlite::{Durability, SqliteStore};
use es_testkit::{
    Layered, StoreLayer,
    postgres::{Database, Server},
};
use es_tests::{
    proxy::Proxy,
    statistics::{READ_BY_TAGS, counted},
};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
#[cfg(target_os = "linux")]
use std::{collections::HashMap, ffi::OsString};
use std::{
    convert::Infallible,
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

#[derive(Event, Serialize, Deserialize)]
#[event("account.deposited")]
struct Deposited {
    cents: i64,
    reference: String,
}

#[derive(Clone)]
struct Deposit(i64);

#[derive(Aggregate, Clone, Default)]
#[aggregate("account", id = String, error = Infallible, events(Deposited))]
struct Account {
    cents: i64,
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

impl Handle<Deposit> for Account {
    fn handle(&self, Deposit(cents): Deposit) -> Result<Events<Self>, Infallible> {
        let reference = "transfer from a savings account, reference 2026-11".to_owned();
        Ok(Deposited { cents, reference }.into())
    }
}

/// Fails where something costs more than was recorded.
fn costs(what: &str, found: u64, recorded: u64) {
    println!("{what}: {found} (recorded: {recorded})");
    assert!(
        found <= recorded,
        "{what} costs {found}, and {recorded} was recorded"
    );
}

/// The fewest allocations of the calling thread in some runs: now and then a table grows.
fn allocations<T>(mut work: impl FnMut(usize) -> T) -> u64 {
    let runs = (0..20).map(|run| {
        allocation_counter::measure(|| {
            std::hint::black_box(work(run));
        })
        .count_total
    });
    runs.min().unwrap_or(0)
}

fn account(number: usize) -> String {
    format!("account-{number:04}")
}

/// Twenty accounts with so many events each.
fn seeded<S: EventStore + SnapshotStore>(repo: &Repository<Account, S>, events: usize) {
    for number in 0..20 {
        for _ in 0..events {
            block_on(repo.execute(account(number), Deposit(1)).into_future()).expect("stored");
        }
    }
}

#[test]
fn in_memory() {
    let repo = Repository::<Account, _>::new(MemoryStore::new());
    seeded(&repo, 10);
    let ids: Vec<String> = (0..20).map(account).collect();
    let command = allocations(|run| block_on(repo.execute(&*ids[run], Deposit(1)).into_future()));
    costs(
        "allocations of a command on ten events in memory",
        command,
        25,
    );
    let load = allocations(|run| block_on(repo.load(&*ids[run])));
    costs("allocations of a load of eleven events in memory", load, 15);
    let repo = repo.cached(100);
    seeded(&repo, 1);
    let command = allocations(|run| block_on(repo.execute(&*ids[run], Deposit(1)).into_future()));
    costs(
        "allocations of a command on a cached state in memory",
        command,
        15,
    );
}

/// Held by those that open a file: threads are counted by their names.
static SQLITE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    SQLITE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn on_sqlite() {
    let _alone = alone();
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("events.db");
    let store = block_on(SqliteStore::open(&path)).expect("opens");
    let repo = Repository::<Account, _>::new(store.clone());
    seeded(&repo, 10);
    let ids: Vec<String> = (0..20).map(account).collect();
    let before = store.stats();
    let command = allocations(|run| block_on(repo.execute(&*ids[run], Deposit(1)).into_future()));
    let after = store.stats();
    costs(
        "allocations of a caller of a command on ten events in SQLite",
        command,
        17,
    );
    costs(
        "commits of twenty commands in SQLite",
        after.commits - before.commits,
        20,
    );
    let load = allocations(|run| block_on(repo.load(&*ids[run])));
    costs(
        "allocations of a caller of a load of eleven events in SQLite",
        load,
        5,
    );
    let log = path.with_file_name("events.db-wal");
    let before = std::fs::metadata(&log).expect("the log").len();
    seeded(&repo, 1);
    costs(
        "bytes of the log for each command in SQLite",
        (std::fs::metadata(&log).expect("the log").len() - before) / 20,
        13_596,
    );
    block_on(store.close());
    let bytes = std::fs::metadata(&path).expect("the file").len();
    costs(
        "bytes of a file of 240 small events in SQLite",
        bytes,
        126_976,
    );
    // Not a test of its own: threads of two stores in one process have the same names.
    #[cfg(target_os = "linux")]
    woken_by_commands();
}

/// How often each thread with this beginning of its name has waited for something.
#[cfg(target_os = "linux")]
fn waits(threads: &str) -> HashMap<OsString, u64> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads");
    let waits = tasks.filter_map(|task| {
        let task = task.ok()?;
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let value = |key| status.lines().find_map(|line| line.strip_prefix(key));
        if !value("Name:")?.trim().starts_with(threads) {
            return None;
        }
        let waits = value("voluntary_ctxt_switches:")?.trim().parse().ok()?;
        Some((task.file_name(), waits))
    });
    waits.collect()
}

/// A thread that waited was woken. A command wakes one reader and the writer at most, and no other thread.
#[cfg(target_os = "linux")]
fn woken_by_commands() {
    let folder = es_tests::tiers::folder();
    // Without a sync, for which the writer would wait, too.
    let options = SqliteStore::options().durability(Durability::Normal);
    let store = block_on(options.open(folder.path().join("events.db"))).expect("opens");
    let repo = Repository::<Account, _>::new(store.clone());
    seeded(&repo, 1);
    for (what, threads) in [("readers", "es-sqlite-read"), ("writers", "es-sqlite-writ")] {
        // The fewest in some runs: a thread may also wait for a page of memory or a lock.
        let runs = (0..20).map(|_| {
            let before = waits(threads);
            seeded(&repo, 1);
            let after = waits(threads).into_iter();
            after
                .map(|(thread, waits)| waits - before.get(&thread).unwrap_or(&waits))
                .sum()
        });
        let woken = runs.min().unwrap_or(0);
        costs(
            &format!("{what} woken by twenty commands in SQLite"),
            woken,
            20,
        );
    }
    block_on(store.close());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn on_postgresql() {
    let server = Server::options().tcp().start().expect("a server");
    let database = server.database().expect("a database");
    let proxy = Proxy::start(server.tcp_address().expect("TCP"))
        .await
        .expect("a proxy");
    let url = database.url_through(proxy.address());
    let options = PostgresStore::options(&url).expect("a url").notify(false);
    let store = options.open().await.expect("opens");
    let repo = Repository::<Account, _>::new(store.clone());
    repo.execute("alice", Deposit(1)).await.expect("stored");
    let before = proxy.answers();
    for _ in 0..10 {
        repo.execute("alice", Deposit(1)).await.expect("stored");
    }
    let commands = proxy.answers() - before;
    costs("answers of the server to ten commands", commands as u64, 20);
    let cached = repo.clone().cached(100);
    cached.execute("alice", Deposit(1)).await.expect("stored");
    let before = proxy.answers();
    for _ in 0..10 {
        cached.execute("alice", Deposit(1)).await.expect("stored");
    }
    costs(
        "answers of the server to ten commands on a cached state",
        (proxy.answers() - before) as u64,
        10,
    );
    tagged_on_postgresql(&store, &proxy).await;
    let before = proxy.answers();
    repo.load("alice").await.expect("loaded");
    costs(
        "answers of the server to a load",
        (proxy.answers() - before) as u64,
        1,
    );
    let rows = "SELECT (SELECT count(*) FROM es.events) + (SELECT count(*) FROM es.appends) + (SELECT count(*) FROM \
                es.snapshots) + (SELECT count(*) FROM es.event_tags) + (SELECT count(*) FROM es.work)";
    let before = number(&database, rows);
    for _ in 0..10 {
        repo.execute("alice", Deposit(1)).await.expect("stored");
    }
    costs(
        "rows that ten commands leave in PostgreSQL",
        number(&database, rows) - before,
        10,
    );
    let size = "SELECT max(pg_column_size(e.*)) FROM es.events e";
    costs(
        "bytes of the row of a small event in PostgreSQL",
        number(&database, size),
        197,
    );
    store.close().await;
}

fn number(database: &Database<'_>, sql: &str) -> u64 {
    let answer = database.query(sql).expect("an answer");
    answer.trim().parse().expect("a number")
}

#[derive(Tag)]
#[tag("invoices")]
struct Invoices;

#[derive(Event, Serialize, Deserialize)]
#[event("invoice.issued", tag(Invoices))]
struct InvoiceIssued {
    number: u64,
}

#[derive(Fold, Clone, Default)]
#[fold("last_invoice", by(Invoices), events(InvoiceIssued), last)]
struct LastInvoice {
    number: u64,
}

impl Apply<InvoiceIssued> for LastInvoice {
    fn apply(&mut self, event: &InvoiceIssued) {
        self.number = event.number;
    }
}

#[derive(Decision)]
#[decision("invoice.issue", error = Infallible, reads(last: LastInvoice()), emits(InvoiceIssued))]
struct IssueInvoice {}

impl Decide for IssueInvoice {
    fn decide(&self, read: &IssueInvoiceReads) -> Result<Emitted<Self>, Infallible> {
        let number = read.last.number + 1;
        Ok(Emitted::new().event(InvoiceIssued { number }))
    }
}

/// Invoices with these numbers, as older decisions stored them.
async fn issued(store: &AnyStore, numbers: std::ops::RangeInclusive<u64>) {
    let stream = StreamId::new("invoices", "older").expect("a name");
    let events = numbers.map(|number| {
        let event = NewEvent::json("invoice.issued", 1, format!(r#"{{"number":{number}}}"#));
        event.with_tags(vec![EventTag::of(&Invoices)])
    });
    let events: Vec<_> = events.collect();
    for events in events.chunks(500) {
        let append = Append::new(stream.clone(), ExpectedVersion::Any);
        let append = append.with_events(events.to_vec());
        store.append(append).await.expect("stored");
    }
}

/// Counts reads by tags, and the events that they return.
#[derive(Clone, Debug)]
struct Counting {
    inner: AnyStore,
    reads: Arc<AtomicUsize>,
    events: Arc<AtomicUsize>,
}

impl StoreLayer for Counting {
    type Inner = AnyStore;

    fn inner(&self) -> &AnyStore {
        &self.inner
    }

    async fn read_tagged(
        &self,
        query: &TagQuery,
        after: Position,
        limit: ReadLimit,
    ) -> Result<TaggedPage, ReadError> {
        let page = self.inner.read_tagged(query, after, limit).await?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(page.events.len(), Ordering::Relaxed);
        Ok(page)
    }

    async fn read_tagged_backward(
        &self,
        query: &TagQuery,
        after: Position,
        until: Bound<Position>,
        limit: ReadLimit,
    ) -> Result<TaggedBackward, ReadError> {
        let read = self.inner.read_tagged_backward(query, after, until, limit);
        let page = read.await?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(page.events.len(), Ordering::Relaxed);
        Ok(page)
    }
}

/// The reads, and the events that they return, of ten decisions on the newest invoice.
async fn read_by_ten(store: AnyStore) -> [usize; 2] {
    let counting = Counting {
        inner: store,
        reads: Arc::default(),
        events: Arc::default(),
    };
    let counts = [&counting.reads, &counting.events].map(Arc::clone);
    let decisions = Decisions::new(Layered(counting));
    for _ in 0..10 {
        decisions.execute(IssueInvoice {}).await.expect("issued");
    }
    counts.map(|count| count.load(Ordering::Relaxed))
}

/// What a decision on the newest event costs does not depend on how many there are.
#[test]
fn the_newest_of_many_invoices() {
    let _alone = alone();
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("events.db");
    let sqlite = block_on(SqliteStore::open(&path)).expect("opens");
    let memory = AnyStore::new(MemoryStore::new());
    let mut allocated = Vec::new();
    for numbers in [1..=10, 11..=3_000] {
        for store in [memory.clone(), AnyStore::new(sqlite.clone())] {
            let so_many = *numbers.end();
            block_on(issued(&store, numbers.clone()));
            let [reads, events] = block_on(read_by_ten(store));
            let what = format!("by ten decisions on the newest of {so_many} invoices");
            costs(&format!("reads {what}"), reads as u64, 10);
            costs(&format!("events read {what}"), events as u64, 10);
        }
        let decisions = Decisions::new(memory.clone());
        let decision = || decisions.execute(IssueInvoice {}).into_future();
        allocated.push(allocations(|_| block_on(decision())));
    }
    costs(
        "allocations of a decision on the newest invoice in memory",
        allocated[1],
        allocated[0],
    );
    block_on(sqlite.close());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn the_newest_of_many_invoices_on_postgresql() {
    let database = es_tests::server::database();
    let options = PostgresStore::options(&database.url()).expect("a url");
    let options = options.notify(false);
    for numbers in [1..=10, 11..=3_000] {
        let so_many = *numbers.end();
        let store = options.clone().open().await.expect("opens");
        issued(&AnyStore::new(store.clone()), numbers).await;
        store.close().await;
        let rows = counted(&database, READ_BY_TAGS).await;
        let store = options.clone().open().await.expect("opens");
        read_by_ten(AnyStore::new(store.clone())).await;
        store.close().await;
        let rows = counted(&database, READ_BY_TAGS).await - rows;
        let what = format!("rows read for ten decisions on the newest of {so_many} invoices");
        costs(&what, rows, 45);
    }
}

/// An append of one event with so many tags.
fn tagged(tags: usize, number: u64) -> Append {
    let tag = |tag| EventTag::new(["course", "student"][tag]).with(number.to_string());
    let name = ["plain", "tagged.once", "tagged.twice"][tags];
    let stream = StreamId::new("course", &format!("{tags}-{number}")).expect("a stream");
    let tags = (0..tags).map(tag).collect();
    Append::new(stream, ExpectedVersion::NoStream)
        .with_event(NewEvent::json(name, 1, "{}").with_tags(tags))
}

/// A tagged event asks the server no more often than a plain one, once its kinds are on.
async fn tagged_on_postgresql(store: &PostgresStore, proxy: &Proxy) {
    for tags in 0..3 {
        // The first one turns its kinds on, the second one finds that they are, and the third one prepares its statement.
        for number in 0..3 {
            store.append(tagged(tags, number)).await.expect("stored");
        }
        let before = proxy.answers();
        for number in 3..13 {
            store.append(tagged(tags, number)).await.expect("stored");
        }
        costs(
            &format!("answers of the server to ten appends with {tags} tags"),
            (proxy.answers() - before) as u64,
            10,
        );
    }
}

/// A program without tags and unique values has none of their tables. Its appends write no page for them.
#[test]
fn without_tags_a_file_has_nothing_of_them() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let mut pages = Vec::new();
    for tags in 0..3 {
        let path = folder.path().join(format!("{tags}.db"));
        let store = block_on(SqliteStore::open(&path)).expect("opens");
        block_on(store.append(tagged(tags, 0))).expect("stored");
        let log = || {
            let log = folder.path().join(format!("{tags}.db-wal"));
            std::fs::metadata(log).expect("a log").len() / 4_120
        };
        let before = log();
        for number in 1..=10 {
            block_on(store.append(tagged(tags, number))).expect("stored");
        }
        pages.push(log() - before);
        let file = rusqlite::Connection::open(&path).expect("opens");
        let tables = "SELECT count(*) FROM sqlite_schema
                      WHERE name IN ('es_tags', 'es_rules', 'es_unique_values', 'es_tag_walks')";
        let tables: i64 = file.query_row(tables, [], |row| row.get(0)).expect("read");
        assert_eq!(tables, if tags == 0 { 0 } else { 3 }, "{tags} tags");
    }
    for (tags, (pages, recorded)) in pages.into_iter().zip([40, 50, 50]).enumerate() {
        let what = format!("pages of the log for ten appends with {tags} tags");
        costs(&what, pages, recorded);
    }
}

/// The bytes that the threads of the explorer have read so far.
#[cfg(target_os = "linux")]
fn read_by_explorer() -> u64 {
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let threads = std::fs::read_dir("/proc/self/task").expect("threads");
    let paths = threads.map(|thread| thread.expect("a thread").path());
    let ours = paths.filter(|path| text(path.join("comm")).starts_with("es-explorer"));
    let read = ours.filter_map(|path| {
        let io = text(path.join("io"));
        io.lines()
            .find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok())
    });
    read.sum()
}

/// A request of the explorer reads a bounded part of the store, however many events it has.
#[cfg(target_os = "linux")]
#[test]
fn a_request_of_the_explorer() {
    let _alone = alone();
    let folder = es_tests::tiers::folder();
    let path = folder.path().join("many.db");
    let store = block_on(SqliteStore::open(&path)).expect("opens");
    block_on(store.close());
    let events = 300_000;
    let connection = rusqlite::Connection::open(&path).expect("opens");
    // Ten events in each of 30,000 streams, and an event of them every two seconds.
    let fill = format!(
        r#"WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {events} - 1)
        INSERT INTO events SELECT n + 1, 'order', printf('%06d', n % 30000), n / 30000 + 1, 'order.changed', 1,
          strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2026-01-01', '+' || (n * 2) || ' seconds'),
          printf('01900000-0000-7000-8000-%012x', n), '{{"user":"u","correlation":"c' || (n / 10) || '"}}',
          'application/json', '{{"cents":' || n || ',"note":"{}"}}' FROM n"#,
        "x".repeat(100)
    );
    connection.execute_batch(&fill).expect("filled");
    drop(connection);
    let size = std::fs::metadata(&path).expect("a file").len();
    let place = es_explorer::Place::new(&format!("sqlite:{}", path.display())).expect("a store");
    let own = ([127, 0, 0, 1], 0).into();
    let server = es_explorer::Server::bind(&place, own, &[]).expect("listens");
    let address = server.address();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.spawn(server.run(std::future::pending()));
    let read = |target: &str| {
        let before = read_by_explorer();
        let host = format!("Host: {address}\r\n");
        let answer = http::request(address, "GET", target, &host, "");
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        read_by_explorer() - before
    };
    let kibibytes = |target: &str, recorded| costs(target, read(target).div_ceil(1024), recorded);
    kibibytes("/api/overview", 4_000);
    kibibytes("/api/streams", 1_200);
    kibibytes("/api/streams?since=2026-01-02&until=2026-01-03", 1_200);
    kibibytes("/api/streams?order=id", 600);
    kibibytes(
        "/api/streams?order=id&after_aggregate=order&after=020000",
        600,
    );
    kibibytes("/api/stream?aggregate=order&id=000123", 200);
    kibibytes("/api/events", 300);
    kibibytes("/api/events?since=2026-01-03&until=2026-01-04", 400);
    kibibytes("/api/readers", 100);
    kibibytes("/api/sagas", 100);
    // What has no index is looked for in parts.
    kibibytes("/api/streams?search=none&order=id", 4_000);
    kibibytes("/api/streams?search=none", 9_000);
    kibibytes("/api/events?name=none", 36_000);
    kibibytes("/api/trace?correlation=none", 36_000);
    // The control: the measure sees what is read, and the store has more.
    let parts = read("/api/events?name=none") + read("/api/events?name=none&before=200000");
    assert!(
        parts > 20_000_000 && size > 100_000_000,
        "{parts} of {size}"
    );
}
