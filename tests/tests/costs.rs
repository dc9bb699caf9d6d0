//! What an operation costs, in numbers that no machine changes: allocations, commits, answers of the server,
//! bytes. A change that makes one worse fails here and says which. One that makes it better lowers the number.

use es_postgres::PostgresStore;
use es_runtime::{
    Aggregate, Apply, Event, EventStore, Events, Handle, MemoryStore, Repository, SnapshotStore,
};
use es_sqlite::SqliteStore;
use es_testkit::postgres::Server;
use es_tests::proxy::Proxy;
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

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
        26,
    );
    let load = allocations(|run| block_on(repo.load(&*ids[run])));
    costs("allocations of a load of eleven events in memory", load, 15);
    let repo = repo.cached(100);
    seeded(&repo, 1);
    let command = allocations(|run| block_on(repo.execute(&*ids[run], Deposit(1)).into_future()));
    costs(
        "allocations of a command on a cached state in memory",
        command,
        16,
    );
}

#[test]
fn on_sqlite() {
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
        18,
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
    block_on(store.close());
    let bytes = std::fs::metadata(&path).expect("the file").len();
    costs(
        "bytes of a file of 220 small events in SQLite",
        bytes,
        122_880,
    );
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
    let before = proxy.answers();
    repo.load("alice").await.expect("loaded");
    costs(
        "answers of the server to a load",
        (proxy.answers() - before) as u64,
        1,
    );
}
