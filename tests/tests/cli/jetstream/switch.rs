//! A running application moves to JetStream and back, by the commands of the page.

use super::{location, stream};
use crate::shop;
use es_nats::NatsStore;
use es_postgres::PostgresStore;
use es_projections::{
    AnyReadDatabase, AnyTransaction, Delivery, HandlerError, Project, Projection, Projections,
    React, Running, Subscription, WaitFor, values,
};
use es_runtime::{
    Aggregate, AnyStore, AppendId, Envelope, Event, EventStore, Events, Handle, Outcome, Repository,
};
use es_sagas::RunningSagas;
use es_sqlite::{SqliteReadDatabase, SqliteStore};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle};

const PAGE: &str = include_str!("../../../../docs/jetstream-move.md");
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("sale.made")]
struct Made {
    cents: i64,
}

#[derive(Aggregate, Default)]
#[aggregate("till", id = String, error = Infallible, events(ignore(Made)))]
struct Till {}

#[derive(Clone)]
struct Sell(i64);

impl Handle<Sell> for Till {
    fn handle(&self, Sell(cents): Sell) -> Result<Events<Self>, Infallible> {
        Ok(Made { cents }.into())
    }
}

#[derive(Projection)]
#[projection("sales", version = 1, events(Made))]
#[projection(schema = "CREATE TABLE {sales} (till TEXT PRIMARY KEY, cents BIGINT NOT NULL)")]
struct Sales;

impl Project<Made> for Sales {
    async fn project(
        &self,
        made: &Envelope<Made>,
        tx: &mut AnyTransaction,
    ) -> Result<(), HandlerError> {
        tx.run(
            "INSERT INTO {sales} AS s (till, cents) VALUES ($1, $2) \
             ON CONFLICT (till) DO UPDATE SET cents = s.cents + excluded.cents",
            values![made.stream.id(), made.event.cents],
        )
        .await?;
        Ok(())
    }
}

/// What was delivered, by the ids of the deliveries.
type Delivered = Arc<Mutex<Vec<String>>>;

#[derive(Subscription)]
#[subscription("receipts", events(Made), from = now)]
struct Receipts(Delivered);

impl React<Made> for Receipts {
    async fn react(&self, _: &Envelope<Made>, delivery: &Delivery) -> Result<(), HandlerError> {
        let mut delivered = self.0.lock().expect("whole");
        delivered.push(delivery.id().to_owned());
        Ok(())
    }
}

/// The settings of the application.
#[derive(Clone)]
struct Settings {
    store: String,
    read: Option<String>,
}

impl Settings {
    async fn store(&self) -> AnyStore {
        match &self.store {
            address if address.starts_with("nats://") => {
                let store = NatsStore::options().open(address).await;
                AnyStore::new(store.expect("opens"))
            }
            address => match address.strip_prefix("sqlite:") {
                Some(file) => AnyStore::new(SqliteStore::open(file).await.expect("opens")),
                None => AnyStore::new(PostgresStore::open(address).await.expect("opens")),
            },
        }
    }

    /// By default the read models are with the events.
    async fn read(&self) -> AnyReadDatabase {
        let address = self.read.as_ref().unwrap_or(&self.store);
        match address.strip_prefix("sqlite:") {
            Some(file) => {
                AnyReadDatabase::new(SqliteReadDatabase::open(file).await.expect("opens"))
            }
            None => {
                let options = PostgresStore::options(address).expect("an address");
                AnyReadDatabase::new(options.open_read_database().await.expect("opens"))
            }
        }
    }
}

/// What runs besides requests.
struct Workers {
    store: AnyStore,
    readers: Running,
    sagas: Option<RunningSagas>,
}

impl Workers {
    /// Read models alone.
    async fn projections(settings: &Settings) -> Self {
        let store = settings.store().await;
        let readers = Projections::new(store.clone(), settings.read().await).with(Sales);
        Self {
            store,
            readers: readers.start().expect("started"),
            sagas: None,
        }
    }

    async fn all(settings: &Settings, delivered: &Delivered) -> Self {
        let store = settings.store().await;
        let readers = Projections::new(store.clone(), settings.read().await)
            .with(Sales)
            .with_subscription(Receipts(Arc::clone(delivered)));
        let sagas = shop::sagas(&store).start().await;
        Self {
            readers: readers.start().expect("started"),
            sagas: Some(sagas.expect("started")),
            store,
        }
    }

    async fn end(self) {
        if let Some(sagas) = self.sagas {
            sagas.shutdown().await;
        }
        self.readers.shutdown().await;
        self.store.close().await;
    }
}

/// What the sale with this number brings.
fn cents(number: u64) -> i64 {
    i64::try_from(number % 7 + 1).expect("few")
}

async fn sell(store: &AnyStore, number: u64) -> Result<(u64, bool), (Outcome, String)> {
    let tills = Repository::<Till>::new(store.clone());
    let sold = tills
        .execute(format!("t{}", number % 3), Sell(cents(number)))
        .append_id(AppendId::new(format!("sale-{number}")).expect("an id"))
        .await;
    let sold = sold.map_err(|error| (error.outcome(), format!("{error:?}")))?;
    Ok((sold.version, sold.repeated))
}

/// A process that takes requests: sales, and now and then a new customer.
struct Web {
    is_over: Arc<AtomicBool>,
    sold: Arc<AtomicU64>,
    task: JoinHandle<()>,
    store: AnyStore,
}

impl Web {
    /// Goes on with the sale of this number.
    async fn start(settings: &Settings, number: u64) -> Self {
        let store = settings.store().await;
        let (is_over, sold) = (
            Arc::<AtomicBool>::default(),
            Arc::new(AtomicU64::new(number)),
        );
        let (until, count, own) = (Arc::clone(&is_over), Arc::clone(&sold), store.clone());
        let task = tokio::spawn(async move {
            for number in number.. {
                if until.load(Ordering::SeqCst) {
                    break;
                }
                let (_, repeated) = sell(&own, number).await.expect("sold");
                assert!(!repeated, "sale {number} is a new one");
                if number.is_multiple_of(10) {
                    let (id, request) = (format!("c{number}"), format!("signup-{number}"));
                    let email = format!("{id}@example.org");
                    shop::register(&own, &id, &email, &request).await;
                }
                count.store(number + 1, Ordering::SeqCst);
                // Not as many as it could: all of them are copied and compared, several times.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self {
            is_over,
            sold,
            task,
            store,
        }
    }

    /// Waits until it has sold so many more.
    async fn sells(&self, more: u64) {
        let until = self.sold.load(Ordering::SeqCst) + more;
        while self.sold.load(Ordering::SeqCst) < until {
            assert!(!self.task.is_finished());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Takes no more requests. Returns how many sales were made.
    async fn end(self) -> u64 {
        self.is_over.store(true, Ordering::SeqCst);
        self.task.await.expect("ends");
        self.store.close().await;
        self.sold.load(Ordering::SeqCst)
    }
}

/// What the read model says once it has all events.
async fn total(settings: &Settings) -> i64 {
    let (store, read) = (settings.store().await, settings.read().await);
    let head = store.head().await.expect("read");
    read.wait_for::<Sales>(head, PATIENCE)
        .await
        .expect("in time");
    let rows = read.select("SELECT cents FROM sales", values![]).await;
    let rows = rows.expect("rows");
    store.close().await;
    rows.iter()
        .map(|row| row.get::<i64>(0).expect("cents"))
        .sum()
}

/// The commands of the page, in their order, run by a shell.
struct Page {
    lines: VecDeque<&'static str>,
    folder: TempDir,
    places: [(&'static str, String); 3],
    path: String,
}

impl Page {
    fn new(language: &str, folder: TempDir, places: [(&'static str, String); 3]) -> Self {
        let blocks = PAGE.split("```").skip(1).step_by(2);
        let lines = blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
        let lines = lines.flat_map(str::lines).map(str::trim);
        let psql = es_tests::server::shared().program("psql");
        let es = folder.path().join("es");
        let program = env!("CARGO_BIN_EXE_programs");
        fs::write(&es, format!("#!/bin/sh\nexec '{program}' es \"$@\"\n")).expect("written");
        fs::set_permissions(&es, fs::Permissions::from_mode(0o755)).expect("set");
        Self {
            lines: lines.filter(|line| !line.is_empty()).collect(),
            path: format!(
                "{}:{}:/usr/bin:/bin",
                folder.path().display(),
                psql.parent().expect("a folder").display()
            ),
            folder,
            places,
        }
    }

    /// The next command, which begins like this.
    fn next(&mut self, begins: &str) -> &'static str {
        let line = self.lines.pop_front().expect("one more command");
        assert!(line.starts_with(begins), "{line}: not {begins}");
        line
    }

    fn command(&self, line: &str) -> Command {
        // Nobody waits for half a minute in a test, and no seller stands still for five seconds.
        let line = line.replace("--quiet 30s", "--quiet 5s");
        let mut command = Command::new("bash");
        command
            .args(["-euc", &format!("exec {line}")])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .envs(self.places.iter().map(|(name, place)| (name, place)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, line: &str) -> String {
        let ran = self.command(line).output().expect("bash");
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{line}: {out}{err}");
        out.into_owned()
    }

    fn run_next(&mut self, begins: &str) -> String {
        let line = self.next(begins);
        self.run(line)
    }

    /// What a command prints as JSON.
    fn json(&self, line: &str) -> Value {
        let out = self.run(&format!("{line} -o json"));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}"))
    }

    /// Starts a copy that follows, and waits until it has caught up.
    fn follow(&self, line: &str) -> Following {
        let mut child = self.command(line).spawn().expect("bash");
        let mut said = BufReader::new(child.stderr.take().expect("an output"));
        let mut all = String::new();
        while !all.contains("the copy is at position") {
            let read = said.read_line(&mut all).expect("text");
            assert!(read > 0, "{line}: {all}");
        }
        Following { child, said, all }
    }

    /// Whether the two next commands show the same event.
    fn ends_are_the_same(&mut self) -> bool {
        let shown = [(); 2].map(|()| {
            let line = self.next("es --store");
            let newest = self.json(line);
            assert!(line.ends_with("tail -n 1"), "{line}");
            newest[0]["event_id"].as_str().expect("an id").to_owned()
        });
        shown[0] == shown[1]
    }
}

struct Following {
    child: Child,
    said: BufReader<ChildStderr>,
    all: String,
}

impl Following {
    /// As with Ctrl-C.
    fn interrupt(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }

    fn ends(mut self) {
        self.said.read_to_string(&mut self.all).expect("text");
        let ended = self.child.wait_with_output().expect("ends");
        let out = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{}{out}", self.all);
    }
}

/// Runs a command until one of its rows is like this.
fn wait_for(page: &Page, line: &str, is: impl Fn(&Value) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let rows = page.json(line);
        if rows.as_array().expect("rows").iter().any(&is) {
            return;
        }
        assert!(Instant::now() < end, "{line}: {rows}");
    }
}

/// Waits until each sale was delivered, by whichever store. What was delivered twice had the same id.
async fn are_delivered(by: &[&Delivered], sold: u64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut ids = HashSet::new();
        for delivered in by {
            ids.extend(delivered.lock().expect("whole").iter().cloned());
        }
        if ids.len() == usize::try_from(sold).expect("few") {
            return;
        }
        assert!(Instant::now() < end, "{} of {sold}", ids.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn an_application_moves_and_comes_back() {
    // Databases and roles have the names of the page.
    let database = es_tests::server::database();
    for sql in [
        "CREATE ROLE shop LOGIN",
        "CREATE DATABASE shop OWNER shop",
        "CREATE DATABASE shop_read OWNER shop",
    ] {
        database.query(sql).expect(sql);
    }
    let at = |user: &str, name: &str| {
        let url = database.url().replace("user=es", &format!("user={user}"));
        let own = format!("dbname={}", database.name());
        url.replace(&own, &format!("dbname={name}"))
    };
    let folder = es_tests::tiers::folder();
    let new = location(&stream());
    let places = [
        ("OLD", at("es", "shop")),
        ("NEW", new.clone()),
        ("READ", at("es", "shop_read")),
    ];
    let before = Settings {
        store: at("shop", "shop"),
        read: None,
    };
    let after = Settings {
        store: new,
        read: Some(at("shop", "shop_read")),
    };
    let mut page = Page::new("sh move", folder, places);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(moves_and_comes_back(&mut page, &before, &after));
    assert!(page.lines.is_empty(), "{:?}", page.lines);
}

async fn moves_and_comes_back(page: &mut Page, before: &Settings, after: &Settings) {
    let (old, new) = (Delivered::default(), Delivered::default());
    let is = |name: &'static str| move |reader: &Value| reader["reader"] == name;
    let workers = Workers::all(before, &old).await;
    wait_for(page, "es --store \"$OLD\" readers", is("receipts"));
    let web = Web::start(before, 0).await;
    web.sells(20).await;

    // A day before.
    page.run_next("es --store");
    let copy = page.next("es copy");
    page.run(copy);
    page.run_next("es --store");
    let building = Workers::projections(after).await;
    let readers = page.next("es --store");
    wait_for(page, readers, |reader| {
        is("sales")(reader) && reader["stage"] == "live"
    });

    // An hour before.
    let line = page.next("es copy");
    let following = page.follow(line);
    web.sells(20).await;
    let refused = NatsStore::options().open(&after.store).await;
    let refused = refused.expect_err("closed").to_string();
    assert!(refused.contains("is being filled"), "{refused}");

    // The switch.
    let sold = web.end().await;
    let readers = page.next("es --store");
    let has_all = |reader: &Value| reader["lag_events"] == 0;
    for name in ["sales", "receipts"] {
        wait_for(page, readers, |reader| is(name)(reader) && has_all(reader));
    }
    workers.end().await;
    let forgotten = before.store().await;
    let head = forgotten.head().await.expect("read");
    page.run_next("psql");
    page.run_next("psql");
    // It finds first that its connections have ended.
    let end = Instant::now() + PATIENCE;
    loop {
        let (outcome, error) = sell(&forgotten, sold).await.expect_err("closed");
        assert_eq!(outcome, Outcome::NotApplied, "{error}");
        if error.contains("ReadOnly") {
            break;
        }
        assert!(Instant::now() < end, "{error}");
    }
    while forgotten.head().await.ok() != Some(head) {
        assert!(Instant::now() < end, "queries go on");
    }
    forgotten.close().await;
    let expected: i64 = (0..sold).map(cents).sum();
    following.ends();
    if !page.ends_are_the_same() {
        page.run(copy);
    }

    // On JetStream.
    building.end().await;
    let workers = Workers::all(after, &new).await;
    let readers = page.next("es --store");
    wait_for(page, readers, is("receipts"));
    assert_eq!(total(after).await, expected, "the same total");
    let store = after.store().await;
    let (_, repeated) = sell(&store, sold - 1).await.expect("answered");
    assert!(repeated, "a request that the old store took");
    store.close().await;
    let web = Web::start(after, sold).await;
    web.sells(20).await;
    page.run_next("es --store");
    page.run_next("es --store");
    let line = page.next("es copy");
    let following = page.follow(line);
    let closed = PostgresStore::open(&before.store).await;
    assert!(closed.is_err(), "nobody opens the old store meanwhile");
    web.sells(20).await;

    // And back.
    let sold = web.end().await;
    total(after).await;
    are_delivered(&[&old, &new], sold).await;
    workers.end().await;
    following.interrupt();
    page.run_next("es copy");
    assert!(page.ends_are_the_same());
    page.run_next("psql");
    let workers = Workers::all(before, &old).await;
    let web = Web::start(before, sold).await;
    web.sells(20).await;
    let sold = web.end().await;
    let expected: i64 = (0..sold).map(cents).sum();
    assert_eq!(
        total(before).await,
        expected,
        "nothing is lost, and nothing counted twice"
    );
    are_delivered(&[&old, &new], sold).await;
    workers.end().await;

    // And there again.
    page.run(copy);
    let projections = Workers::projections(after).await;
    assert_eq!(total(after).await, expected);
    projections.end().await;
}

#[test]
#[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
fn an_application_on_a_file_moves_and_comes_back() {
    let folder = es_tests::tiers::folder();
    let at = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let new = location(&stream());
    let old = folder.path().join("shop.db");
    let before = Settings {
        store: at("shop.db"),
        read: None,
    };
    let after = Settings {
        store: new.clone(),
        read: Some(at("read.db")),
    };
    let places = [
        ("OLD", "sqlite:shop.db".to_owned()),
        ("NEW", new),
        ("READ", at("read.db")),
    ];
    let mut page = Page::new("sh move-sqlite", folder, places);
    Runtime::new().expect("a runtime").block_on(async {
        let delivered = Delivered::default();
        let workers = Workers::all(&before, &delivered).await;
        let web = Web::start(&before, 0).await;
        web.sells(20).await;
        let line = page.next("es copy");
        let following = page.follow(line);
        web.sells(20).await;
        let sold = web.end().await;
        workers.end().await;
        following.ends();
        page.run_next("mkdir");
        page.run_next("mv");
        assert!(!old.exists());

        let workers = Workers::all(&after, &delivered).await;
        assert_eq!(total(&after).await, (0..sold).map(cents).sum::<i64>());
        let web = Web::start(&after, sold).await;
        web.sells(20).await;
        let sold = web.end().await;
        workers.end().await;

        page.run_next("mv");
        page.run_next("es copy");
        let workers = Workers::all(&before, &delivered).await;
        let web = Web::start(&before, sold).await;
        web.sells(20).await;
        let sold = web.end().await;
        assert_eq!(total(&before).await, (0..sold).map(cents).sum::<i64>());
        workers.end().await;
    });
    assert!(page.lines.is_empty(), "{:?}", page.lines);
}
