//! Kills writers, stops servers, cuts connections and drops futures, on SQLite and PostgreSQL, and
//! counts what became of the appends, next to controls that must lose or double some.
//!
//! `chaos --seed N --minutes M [--store sqlite|postgres|both] [--json]`
//!
//! Every kind of fault happens at least once, and then as often as the time allows. It fails when
//! anything is lost, double or half, and when a control is not.

use super::runs::{self, Failure};
use es_postgres::{
    PostgresStore,
    tokio_postgres::{self, NoTls},
};
use es_runtime::{Append, AppendId, EventStore, ExpectedVersion, NewEvent, StreamId};
use es_sqlite::SqliteStore;
use es_testkit::postgres::{Database, Server};
use es_tests::proxy::{Cut, Proxy};
use std::{
    collections::{HashMap, HashSet},
    future::Future,
    io::{BufRead, BufReader, Write},
    pin::Pin,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

const USAGE: &str = "chaos --seed N --minutes M [--store sqlite|postgres|both] [--json]";
const TASKS: u64 = 4;
const PARTS: usize = 3;
/// How often one append is repeated before the run is given up.
const TRIES: usize = 1_000;

/// One append: three events that carry its id, on one of a few streams that the tasks share.
fn request(run: &str, task: u64, number: u64) -> Result<(String, Append), Failure> {
    let id = format!("{run}-{task}-{number}");
    let stream = StreamId::new("chaos", &((task + number) % 5).to_string())?;
    let events = (0..PARTS).map(|part| NewEvent::json("test.part", 1, format!("\"{id}/{part}\"")));
    let append = Append::new(stream, ExpectedVersion::Any)
        .with_events(events)
        .with_append_id(AppendId::new(id.clone())?);
    Ok((id, append))
}

/// What writers tried and the answers that they got.
#[derive(Default)]
struct Ledger {
    tried: Vec<String>,
    acknowledged: HashSet<String>,
}

impl Ledger {
    fn take(&mut self, other: Self) {
        self.tried.extend(other.tried);
        self.acknowledged.extend(other.acknowledged);
    }
}

/// One line of the table.
#[derive(Clone, Debug, Default)]
struct Line {
    what: &'static str,
    /// Whether it must go wrong.
    is_control: bool,
    cycles: u64,
    acknowledged: usize,
    lost: usize,
    duplicated: usize,
    half: usize,
    /// Appends without an answer, of which it was found out what became.
    resolved: usize,
}

impl Line {
    fn wrong(&self) -> usize {
        self.lost + self.duplicated + self.half
    }

    fn holds(&self) -> bool {
        self.cycles > 0 && (self.wrong() > 0) == self.is_control
    }

    /// Compares what is stored, in parts an id, with the answers that the writers got.
    fn count(&mut self, ledger: &Ledger, there: &HashMap<String, usize>) {
        self.acknowledged += ledger.acknowledged.len();
        let parts = |id: &String| there.get(id).copied().unwrap_or(0);
        self.lost += ledger
            .acknowledged
            .iter()
            .filter(|id| parts(id) == 0)
            .count();
        self.half += there.values().filter(|parts| **parts % PARTS != 0).count();
        self.duplicated += there.values().filter(|parts| **parts > PARTS).count();
        let is_open = |id: &&String| !ledger.acknowledged.contains(*id);
        let open: HashSet<&String> = ledger.tried.iter().filter(is_open).collect();
        self.resolved += open.len();
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "what": self.what, "control": self.is_control, "cycles": self.cycles,
            "acknowledged": self.acknowledged, "lost": self.lost,
            "duplicated": self.duplicated, "half": self.half,
            "unknown_resolved": self.resolved, "holds": self.holds(),
        })
    }
}

/// How many events there are of each append.
async fn stored<S: EventStore>(store: &S) -> Result<HashMap<String, usize>, Failure> {
    let mut there: HashMap<String, usize> = HashMap::new();
    runs::each_event(store, |event| {
        let text: String = serde_json::from_slice(&event.payload)?;
        let id = text.split('/').next().unwrap_or_default();
        *there.entry(id.to_owned()).or_default() += 1;
        Ok(())
    })
    .await?;
    Ok(there)
}

/// Compares, and for each append without an answer asks the store what became of it: it must say what
/// the feed says.
async fn settle<S: EventStore>(line: &mut Line, store: &S, ledger: &Ledger) -> Result<(), Failure> {
    let there = stored(store).await?;
    line.count(ledger, &there);
    for id in &ledger.tried {
        let numbers: Vec<&str> = id.rsplitn(3, '-').collect();
        let [number, task, run] = numbers.as_slice() else {
            return Err("an id that is none of these".into());
        };
        let (_, append) = request(run, task.parse()?, number.parse()?)?;
        let Some(append_id) = append.append_id else {
            continue;
        };
        let known = store
            .find_append(&append.stream, &append_id)
            .await?
            .is_some();
        // A record without its events, or events without their record.
        line.half += usize::from(known != there.contains_key(id));
    }
    Ok(())
}

/// The writer that is killed: tells each append before and after, until it is dead. `early` tells
/// that it was acknowledged before it was.
async fn write_until_killed<S: EventStore>(
    store: S,
    run: &str,
    early: bool,
) -> Result<(), Failure> {
    fn say(text: String) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
    let tasks = (0..TASKS).map(|task| {
        let (store, run) = (store.clone(), run.to_owned());
        tokio::spawn(async move {
            for number in 0.. {
                let (id, append) = request(&run, task, number)?;
                say(format!("try {id}\n"))?;
                if early {
                    say(format!("ack {id}\n"))?;
                }
                store.append(append).await?;
                if !early {
                    say(format!("ack {id}\n"))?;
                }
            }
            Ok::<(), Failure>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

/// Starts a writer, lets it acknowledge for a random time, and kills it.
fn kill_one(
    store: &str,
    target: &str,
    run: &str,
    mode: &str,
    random: &mut fastrand::Rng,
) -> Result<Ledger, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["chaos", "writer", store, target, run, mode])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no pipe")?;
    let mut lines = BufReader::new(output).split(b'\n');
    let mut ledger = Ledger::default();
    let mut note = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        match text.split_once(' ') {
            Some(("try", id)) => ledger.tried.push(id.to_owned()),
            Some(("ack", id)) => {
                ledger.acknowledged.insert(id.to_owned());
            }
            _ => {}
        }
    };
    // The first one is waited for, so that opening is not all that is killed.
    let first = lines.next().ok_or("the writer ended by itself")??;
    note(&first);
    std::thread::sleep(Duration::from_micros(random.u64(1_000..60_000)));
    child.kill()?;
    child.wait()?;
    for line in lines {
        note(&line?);
    }
    Ok(ledger)
}

/// Writers in this process that repeat each append under its id until it is acknowledged.
fn writers<S: EventStore>(
    stores: &[S],
    run: &str,
    over: &Arc<AtomicBool>,
) -> Vec<tokio::task::JoinHandle<Result<(Ledger, usize), Failure>>> {
    stores
        .iter()
        .enumerate()
        .map(|(task, store)| {
            let (store, run, over) = (store.clone(), run.to_owned(), Arc::clone(over));
            tokio::spawn(async move {
                let mut ledger = Ledger::default();
                let mut open = 0;
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let (id, append) = request(&run, task as u64, number)?;
                    ledger.tried.push(id.clone());
                    let mut tries = 0;
                    while let Err(error) = store.append(append.clone()).await {
                        tries += 1;
                        open += usize::from(error.outcome() == es_runtime::Outcome::Unknown);
                        if tries > TRIES {
                            return Err(error.into());
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    ledger.acknowledged.insert(id);
                }
                Ok((ledger, open))
            })
        })
        .collect()
}

/// A future that is dropped after so many polls.
struct Dropped<F>(Pin<Box<F>>, u32);

impl<F: Future> Future for Dropped<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        self.1 -= 1;
        self.0.as_mut().poll(context).map(Some)
    }
}

/// Appends that are dropped after a random number of polls, some repeated under their id, some not.
async fn cancel<S: EventStore>(
    line: &mut Line,
    store: &S,
    run: &str,
    random: &mut fastrand::Rng,
) -> Result<(), Failure> {
    let mut ledger = Ledger::default();
    for number in 0..60 {
        let (id, append) = request(run, random.u64(..TASKS), number)?;
        ledger.tried.push(id.clone());
        let call = Box::pin(store.append(append.clone()));
        let ended = Dropped(call, random.u32(..5)).await;
        let repeat = ended.is_none() && random.bool();
        if repeat {
            line.resolved += 1;
            store.append(append).await?;
        }
        if ended.transpose()?.is_some() || repeat {
            ledger.acknowledged.insert(id);
        }
    }
    // After all that were handed over.
    let (id, append) = request(run, 0, 1_000)?;
    ledger.tried.push(id.clone());
    store.append(append).await?;
    ledger.acknowledged.insert(id);
    settle(line, store, &ledger).await?;
    line.cycles += 1;
    Ok(())
}

/// What a cycle may need.
struct World {
    random: fastrand::Rng,
    server: Option<Server>,
    cycle: u64,
}

impl World {
    fn server(&self) -> Result<&Server, Failure> {
        self.server
            .as_ref()
            .ok_or_else(|| "no server was started".into())
    }

    fn run(&mut self) -> String {
        self.cycle += 1;
        format!("r{}", self.cycle)
    }
}

async fn sqlite_kill(world: &mut World, line: &mut Line, mode: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("chaos.db");
    SqliteStore::open(&path).await?.close().await;
    let target = path.to_str().ok_or("a path that is no text")?;
    let mut ledger = Ledger::default();
    for _ in 0..5 {
        let run = world.run();
        ledger.take(kill_one("sqlite", target, &run, mode, &mut world.random)?);
        line.cycles += 1;
    }
    let store = SqliteStore::open(&path).await?;
    settle(line, &store, &ledger).await?;
    store.close().await;
    Ok(())
}

async fn sqlite_cancel(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("chaos.db")).await?;
    let run = world.run();
    cancel(line, &store, &run, &mut world.random).await?;
    store.close().await;
    Ok(())
}

async fn postgres_kill(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let url = world.server()?.database()?.url();
    PostgresStore::open(&url).await?.close().await;
    let mut ledger = Ledger::default();
    for _ in 0..5 {
        let run = world.run();
        ledger.take(kill_one(
            "postgres",
            &url,
            &run,
            "honest",
            &mut world.random,
        )?);
        line.cycles += 1;
    }
    let store = PostgresStore::open(&url).await?;
    settle(line, &store, &ledger).await?;
    store.close().await;
    Ok(())
}

async fn postgres_cancel(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let url = world.server()?.database()?.url();
    let store = PostgresStore::open(&url).await?;
    let run = world.run();
    cancel(line, &store, &run, &mut world.random).await?;
    store.close().await;
    Ok(())
}

/// Stores as eight processes would have them, each with a connection of its own for appends.
async fn eight(url: &str) -> Result<Vec<PostgresStore>, Failure> {
    let mut stores = Vec::new();
    for _ in 0..8 {
        let options = PostgresStore::options(url)?
            .reader_connections(1)
            .notify(false);
        stores.push(options.patience(Duration::from_secs(30)).open().await?);
    }
    Ok(stores)
}

/// Eight writers while something happens to them, until it is over.
async fn under_load(
    line: &mut Line,
    database: &Database<'_>,
    url: &str,
    run: &str,
    mut trouble: impl AsyncFnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stores = eight(url).await?;
    let over = Arc::new(AtomicBool::new(false));
    let writers = writers(&stores, run, &over);
    let troubled = trouble().await;
    over.store(true, Ordering::SeqCst);
    let mut ledger = Ledger::default();
    for writer in writers {
        let (mine, open) = writer.await??;
        ledger.take(mine);
        line.resolved += open;
    }
    troubled?;
    for store in stores {
        let resolved = store.stats().resolved;
        line.resolved += usize::try_from(resolved)?;
        store.close().await;
    }
    let store = PostgresStore::open(&database.url()).await?;
    settle(line, &store, &ledger).await?;
    store.close().await;
    line.cycles += 1;
    Ok(())
}

async fn postgres_stop(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let run = world.run();
    let pause = Duration::from_millis(world.random.u64(100..600));
    let server = world.server()?;
    let database = server.database()?;
    let url = database.url();
    under_load(line, &database, &url, &run, async || {
        tokio::time::sleep(pause).await;
        server.stop_immediate()?;
        server.start_again()?;
        tokio::time::sleep(pause).await;
        Ok(())
    })
    .await
}

async fn postgres_cut(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    const CUTS: usize = 30;
    let run = world.run();
    let mut random = world.random.fork();
    let server = world.server()?;
    let address = server.tcp_address().ok_or("the server does not listen")?;
    let database = server.database()?;
    let proxy = Proxy::start(address).await?;
    let url = database.url_through(proxy.address());
    under_load(line, &database, &url, &run, async || {
        for _ in 0..CUTS {
            let cuts = [Cut::Before, Cut::During, Cut::After, Cut::Reset];
            let stall = Cut::Stall(Duration::from_millis(random.u64(1..50)));
            let cut = *random.choice(&cuts).unwrap_or(&stall);
            proxy.cut_next(if random.u8(..5) == 0 { stall } else { cut });
            let began = Instant::now();
            while !proxy.is_done() {
                if began.elapsed() > Duration::from_secs(60) {
                    return Err("no commit came by".into());
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    })
    .await
}

async fn postgres_terminate(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let run = world.run();
    let server = world.server()?;
    let database = server.database()?;
    let url = database.url();
    under_load(line, &database, &url, &run, async || {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'es-postgres' AND random() < 0.5";
        for _ in 0..10 {
            database.query(sql)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await
}

async fn client(url: &str) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The control: commits that are answered before they are on the disk, and a server that stops.
async fn control_asynchronous(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let server = world.server()?;
    let database = server.database()?;
    database.query("CREATE TABLE log (id TEXT)")?;
    let ledger = Arc::<Mutex<Ledger>>::default();
    let client = client(&database.url()).await?;
    client
        .batch_execute("SET synchronous_commit TO off")
        .await?;
    let writer = {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            for number in 0.. {
                let insert =
                    format!("INSERT INTO log SELECT 'a-{number}' FROM generate_series(1, {PARTS})");
                if client.batch_execute(&insert).await.is_err() {
                    return;
                }
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                ledger.acknowledged.insert(format!("a-{number}"));
            }
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.stop_immediate()?;
    server.start_again()?;
    writer.await?;
    let rows = database.query("SELECT id, count(*) FROM log GROUP BY id")?;
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    line.count(&ledger, &counted(&rows));
    line.cycles += 1;
    Ok(())
}

/// The control: a client that repeats whatever failed, without an id.
async fn control_repeating(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    let server = world.server()?;
    let database = server.database()?;
    database.query("CREATE TABLE log (id TEXT)")?;
    let address = server.tcp_address().ok_or("the server does not listen")?;
    let proxy = Proxy::start(address).await?;
    let url = database.url_through(proxy.address());
    let mut ledger = Ledger::default();
    for number in 0..10 {
        proxy.cut_next(if number % 2 == 0 {
            Cut::After
        } else {
            Cut::Before
        });
        loop {
            let client = client(&url).await?;
            let insert = format!(
                "BEGIN; INSERT INTO log SELECT 'b-{number}' FROM generate_series(1, {PARTS})"
            );
            client.batch_execute(&insert).await?;
            if client.batch_execute("COMMIT").await.is_ok() {
                break;
            }
        }
        ledger.acknowledged.insert(format!("b-{number}"));
    }
    let rows = database.query("SELECT id, count(*) FROM log GROUP BY id")?;
    line.count(&ledger, &counted(&rows));
    line.cycles += 1;
    Ok(())
}

fn counted(rows: &str) -> HashMap<String, usize> {
    rows.lines()
        .filter_map(|row| row.split_once('|'))
        .filter_map(|(id, count)| Some((id.to_owned(), count.parse().ok()?)))
        .collect()
}

const KINDS: [(&str, &str, bool); 10] = [
    ("sqlite", "sqlite: kill -9", false),
    ("sqlite", "sqlite: dropped futures", false),
    (
        "sqlite",
        "sqlite: kill -9, acknowledged before the commit",
        true,
    ),
    ("postgres", "postgres: kill -9", false),
    ("postgres", "postgres: stop -m immediate", false),
    ("postgres", "postgres: cut at the commit", false),
    ("postgres", "postgres: connections ended", false),
    ("postgres", "postgres: dropped futures", false),
    ("postgres", "plain client: asynchronous commit, stop", true),
    ("postgres", "plain client: cut and repeated", true),
];

async fn cycle(world: &mut World, line: &mut Line) -> Result<(), Failure> {
    match line.what {
        "sqlite: kill -9" => sqlite_kill(world, line, "honest").await,
        "sqlite: dropped futures" => sqlite_cancel(world, line).await,
        "postgres: kill -9" => postgres_kill(world, line).await,
        "postgres: stop -m immediate" => postgres_stop(world, line).await,
        "postgres: cut at the commit" => postgres_cut(world, line).await,
        "postgres: connections ended" => postgres_terminate(world, line).await,
        "postgres: dropped futures" => postgres_cancel(world, line).await,
        "plain client: asynchronous commit, stop" => control_asynchronous(world, line).await,
        "plain client: cut and repeated" => control_repeating(world, line).await,
        _ => sqlite_kill(world, line, "early").await,
    }
}

/// The arguments, and the stores that are wanted.
fn arguments(words: &[String]) -> Result<(runs::Arguments, String), Failure> {
    let mut store = "both".to_owned();
    let arguments = runs::arguments(words.iter().cloned(), |word, value| {
        match word {
            "--store" => store = value()?,
            _ => return Err(runs::unknown(word)),
        }
        Ok(())
    })?;
    match store.as_str() {
        "sqlite" | "postgres" | "both" => Ok((arguments, store)),
        other => Err(format!("unknown store {other}").into()),
    }
}

async fn run(arguments: &runs::Arguments, store: &str) -> Result<Vec<Line>, Failure> {
    let is_wanted = |name: &str| store == "both" || store == name;
    let server = if is_wanted("postgres") {
        Some(Server::options().tcp().start()?)
    } else {
        None
    };
    let mut world = World {
        random: fastrand::Rng::with_seed(arguments.seed),
        server,
        cycle: 0,
    };
    let mut lines: Vec<Line> = KINDS
        .into_iter()
        .filter(|(store, ..)| is_wanted(store))
        .map(|(_, what, is_control)| Line {
            what,
            is_control,
            ..Line::default()
        })
        .collect();
    let end = Instant::now() + Duration::try_from_secs_f64(arguments.minutes * 60.0)?;
    loop {
        for line in &mut lines {
            let is_over = Instant::now() > end;
            // A control is repeated until it has shown what it is for.
            let is_shown = line.cycles > 0 && (!line.is_control || line.wrong() > 0);
            if !(is_over && (is_shown || line.cycles > 50)) {
                cycle(&mut world, line).await?;
            }
        }
        let is_done = |line: &Line| {
            line.cycles > 50 || line.cycles > 0 && (!line.is_control || line.wrong() > 0)
        };
        if Instant::now() > end && lines.iter().all(is_done) {
            return Ok(lines);
        }
    }
}

fn print(arguments: &runs::Arguments, lines: &[Line]) {
    if arguments.json {
        let lines: Vec<_> = lines.iter().map(Line::json).collect();
        println!(
            "{}",
            serde_json::json!({"seed": arguments.seed, "lines": lines})
        );
        return;
    }
    println!("seed {}", arguments.seed);
    println!(
        "{:<57} {:>7} {:>13} {:>6} {:>11} {:>5} {:>17}",
        "", "cycles", "acknowledged", "lost", "duplicated", "half", "unknown resolved"
    );
    for line in lines {
        let name = if line.is_control {
            format!("control: {}", line.what)
        } else {
            line.what.to_owned()
        };
        println!(
            "{name:<57} {:>7} {:>13} {:>6} {:>11} {:>5} {:>17}{}",
            line.cycles,
            line.acknowledged,
            line.lost,
            line.duplicated,
            line.half,
            line.resolved,
            if line.holds() { "" } else { "  WRONG" }
        );
    }
}

#[tokio::main]
pub(crate) async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(2).collect();
    if let [writer, store, target, run, mode] = words.as_slice()
        && writer == "writer"
    {
        let early = mode == "early";
        let ended = match store.as_str() {
            "sqlite" => match SqliteStore::open(target).await {
                Ok(store) => write_until_killed(store, run, early).await,
                Err(error) => Err(error.into()),
            },
            _ => match PostgresStore::open(target).await {
                Ok(store) => write_until_killed(store, run, early).await,
                Err(error) => Err(error.into()),
            },
        };
        eprintln!("the writer ended: {ended:?}");
        return ExitCode::FAILURE;
    }
    let (arguments, store) = match arguments(&words) {
        Ok(read) => read,
        Err(error) => return runs::misread(&error, USAGE),
    };
    let lines = run(&arguments, &store).await;
    let holds = lines.map(|lines| {
        print(&arguments, &lines);
        lines.iter().all(Line::holds)
    });
    runs::ended(arguments.seed, holds)
}
