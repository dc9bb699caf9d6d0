//! `kill -9` at every write of a process manager, and at random, on SQLite, on PostgreSQL and on JetStream: each
//! input is taken once, with all that follows from it. The aggregates accept everything twice, so
//! that what is done twice is seen.

use es_runtime::{AnyStore, Commit, CommitStore, CursorMove, EventStore, Position, WorkStatus};
use es_sagas::{
    ProcessView, Sagas, Verb,
    log::{ProcessCause, ProcessOutcome},
};
use es_testkit::nats::{Cluster, SyncInterval};
use es_tests::{
    fulfilment::{Fulfilment, hold, order, pay, payment, place},
    places::{Act, Place, line_of},
    tiers, tries,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const NAME: &str = "fulfilment";
const HOUR: Duration = Duration::from_secs(3600);
/// So long at most until everything rests.
const PATIENCE: Duration = Duration::from_secs(300);

fn worker(place: &Place, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_programs"))
        .arg("process_worker")
        .arg(place.address())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts")
}

fn kill(mut worker: Child) {
    worker.kill().expect("killed");
    worker.wait().expect("ended");
}

fn sagas(store: AnyStore) -> Sagas {
    Sagas::new(store).with_process_manager::<Fulfilment>()
}

/// What happens to an order, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Paid,
    PaidFirst,
    /// Its two timers run out one after the other.
    NotPaid,
    /// It refuses to be shipped for now.
    Held,
}

const fn fate(number: u64) -> Fate {
    match number % 4 {
        0 => Fate::Paid,
        1 => Fate::PaidFirst,
        2 => Fate::NotPaid,
        _ => Fate::Held,
    }
}

/// The events that the orders with these numbers begin with.
struct Happen(Range<u64>);

impl Act<()> for Happen {
    async fn run(self, store: AnyStore) {
        let mut tasks = JoinSet::new();
        for lane in 0..8 {
            let (store, numbers) = (store.clone(), self.0.clone());
            tasks.spawn(async move {
                for number in numbers.filter(|number| number % 8 == lane) {
                    happen(&store, number).await;
                }
            });
        }
        tasks.join_all().await;
    }
}

async fn happen(store: &AnyStore, number: u64) {
    match fate(number) {
        Fate::Paid => {
            place(store, number, HOUR, HOUR).await;
            pay(store, number, number).await;
        }
        Fate::PaidFirst => {
            pay(store, number, number).await;
            place(store, number, HOUR, HOUR).await;
        }
        Fate::NotPaid => place(store, number, Duration::ZERO, Duration::ZERO).await,
        Fate::Held => {
            place(store, number, HOUR, HOUR).await;
            hold(store, number, true).await;
            pay(store, number, number).await;
        }
    }
}

/// Lets the held ones go, and an operator tries them again.
struct Release(Range<u64>);

impl Act<()> for Release {
    async fn run(self, store: AnyStore) {
        let sagas = sagas(store.clone());
        for number in self.0.filter(|number| fate(*number) == Fate::Held) {
            hold(&store, number, false).await;
            let (id, retry) = (number.to_string(), Verb::Retry {});
            let retried = sagas.repair(NAME, &id, retry, "ann", "let go").await;
            retried.expect("it is parked");
        }
    }
}

/// Sets the place in the feed back to the start, as a restored backup would: all inputs come again.
struct LoseCursor;

impl Act<()> for LoseCursor {
    async fn run(self, store: AnyStore) {
        let consumer = format!("saga:{NAME}");
        let at = store.cursor(&consumer).await.expect("read");
        if at.is_some() {
            let back = CursorMove::new(consumer, at, Position::START);
            store
                .commit(Commit::new().cursor(back))
                .await
                .expect("set back");
        }
    }
}

/// Looks at every order, and says what is not as it must be.
struct Look {
    numbers: Range<u64>,
    released: bool,
}

impl Act<Vec<String>> for Look {
    async fn run(self, store: AnyStore) -> Vec<String> {
        let sagas = sagas(store.clone());
        let mut wrong = Vec::new();
        for number in self.numbers {
            let order = order(&store, number).await;
            let booked = payment(&store, number).await.booked;
            let view = sagas.show_process(NAME, &number.to_string()).await;
            let view = view.unwrap_or_else(|error| panic!("order {number}: {error}"));
            let fate = fate(number);
            let waits = fate == Fate::Held && !self.released;
            let done = u32::from(fate != Fate::NotPaid && !waits);
            let timed = u32::from(fate == Fate::NotPaid);
            let effects = [order.shipped, booked, order.reminded, order.closed];
            if effects != [done, done, timed, timed] {
                wrong.push(format!("order {number}, {fate:?}: {effects:?}"));
            }
            let inputs: &[(&str, u32)] = match fate {
                Fate::NotPaid => &[("close", 1), ("order.placed", 1), ("remind", 1)],
                _ if waits => &[("order.placed", 1)],
                _ => &[("order.placed", 1), ("payment.received", 1)],
            };
            if reacted(&view) != inputs {
                wrong.push(format!("order {number}, {fate:?}: took {:?}", view.history));
            }
            let (status, reason) = view.row.map(|row| (row.status, row.reason)).expect("a row");
            let expected = if waits {
                let why = "the order is on hold";
                status == WorkStatus::Parked && reason.is_some_and(|reason| reason.contains(why))
            } else {
                status == WorkStatus::Done && view.state.ended
            };
            if !expected {
                wrong.push(format!("order {number}, {fate:?}: {status}"));
            }
        }
        wrong
    }
}

/// The inputs that it reacted to, and how often. What it may do without: waiting, being parked, coming
/// too late are records, too, each once for an input at most.
fn reacted(view: &ProcessView) -> Vec<(&str, u32)> {
    let mut reacted: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, step) in &view.history {
        match (&step.cause, &step.outcome) {
            (ProcessCause::Operator { .. }, _) | (_, ProcessOutcome::Parked { .. }) => {}
            (cause, _) => *reacted.entry(cause.name()).or_default() += 1,
        }
    }
    reacted.into_iter().collect()
}

/// Waits until nothing more happens, nothing is left to read and nothing runs; something may be done
/// while it is not so.
struct UntilRest<'a, F> {
    pace: u64,
    happened: &'a AtomicBool,
    meanwhile: F,
}

impl<F: FnMut() + Send> Act<()> for UntilRest<'_, F> {
    async fn run(mut self, store: AnyStore) {
        let sagas = sagas(store);
        let began = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(30..250) * self.pace)).await;
            if self.happened.load(Ordering::SeqCst) {
                let head = sagas.store().head().await.expect("a head");
                let read = sagas.store().cursor(&format!("saga:{NAME}")).await;
                let running = sagas.list(Some(NAME), Some(WorkStatus::Running), None);
                let running = !running.await.expect("rows").is_empty();
                if !running && read.expect("read") >= Some(head) {
                    return;
                }
            }
            assert!(began.elapsed() < PATIENCE, "it does not come to rest");
            (self.meanwhile)();
        }
    }
}

/// Like [`Happen`]; something is done while the second half happens.
struct HappenAnd<F>(Range<u64>, F);

impl<F: FnOnce() + Send> Act<()> for HappenAnd<F> {
    async fn run(self, store: AnyStore) {
        let Self(numbers, disturb) = self;
        let middle = u64::midpoint(numbers.start, numbers.end);
        Happen(numbers.start..middle).run(store.clone()).await;
        let rest = tokio::spawn(Happen(middle..numbers.end).run(store));
        disturb();
        rest.await.expect("happened");
    }
}

/// Lets something happen, and waits until everything rests.
async fn through(place: &Place, act: impl Act<()>, meanwhile: impl FnMut() + Send) {
    let happened = AtomicBool::new(false);
    let happens = async {
        place.with(act).await;
        happened.store(true, Ordering::SeqCst);
    };
    let rests = UntilRest {
        pace: place.pace(),
        happened: &happened,
        meanwhile,
    };
    tokio::join!(happens, place.with(rests));
}

/// Four orders, one of each fate.
const FOUR: Range<u64> = 4..8;

/// Kills a worker at the point, lets another one finish, and looks. Gives the name of the point and
/// what is wrong, `None` when there is no such point any more.
async fn killed_at(
    place: &Place,
    (at, side): (usize, &str),
    loses_cursor: bool,
    faults: &str,
) -> Option<(String, Vec<String>)> {
    for number in FOUR {
        place.with(Happen(number..number + 1)).await;
    }
    let mut dying = worker(place, &["rest", "none", &at.to_string(), side]);
    let said = line_of(&mut dying);
    let Some(name) = said.strip_prefix("at ") else {
        assert_eq!(said, "done");
        assert!(dying.wait().expect("ended").success());
        return None;
    };
    kill(dying);
    if loses_cursor {
        place.with(LoseCursor).await;
    }
    let mut next = worker(place, &["rest", faults]);
    assert_eq!(line_of(&mut next), "done", "after a kill {name}");
    assert!(next.wait().expect("ended").success());
    let look = Look {
        numbers: FOUR,
        released: false,
    };
    Some((name.to_owned(), place.with(look).await))
}

async fn killed_everywhere(place: fn() -> Place) {
    let mut lanes = JoinSet::new();
    for side in ["before", "after"] {
        // Whoever loses its place in the feed too has all to do that others have, and more.
        for loses_cursor in tries(&[true, false][..], &[true]).iter().copied() {
            lanes.spawn(async move {
                let mut names = Vec::new();
                while let Some((name, wrong)) =
                    killed_at(&place(), (names.len() + 1, side), loses_cursor, "none").await
                {
                    assert!(wrong.is_empty(), "after a kill {name}: {wrong:#?}");
                    names.push(name);
                    assert!(names.len() < 100, "it never gets done");
                }
                names
            });
        }
    }
    let names: BTreeSet<_> = lanes.join_all().await.concat().into_iter().collect();
    for (side, what) in [
        ("before commit", "fulfilment.begun"),
        ("after commit", "fulfilment.begun"),
        (
            "before commit",
            "fulfilment.paid, order.shipped, payment.booked",
        ),
        (
            "after commit",
            "fulfilment.paid, order.shipped, payment.booked",
        ),
        ("before claim", ""),
        ("after claim", ""),
        ("before commit", "process.stepped, order.reminded"),
        ("after commit", "process.stepped, order.reminded"),
        ("before commit", "process.stepped, order.closed"),
        ("after commit", "process.stepped, order.closed"),
        // The move of the cursor over what is for nobody.
        ("before commit", "[]"),
        ("after commit", "[]"),
    ] {
        let mut names = names.iter();
        let known = names.any(|name| name.starts_with(side) && name.contains(what));
        assert!(known, "{side} {what}");
    }
    println!("{} places", names.len());

    // The control: a store that forgets append ids takes inputs that come again.
    let mut red = Vec::new();
    for at in 1.. {
        match killed_at(&place(), (at, "after"), true, "forgets-append-ids").await {
            Some((_, wrong)) => red.extend(wrong),
            None => break,
        }
        if !red.is_empty() {
            break;
        }
    }
    assert!(!red.is_empty(), "the look sees nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_place_on_sqlite() {
    killed_everywhere(Place::sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn killed_at_every_place_on_postgresql() {
    killed_everywhere(Place::postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn killed_at_every_place_on_jetstream() {
    killed_everywhere(Place::nats).await;
}

/// Orders in rounds, three workers, and one worker after the other killed while they work.
async fn killed_at_random(place: Place) {
    const ORDERS: u64 = 200;
    let seconds = std::env::var("PROCESS_KILLS_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| tries(8, 3));
    let time = Duration::from_secs(seconds);
    let began = Instant::now();
    let serve = || worker(&place, &["serve", "none"]);
    let mut workers = vec![serve(), serve(), serve()];
    let (mut kills, mut rounds) = (0, 0);
    while began.elapsed() < time || kills <= 5 {
        let numbers = rounds * ORDERS + 1..(rounds + 1) * ORDERS + 1;
        for released in [false, true] {
            let phase = Instant::now();
            // Where workers start slowly they get nothing done while the kills go on.
            let kill_one = || {
                if phase.elapsed() < time / 2 {
                    kill(workers.remove(0));
                    workers.push(serve());
                    kills += 1;
                }
            };
            let numbers = numbers.clone();
            if released {
                through(&place, Release(numbers.clone()), kill_one).await;
            } else {
                through(&place, Happen(numbers.clone()), kill_one).await;
            }
            let wrong = place.with(Look { numbers, released }).await;
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
        rounds += 1;
    }
    workers.into_iter().for_each(kill);
    println!("{kills} kills, {rounds} rounds of {ORDERS} orders");
    assert!(kills > 5, "{kills} kills only");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn killed_at_random_on_sqlite() {
    killed_at_random(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn killed_at_random_on_postgresql() {
    killed_at_random(Place::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn killed_at_random_on_jetstream() {
    killed_at_random(Place::nats()).await;
}

/// The server that leads the stream.
fn kill_leader(cluster: &Cluster) {
    tokio::task::block_in_place(|| {
        let leader = cluster.wait_leader("PLACE").expect("one leads");
        cluster.kill(leader).expect("killed");
        cluster.restart(leader).expect("back");
    });
}

fn three_servers() -> Cluster {
    let options = Cluster::options().sync(SyncInterval::Unset);
    let cluster = options.folder_in(tiers::parent()).start();
    cluster.expect("a cluster")
}

/// Orders in rounds on three servers of JetStream. In each a worker is killed, and the server that leads the stream, which
/// comes back. Timers run out meanwhile.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn a_leader_of_jetstream_is_killed_under_workers() {
    const ORDERS: u64 = 100;
    let cluster = three_servers();
    let place = Place::nats_on(&cluster, "PLACE");
    let serve = || worker(&place, &["serve", "none"]);
    let mut workers = vec![serve(), serve()];
    for round in 0..tries(4, 2) {
        let numbers = round * ORDERS + 1..(round + 1) * ORDERS + 1;
        let kill_both = || {
            kill_leader(&cluster);
            kill(workers.remove(0));
            workers.push(serve());
        };
        through(&place, HappenAnd(numbers.clone(), kill_both), || ()).await;
        let released = false;
        let wrong = place.with(Look { numbers, released }).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    workers.into_iter().for_each(kill);
}

/// The control of it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn without_the_rules_it_goes_wrong_on_jetstream() {
    let cluster = three_servers();
    let place = Place::nats_on(&cluster, "PLACE");
    without_the_rules_it_goes_wrong(place, || kill_leader(&cluster)).await;
}

/// The control of those above: on a store that forgets append ids and ignores cursors, several workers
/// take inputs twice, and it is seen.
async fn without_the_rules_it_goes_wrong(place: Place, disturb: impl Fn() + Send + Sync) {
    let serve = || worker(&place, &["serve", "forgets-append-ids,ignores-cursors"]);
    let workers = [serve(), serve(), serve()];
    let mut wrong = Vec::new();
    let mut numbers = 1..101;
    let began = Instant::now();
    while wrong.is_empty() && began.elapsed() < PATIENCE {
        through(&place, HappenAnd(numbers.clone(), &disturb), || ()).await;
        let look = Look {
            numbers: numbers.clone(),
            released: false,
        };
        wrong = place.with(look).await;
        numbers = numbers.end..numbers.end + 100;
    }
    workers.into_iter().for_each(kill);
    assert!(!wrong.is_empty(), "the look sees nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_rules_it_goes_wrong_on_sqlite() {
    without_the_rules_it_goes_wrong(Place::sqlite(), || ()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
async fn without_the_rules_it_goes_wrong_on_postgresql() {
    without_the_rules_it_goes_wrong(Place::postgres(), || ()).await;
}
