//! C14 to C16: a read model of what sagas made of orders. Its process is killed in the middle of a
//! batch, its database goes away, it wakes when another one has taken its place, and the store after it
//! is restored from an older copy. A program that commits rows and position apart is the control.

use super::{place::Place, worker::Worker};
use es_postgres::PostgresReadDatabase;
use es_sagas::Sagas;
use es_sqlite::SqliteReadDatabase;
use es_testkit::postgres::Server;
use es_tests::{
    board::{Rows, in_postgres, in_sqlite},
    orders::{self, OrderSaga},
};
use std::sync::Arc;

on_both! {
    c14_killed_in_the_middle_of_a_batch
    c14_the_database_goes_away_in_the_middle_of_a_batch
    c15_a_projector_wakes_when_another_one_has_its_place
    c16_killed_before_the_store_is_restored_from_an_older_copy
}

const ORDERS: usize = 4;

/// What sagas made of these orders: two events each.
async fn fulfil(place: &Place, orders: std::ops::Range<usize>) {
    with_store!(place, |store| {
        for number in orders {
            orders::place(&store, &format!("order-{number}"), 100).await;
        }
        let sagas = Sagas::new(store.clone()).from_the_beginning(true);
        let sagas = sagas.with::<OrderSaga>(Arc::new(place.ledger()));
        let idle = sagas.run_until_idle().await.expect("runs");
        assert_eq!((idle.running, idle.parked), (0, 0));
    });
}

/// What the read model must show of so many orders.
fn expected(orders: usize) -> Rows {
    let ids = (0..orders).map(|number| format!("order-{number}"));
    let log = ids.clone().flat_map(|id| [(id.clone(), 1), (id, 2)]);
    (ids.map(|id| (id, 1, 1, 0)).collect(), log.collect())
}

/// Where the read model of this name is.
fn read(place: &Place, name: &str) -> String {
    match place.database() {
        None => place
            .folder()
            .join(format!("{name}.db"))
            .display()
            .to_string(),
        Some(database) => {
            let own = format!("{}_{name}", database.name());
            let made = format!("SELECT count(*) FROM pg_database WHERE datname = '{own}'");
            if database.query(&made).expect("asked").trim() == "0" {
                database
                    .query(&format!("CREATE DATABASE {own}"))
                    .expect("made");
            }
            let dbname = |name: &str| format!("dbname={name}");
            database
                .url()
                .replace(&dbname(database.name()), &dbname(&own))
        }
    }
}

fn projector(place: &Place, read: &str, args: &[&str]) -> Worker {
    let mut all = vec![format!("store={}", place.store()), format!("read={read}")];
    all.extend(args.iter().map(|&arg| arg.to_owned()));
    Worker::start("board", &all)
}

async fn rows(read: &str) -> Rows {
    if read.contains("dbname=") {
        let read = PostgresReadDatabase::open(read).await.expect("opens");
        in_postgres(&read).await.expect("rows")
    } else {
        let read = SqliteReadDatabase::open(read).await.expect("opens");
        in_sqlite(&read).await.expect("rows")
    }
}

async fn c14_killed_in_the_middle_of_a_batch(place: &Place) {
    fulfil(place, 0..ORDERS).await;
    for (number, at) in [
        "after page",
        "before event",
        "between event|between event",
        "after event|after event|after event",
        "after batch",
    ]
    .into_iter()
    .enumerate()
    {
        let read = read(place, &format!("killed{number}"));
        // Three processes die there, one after the other.
        for _ in 0..3 {
            let at: Vec<&str> = at.split('|').collect();
            let mut dying = projector(place, &read, &[&format!("at={}", at.join("|"))]);
            for (nth, point) in at.iter().enumerate() {
                dying.is_at(point);
                if nth + 1 < at.len() {
                    dying.go_on();
                }
            }
            dying.kill();
        }
        projector(place, &read, &[]).comes_to_its_end();
        assert_eq!(rows(&read).await, expected(ORDERS), "killed {at}");
    }
    let read = read(place, "apart");
    let naive = "mode=naive";
    let mut dying = projector(place, &read, &[naive, "at=after event"]);
    dying.is_at("after event");
    dying.kill();
    projector(place, &read, &[naive]).comes_to_its_end();
    let (counts, _) = rows(&read).await;
    assert_ne!(counts, expected(ORDERS).0, "the control saw nothing");
}

/// It is there again later, and the same process goes on. A SQLite file goes away with the process; what
/// stands for it is another one that keeps the file locked.
async fn c14_the_database_goes_away_in_the_middle_of_a_batch(place: &Place) {
    fulfil(place, 0..ORDERS).await;
    match place.database() {
        None => {
            let read = read(place, "gone");
            let mut first = projector(place, &read, &["at=after batch|after page"]);
            first.is_at("after batch");
            first.go_on();
            first.is_at("after page");
            let locked = rusqlite::Connection::open(&read).expect("opens");
            locked.execute_batch("BEGIN EXCLUSIVE").expect("locked");
            first.go_on();
            // It waits for the file, and is killed while it does.
            first.kill();
            locked.execute_batch("ROLLBACK").expect("free");
            projector(place, &read, &[]).comes_to_its_end();
            assert_eq!(rows(&read).await, expected(ORDERS));
        }
        Some(_) => {
            let server = Server::options().start().expect("a server");
            let database = server.database().expect("a database");
            let read = database.url();
            let mut keeps = projector(place, &read, &["at=between event|between event"]);
            keeps.is_at("between event");
            keeps.go_on();
            keeps.is_at("between event");
            server.stop_immediate().expect("stopped");
            server.start_again().expect("started");
            keeps.go_on();
            keeps.comes_to_its_end();
            assert_eq!(rows(&read).await, expected(ORDERS));
        }
    }
}

/// Stopped with a page in its hands, and let go on when another one has handled it.
async fn c15_a_projector_wakes_when_another_one_has_its_place(place: &Place) {
    fulfil(place, 0..ORDERS).await;
    for mode in ["exact", "naive"] {
        let (read, mode) = (read(place, mode), format!("mode={mode}"));
        let mut zombie = projector(place, &read, &[&mode, "at=after page"]);
        zombie.is_at("after page");
        zombie.stop();
        projector(place, &read, &[&mode]).comes_to_its_end();
        zombie.go_on();
        let said = zombie.said();
        let found = rows(&read).await;
        if mode == "mode=exact" {
            assert_eq!(said.as_deref(), Some("lost 1"), "its page was refused");
            assert_eq!(found, expected(ORDERS));
        } else {
            assert_eq!(said.as_deref(), Some("done"));
            assert_ne!(found.0, expected(ORDERS).0, "the control saw nothing");
        }
    }
}

/// A copy of the store as it is now.
fn copy(place: &Place) -> Place {
    let copy = place.another();
    match (place.database(), copy.database()) {
        (Some(from), Some(to)) => {
            let elsewhere = Place::postgres();
            let admin = elsewhere.database().expect("it is one");
            let (from, to) = (from.name(), to.name());
            admin
                .query(&format!("DROP DATABASE {to}"))
                .expect("dropped");
            let copied = admin.query(&format!("CREATE DATABASE {to} TEMPLATE {from}"));
            copied.expect("copied");
        }
        _ => {
            std::fs::copy(place.store(), copy.store()).expect("copied");
        }
    }
    copy
}

async fn c16_killed_before_the_store_is_restored_from_an_older_copy(place: &Place) {
    let read = read(place, "board");
    fulfil(place, 0..1).await;
    let restored = copy(place);
    fulfil(place, 1..2).await;
    projector(place, &read, &[]).comes_to_its_end();
    fulfil(place, 2..ORDERS).await;
    let mut dying = projector(place, &read, &["at=after batch|between event"]);
    dying.is_at("after batch");
    dying.go_on();
    dying.is_at("between event");
    dying.kill();
    let before = rows(&read).await;
    // What was handled is not in the copy.
    let said = projector(&restored, &read, &[]).said().expect("a word");
    let after = said.starts_with("refused") && said.contains("older copy");
    assert!(after, "{said}");
    // Nor is it when the copy has grown beyond: other events stand there.
    fulfil(&restored, 7..17).await;
    let said = projector(&restored, &read, &[]).said().expect("a word");
    let other = said.starts_with("refused") && said.contains("another history");
    assert!(other, "{said}");
    assert_eq!(rows(&read).await, before, "nothing moved");
    // With the store that it belongs to it goes on.
    projector(place, &read, &[]).comes_to_its_end();
    assert_eq!(rows(&read).await, expected(ORDERS));
}
