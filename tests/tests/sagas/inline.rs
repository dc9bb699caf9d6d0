//! Projections inside of the transactions of sagas and process managers, on SQLite and on PostgreSQL:
//! their rows are there with the events that follow, and what one refuses is parked with the reason,
//! not lost.

use es_runtime::{AnyStore, WorkStatus};
use es_sagas::{Sagas, Verb};
use es_tests::{
    done_orders::{DoneOrders, events_and_rows},
    fulfilment::{self, Fulfilment, order, payment},
    ledger::{Behaviour, FileLedger},
    orders::{self, OrderSaga},
    places::{Act, Place, line_of, with_inline, with_store},
};
use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);
/// So long at most until something is so.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same test on each store.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(Place::sqlite).await;
            })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            #[ignore = "a long run: CONTRIBUTING.md has the command"]
            async fn $name() {
                super::$name(Place::postgres).await;
            })*
        }
    };
}

on_both! {
    rows_are_never_without_their_events
    what_a_projection_refuses_parks_the_process_manager
    what_a_projection_refuses_parks_the_saga
    killed_at_every_write
}

/// Places orders and pays for them.
struct Paid(u64);

impl Act<()> for Paid {
    async fn run(self, store: AnyStore) {
        for number in 1..=self.0 {
            fulfilment::place(&store, number, HOUR, HOUR).await;
            fulfilment::pay(&store, number, number).await;
        }
    }
}

/// Lets the process manager do all that it can.
struct Fulfil;

impl Act<()> for Fulfil {
    async fn run(self, store: AnyStore) {
        let sagas = Sagas::new(store)
            .from_the_beginning(true)
            .with_process_manager::<Fulfilment>();
        sagas.run_until_idle().await.expect("runs");
    }
}

async fn rows_are_never_without_their_events(place: fn() -> Place) {
    const ORDERS: u64 = 150;
    let place = place();
    let address = place.address();
    with_inline(&address, Some(DoneOrders::new()), Paid(ORDERS)).await;
    let at = address.clone();
    let work = es_tests::spawn(async move {
        with_inline(&at, Some(DoneOrders::new()), Fulfil).await;
    });
    while !work.is_finished() {
        let (events, rows) = events_and_rows(&place).await;
        assert_eq!(events, rows);
    }
    work.await.expect("works");
    let (events, rows) = events_and_rows(&place).await;
    assert_eq!((events.len() as u64, &events), (ORDERS, &rows));

    // The control: a program without the projection leaves events without rows, and it is seen.
    with_store(&address, More).await;
    with_store(&address, Fulfil).await;
    let (events, rows) = events_and_rows(&place).await;
    assert_eq!((events.len(), rows.len()), (151, 150));
    // The next program with it makes up for that.
    with_inline(&address, Some(DoneOrders::new()), Fulfil).await;
    let (events, rows) = events_and_rows(&place).await;
    assert_eq!(events, rows);
}

/// One more order that is paid.
struct More;

impl Act<()> for More {
    async fn run(self, store: AnyStore) {
        fulfilment::place(&store, 1_000, HOUR, HOUR).await;
        fulfilment::pay(&store, 1_000, 1_000).await;
    }
}

async fn what_a_projection_refuses_parks_the_process_manager(place: fn() -> Place) {
    let place = place();
    let projection = DoneOrders::new();
    projection.unwanted().extend(["2".into(), "5".into()]);
    with_inline(
        &place.address(),
        Some(projection.clone()),
        Refused(projection),
    )
    .await;
    let (events, rows) = events_and_rows(&place).await;
    assert_eq!(events, rows);
    assert_eq!(events, ["1", "2", "3", "4", "5"]);
}

struct Refused(DoneOrders);

impl Act<()> for Refused {
    async fn run(self, store: AnyStore) {
        // All of them come together; two are refused, one of them by its timer.
        Paid(4).run(store.clone()).await;
        fulfilment::place(&store, 5, Duration::ZERO, Duration::ZERO).await;
        let sagas = Sagas::new(store.clone())
            .from_the_beginning(true)
            .with_process_manager::<Fulfilment>();
        let run = async || {
            sagas.run_until_idle().await.expect("runs");
        };
        run().await;
        for number in [1, 3, 4] {
            assert_eq!(order(&store, number).await.shipped, 1, "order {number}");
        }
        for again in [false, true] {
            for (id, at) in [("2", "payment.received"), ("5", "close")] {
                let view = sagas.show_process("fulfilment", id).await.expect("shown");
                let why = view.state.parked.expect("parked");
                assert!(
                    why.contains("`done_orders`") && why.contains("this order is not wanted"),
                    "{why}"
                );
                let waits: Vec<_> = view.state.waiting.iter().map(|w| w.name()).collect();
                assert_eq!(waits, [at], "{id}, again {again}");
                let row = view.row.expect("a row");
                assert_eq!(row.status, WorkStatus::Parked);
                assert_eq!(row.reason.as_deref(), Some(&*why));
            }
            assert_eq!(order(&store, 2).await.shipped, 0);
            assert_eq!(payment(&store, 2).await.booked, 0, "all or nothing");
            assert_eq!(order(&store, 5).await.closed, 0);
            if again {
                self.0.unwanted().clear();
            }
            for id in ["2", "5"] {
                let retried = sagas.repair("fulfilment", id, Verb::Retry {}, "ann", "again");
                retried.await.expect("it is parked");
            }
            run().await;
        }
        assert_eq!(order(&store, 2).await.shipped, 1);
        assert_eq!(payment(&store, 2).await.booked, 1);
        assert_eq!(order(&store, 5).await.closed, 1);
        let parked = sagas.list(None, Some(WorkStatus::Parked), None).await;
        assert!(parked.expect("rows").is_empty());
    }
}

async fn what_a_projection_refuses_parks_the_saga(place: fn() -> Place) {
    let place = place();
    let projection = DoneOrders::new();
    projection.unwanted().insert("b".into());
    let ledger = FileLedger::open(&place.folder().join("ledger.db"), Behaviour::default());
    let act = SagaRefused(projection.clone(), ledger);
    with_inline(&place.address(), Some(projection), act).await;
    let (events, rows) = events_and_rows(&place).await;
    assert_eq!(events, rows);
    assert_eq!(events, ["a", "b", "c"]);
}

struct SagaRefused(DoneOrders, FileLedger);

impl Act<()> for SagaRefused {
    async fn run(self, store: AnyStore) {
        for id in ["a", "b", "c"] {
            orders::place(&store, id, 100).await;
        }
        let sagas = Sagas::new(store)
            .from_the_beginning(true)
            .with::<OrderSaga>(Arc::new(self.1.clone()));
        // Each attempt is tried again a little later, and then it waits for an operator.
        let rest = async || {
            let all = async {
                while sagas.run_until_idle().await.expect("runs").running > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let all = tokio::time::timeout(PATIENCE, all).await;
            all.expect("it comes to rest");
        };
        rest().await;
        for (id, ended) in [("a", true), ("b", false), ("c", true)] {
            let view = sagas.show("order", id).await.expect("shown");
            assert_eq!(view.state.phase.is_ended(), ended, "{id}");
            let row = view.row.expect("a row");
            let why = row.reason.unwrap_or_default();
            assert_eq!(row.status == WorkStatus::Parked, !ended, "{id}: {why}");
            if !ended {
                let history = format!("{:?}", view.history);
                assert!(history.contains("`done_orders`"), "{history}");
                assert!(history.contains("this order is not wanted"), "{history}");
            }
        }
        self.0.unwanted().clear();
        let retried = sagas.repair("order", "b", Verb::Retry {}, "ann", "again");
        retried.await.expect("it is parked");
        rest().await;
        let view = sagas.show("order", "b").await.expect("shown");
        assert_eq!(view.state.phase_text(), "completed");
        for (id, outside) in self.1.effects() {
            assert_eq!((outside.live.len(), outside.most), (3, 1), "{id}");
        }
    }
}

async fn killed_at_every_write(place: fn() -> Place) {
    let (before, after) = tokio::join!(
        es_tests::spawn(killed_on(place, "before")),
        es_tests::spawn(killed_on(place, "after")),
    );
    for names in [before.expect("done"), after.expect("done")] {
        let shipped = names.iter().any(|name| {
            let commit = name.starts_with("before commit") || name.starts_with("after commit");
            commit && name.contains("order.shipped")
        });
        assert!(shipped, "{names:?}");
    }
}

/// A worker with the projection, killed on this side of each write, and then another one. Gives the
/// names of the writes.
async fn killed_on(place: fn() -> Place, side: &'static str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let place = place();
        let address = place.address();
        with_inline(&address, Some(DoneOrders::new()), Paid(2)).await;
        let at = names.len() + 1;
        let mut dying = worker(&place, &[&at.to_string(), side]);
        let said = line_of(&mut dying);
        let stopped = said.strip_prefix("at ");
        if stopped.is_some() {
            dying.kill().expect("killed");
        }
        dying.wait().expect("ended");
        let (events, rows) = events_and_rows(&place).await;
        assert_eq!(events, rows, "{said}");
        let Some(name) = stopped else {
            assert_eq!(said, "done");
            return names;
        };
        let mut next = worker(&place, &[]);
        assert_eq!(line_of(&mut next), "done", "after a kill {name}");
        next.wait().expect("ended");
        let (events, rows) = events_and_rows(&place).await;
        assert_eq!(events, ["1", "2"], "after a kill {name}");
        assert_eq!(rows, events, "after a kill {name}");
        names.push(name.to_owned());
    }
}

fn worker(place: &Place, point: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_programs"))
        .arg("process_worker")
        .args([&*place.address(), "rest", "inline"])
        .args(point)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts")
}
