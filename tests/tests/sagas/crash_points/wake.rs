//! C18: nobody is woken any more. On PostgreSQL the sessions that listen are ended again and again; on
//! SQLite, where the wake of another process is a look at the file's `data_version`, and in the second
//! test on both, no wake ever comes. Polling suffices, also while workers are killed.

use super::{
    audit::{Rest, audit},
    place::Place,
    worker::{PATIENCE, Worker},
};
use es_runtime::WorkStatus;
use es_sagas::Sagas;
use es_tests::orders;
use std::time::{Duration, Instant};

on_both! {
    c18_killed_while_the_wake_dies
    c18_killed_where_no_wake_ever_comes
}

const ORDERS: usize = 30;

fn ids() -> impl Iterator<Item = String> {
    (0..ORDERS).map(|number| format!("order-{number}"))
}

async fn c18_killed_while_the_wake_dies(place: &Place) {
    let (began, mut is_ended) = (Instant::now(), false);
    let end_listeners = || {
        let Some(database) = place.database() else {
            return 0;
        };
        // A session that listens has asked for the end of the feed last; some that read have so too.
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'worker'
                       AND query LIKE 'SELECT position FROM %.head'";
        loop {
            let ended = database.query(ended).expect("asked");
            let ended = ended.trim().parse::<usize>().expect("a count");
            // The first time it waits for one.
            is_ended |= ended > 0;
            if is_ended {
                return ended;
            }
            assert!(began.elapsed() < PATIENCE, "nobody listens");
        }
    };
    let deaf = match place.database() {
        None => "deaf=yes",
        Some(_) => "deaf=no",
    };
    let ended = all_end(place, deaf, end_listeners).await;
    if place.database().is_some() {
        assert!(ended > 0, "there was no listener to end");
    }
}

async fn c18_killed_where_no_wake_ever_comes(place: &Place) {
    all_end(place, "deaf=yes", || 0).await;
}

/// Orders are placed one by one by this process, while two workers run of which one after the other is
/// killed; every saga ends. Gives what `trouble` counted.
async fn all_end(place: &Place, deaf: &str, mut trouble: impl FnMut() -> usize) -> usize {
    let serve = || {
        let store = match place.database() {
            None => place.store(),
            Some(_) => format!("{} application_name=worker", place.store()),
        };
        place.worker_through(&store, &["mode=serve", deaf])
    };
    let mut workers = [serve(), serve()];
    let mut counted = 0;
    with_store!(place, |store| {
        let sagas = place.sagas(store.clone());
        for (number, id) in ids().enumerate() {
            orders::place(&store, &id, 100).await;
            if number % 5 == 4 {
                counted += trouble();
                let next = std::mem::replace(&mut workers[number / 5 % 2], serve());
                next.kill();
            }
        }
        let began = Instant::now();
        while ended(&sagas).await < ORDERS {
            assert!(began.elapsed() < PATIENCE, "they do not end");
            counted += trouble();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rests = audit(&sagas, &place.ledger(), ids()).await;
        assert_eq!(rests, Ok(vec![Rest::Completed; ORDERS]));
    });
    for worker in workers {
        Worker::kill(worker);
    }
    counted
}

async fn ended(sagas: &Sagas) -> usize {
    let done = sagas.list(Some("order"), Some(WorkStatus::Done), None);
    done.await.expect("rows").len()
}
