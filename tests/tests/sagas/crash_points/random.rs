//! Kills at random, of workers and of the server that leads their stream: three workers, rounds of 200 sagas, services that fail, undos that do not work.
//!
//! A round is over when its sagas rest, so each kill meets workers that have something to do. It goes on
//! with another round for `SAGA_KILLS_SECONDS`, a few seconds without.

use super::{
    audit::{Rest, audit},
    place::Place,
    worker::{PATIENCE, Worker},
};
use es_runtime::{AnyStore, CommitStore, EventStore, WorkStatus};
use es_sagas::Sagas;
use es_tests::{orders, tries};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

mod killed_at_random {
    use super::super::place::Place;
    use es_testkit::nats::{Cluster, SyncInterval};
    use es_tests::{tiers, tries};

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a long run: CONTRIBUTING.md has the command"]
    async fn on_sqlite() {
        super::killed_at_random(&Place::sqlite()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a long run: CONTRIBUTING.md has the command"]
    async fn on_postgresql() {
        super::killed_at_random(&Place::postgres()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a long run: CONTRIBUTING.md has the command"]
    async fn on_jetstream() {
        super::killed_at_random(&Place::jetstream()).await;
    }

    /// The server that leads the stream is killed, too, and comes back.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a long run: CONTRIBUTING.md has the command"]
    async fn on_three_servers_of_jetstream() {
        let options = Cluster::options().sync(SyncInterval::Unset);
        let cluster = options.folder_in(tiers::parent()).start();
        let cluster = cluster.expect("a cluster");
        let place = Place::on(&cluster);
        let mut killed = 0;
        let kill_leader = |kills: usize| {
            // An election takes seconds, in which nothing happens that could go wrong.
            if kills % 4 == 2 && killed < tries(6, 2) {
                killed += 1;
                tokio::task::block_in_place(|| {
                    let leader = cluster.wait_leader("PLACE").expect("one leads");
                    cluster.kill(leader).expect("killed");
                    cluster.restart(leader).expect("back");
                });
            }
        };
        super::killed_at_random_and(&place, kill_leader).await;
        assert!(killed > 1, "{killed} leaders");
    }
}

const SAGAS: usize = 200;
const LANES: usize = 8;
/// A fifth of all calls fails somehow, and three of ten effects cannot be taken back.
const SERVICES: &str = "services=all:20,undos:30";

/// What came of all rounds.
#[derive(Debug, Default)]
struct Figures {
    rounds: usize,
    kills: usize,
    completed: usize,
    compensated: usize,
    parked: usize,
}

impl Figures {
    /// Whether there is more to be seen.
    fn are_thin(&self) -> bool {
        self.kills <= 5 || self.completed <= 20 || self.compensated <= 5 || self.parked == 0
    }
}

async fn killed_at_random(place: &Place) {
    killed_at_random_and(place, |_| ()).await;
}

/// The same, and what happens after each kill. It gets their number.
async fn killed_at_random_and(place: &Place, mut after: impl FnMut(usize)) {
    let seconds = std::env::var("SAGA_KILLS_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| tries(8, 3));
    let time = Duration::from_secs(seconds);
    let serve = || place.worker(&["mode=serve", SERVICES]);
    let mut workers = [serve(), serve(), serve()];
    let mut figures = Figures::default();
    let began = Instant::now();
    with_store!(place, |store| {
        let sagas = place.sagas(store.clone());
        while began.elapsed() < time || (figures.are_thin() && began.elapsed() < time + PATIENCE) {
            figures.rounds += 1;
            let round = figures.rounds;
            let ids = || (0..SAGAS).map(move |number| format!("{round}-{number}"));
            let round_began = Instant::now();
            let mut placing = place_orders(&store, round);
            while !placing.is_empty() || is_under_way(&sagas).await {
                assert!(
                    round_began.elapsed() < PATIENCE * 2,
                    "round {round} does not end"
                );
                tokio::time::sleep(Duration::from_millis(fastrand::u64(20..200) * place.pace()))
                    .await;
                while placing.try_join_next().is_some() {}
                // Where workers start slowly they get nothing done while the kills go on.
                let kills = round_began.elapsed() < time;
                if kills && is_under_way(&sagas).await {
                    let victim = &mut workers[fastrand::usize(..3)];
                    std::mem::replace(victim, serve()).kill();
                    figures.kills += 1;
                    after(figures.kills);
                }
            }
            let rests = audit(&sagas, &place.ledger(), ids()).await;
            let rests = rests.unwrap_or_else(|wrong| panic!("round {round}: {wrong}"));
            let count = |rest| rests.iter().filter(|r| **r == rest).count();
            figures.completed += count(Rest::Completed);
            figures.compensated += count(Rest::Compensated);
            figures.parked += count(Rest::Parked);
        }
    });
    for worker in workers {
        Worker::kill(worker);
    }
    let kind = place.kind();
    println!("{kind}: {figures:?} in {:?}", began.elapsed());
    assert!(!figures.are_thin(), "{figures:?}");
    retried(place, &figures).await;
}

/// An operator has the parked ones tried again, with services that work: nothing is left over.
async fn retried(place: &Place, figures: &Figures) {
    let parked = with_store!(place, |store| {
        let sagas = place.sagas(store.clone());
        let retried = sagas.retry_all("order", "ada", "it works again", |_| true);
        retried.await.expect("retried")
    });
    assert_eq!(parked, figures.parked as u64);
    place.finish(&["mode=finish"]);
    let ids = (1..=figures.rounds)
        .flat_map(|round| (0..SAGAS).map(move |number| format!("{round}-{number}")));
    let rests = with_store!(place, |store| {
        audit(&place.sagas(store.clone()), &place.ledger(), ids).await
    });
    let rests = rests.unwrap_or_else(|wrong| panic!("{wrong}"));
    let completed = rests.iter().filter(|rest| **rest == Rest::Completed);
    assert!(completed.count() >= figures.completed);
    assert!(!rests.contains(&Rest::Parked), "they were tried again");
}

/// The orders of a round, placed during the kills.
fn place_orders(store: &AnyStore, round: usize) -> JoinSet<()> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let store = store.clone();
        lanes.spawn(async move {
            for number in (lane..SAGAS).step_by(LANES) {
                orders::place(&store, &format!("{round}-{number}"), 100).await;
            }
        });
    }
    lanes
}

/// Whether orders are to be read or sagas run.
async fn is_under_way(sagas: &Sagas) -> bool {
    let head = sagas.store().head().await.expect("a head");
    let cursor = sagas.store().cursor("saga:order").await;
    let read = cursor.expect("a cursor").is_some_and(|at| at >= head);
    let running = sagas.list(Some("order"), Some(WorkStatus::Running), None);
    !read || !running.await.expect("rows").is_empty()
}
