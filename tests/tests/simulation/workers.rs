//! Several workers, of which one loses its lease, and several caches, of which one is stale: what each of them may not do.

use es_runtime::{
    Aggregate, AppendId, Apply, Envelope, Event, EventStore, Events, ExecuteError, Handle,
};
use es_sagas::{
    AggregateCommand, Effect, Fail, ProcessManager, ReactTo, Reactions, Sagas, Start, StepCx, saga,
};
use es_testkit::sim::{Faults, Sim, histories, history};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

#[derive(Event, Serialize, Deserialize)]
#[event("gate.opened")]
struct Opened {}

#[derive(Event, Serialize, Deserialize)]
#[event("gate.entered")]
struct Entered {}

#[derive(Clone)]
struct Open;

#[derive(Clone)]
struct Enter;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the gate is closed")]
struct IsClosed;

/// A gate that is opened once, and never closed.
#[derive(Aggregate, Clone, Default)]
#[aggregate("gate", id = String, error = IsClosed, events(Opened, ignore(Entered)))]
struct Gate {
    open: bool,
}

impl Apply<Opened> for Gate {
    fn apply(&mut self, _: &Opened) {
        self.open = true;
    }
}

impl Handle<Open> for Gate {
    fn handle(&self, _: Open) -> Result<Events<Self>, IsClosed> {
        if self.open {
            return Ok(Events::none());
        }
        Ok(Opened {}.into())
    }
}

impl Handle<Enter> for Gate {
    fn handle(&self, _: Enter) -> Result<Events<Self>, IsClosed> {
        if self.open {
            Ok(Entered {}.into())
        } else {
            Err(IsClosed)
        }
    }
}

/// One process opens the gate, another one tries to enter, with a cache that knows it closed.
fn cached_gate(sim: &Sim) {
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = is_open.clone();
    sim.process(move |process| {
        let (gates, opened) = (process.repository::<Gate>(), opened.clone());
        process.spawn(async move {
            let id = AppendId::new("open").expect("an id");
            while gates
                .execute("1", Open)
                .append_id(id.clone())
                .await
                .is_err()
            {}
            opened.store(true, Ordering::SeqCst);
        });
    });
    sim.process(move |process| {
        let (gates, is_open) = (process.repository::<Gate>().cached(2), is_open.clone());
        let store = process.store();
        process.spawn(async move {
            for _ in 0..8 {
                // The turn of the other process.
                let _ = store.head().await;
                let was_open = is_open.load(Ordering::SeqCst);
                let rejected = matches!(
                    gates.execute("1", Enter).await,
                    Err(ExecuteError::Rejected(IsClosed))
                );
                assert!(!(was_open && rejected), "rejected by an older state");
            }
        });
    });
    sim.run();
}

#[test]
fn no_command_is_rejected_by_an_older_state_in_any_history() {
    histories(0..es_tests::tries(5_000, 100), cached_gate);
}

#[test]
fn commands_of_one_process_to_one_aggregate_never_conflict_in_a_history() {
    for seed in 0..es_tests::tries(500, 20) {
        history(seed, Faults::none().switch(0.5), |sim| {
            sim.process(|process| {
                let gates = process.repository::<Gate>().cached(2);
                for _ in 0..3 {
                    let gates = gates.clone();
                    process.spawn(async move {
                        for _ in 0..4 {
                            gates.execute("1", Open).await.expect("stored");
                            gates.execute("1", Enter).await.expect("stored");
                        }
                    });
                }
            });
            sim.run();
            assert_eq!(sim.log(), [""; 0]);
            assert_eq!(sim.load::<Gate>("1").version, 13);
        });
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("keeper.saw")]
struct Saw {}

/// Two releases of one process manager. The second one reads one kind of event more.
mod releases {
    use super::{Aggregate, Entered, Envelope, Infallible, Opened, ProcessManager, ReactTo};
    use super::{Reactions, Saw};

    macro_rules! keeper {
        ($name:ident, $($event:ident),+) => {
            #[derive(Aggregate, ProcessManager, Default)]
            #[aggregate("keeper", id = String, error = Infallible, events(ignore(Saw)))]
            #[process_manager(reacts($($event),+))]
            pub(super) struct $name {}

            $(impl ReactTo<$event> for $name {
                fn correlate(event: &Envelope<$event>) -> Option<String> {
                    Some(event.stream.id().to_owned())
                }

                fn react(&self, _: &Envelope<$event>) -> Reactions<Self> {
                    Reactions::none()
                }
            })+
        };
    }

    keeper!(One, Opened);
    keeper!(Two, Opened, Entered);
}

/// Visitors of two gates, and a worker of each release.
fn two_releases(sim: &Sim) {
    sim.process(|process| {
        let gates = process.repository::<Gate>();
        process.spawn(async move {
            for number in 0..6 {
                let gate = (number % 2).to_string();
                let id = AppendId::new(number.to_string()).expect("an id");
                let _ = gates.execute(&gate, Open).await;
                let _ = gates.execute(&gate, Enter).append_id(id).await;
            }
        });
    });
    sim.process(|process| {
        let sagas = process.sagas().from_the_beginning(true);
        process.run_sagas(sagas.with_process_manager::<releases::One>());
    });
    sim.process(|process| {
        let sagas = process.sagas().from_the_beginning(true);
        process.run_sagas(sagas.with_process_manager::<releases::Two>());
    });
    sim.run();
    let sagas = Sagas::new(sim.store()).with_process_manager::<releases::Two>();
    for gate in ["0", "1"] {
        let stored = sim.load::<Gate>(gate).version;
        let seen = block_on(sagas.show_process("keeper", gate));
        let seen = seen.map_or(0, |view| view.history.len());
        assert_eq!(u64::try_from(seen), Ok(stored), "inputs of gate {gate}");
    }
}

#[test]
fn each_release_gets_what_it_reads_in_every_history() {
    histories(0..es_tests::tries(3_000, 60), two_releases);
    // One release moves the cursor between the two reads of it that the other one makes, and nothing happens after that.
    histories(337..338, two_releases);
}

#[derive(Event, Serialize, Deserialize)]
#[event("trip.booked")]
struct Booked {}

#[derive(Event, Serialize, Deserialize)]
#[event("trip.sold")]
struct Sold {}

#[derive(Clone)]
struct Book;

#[derive(Clone)]
struct Sell;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nothing is left")]
struct NothingLeft;

/// A trip that never has a place left.
#[derive(Aggregate, Clone, Default)]
#[aggregate("trip", id = String, error = NothingLeft, events(ignore(Booked, Sold)))]
struct Trip {}

impl Handle<Book> for Trip {
    fn handle(&self, _: Book) -> Result<Events<Self>, NothingLeft> {
        Ok(Booked {}.into())
    }
}

impl Handle<Sell> for Trip {
    fn handle(&self, _: Sell) -> Result<Events<Self>, NothingLeft> {
        Err(NothingLeft)
    }
}

/// How many rooms are held for each trip, by the key of the request. It does not know what was taken back, so a request that
/// comes late holds a room again.
type Rooms = Arc<Mutex<BTreeMap<String, String>>>;

#[derive(Serialize, Deserialize)]
struct HoldRoom {
    trip: String,
}

#[saga("hold-room", version = 1, deps = Rooms, retry(attempts = 1), undo_retry(attempts = 50))]
#[allow(clippy::unused_async, reason = "steps of a test")]
impl HoldRoom {
    #[start]
    fn booked(booked: &Envelope<Booked>) -> Option<Start<Self>> {
        let trip = booked.stream.id().to_owned();
        Some(Start::new(trip.clone(), Self { trip }))
    }

    #[step(undo = let_go)]
    async fn hold(&self, rooms: &Rooms, cx: &StepCx) -> Result<String, Fail> {
        let mut rooms = rooms.lock().map_err(|_| Fail::transient("poisoned"))?;
        let key = cx.key().to_string();
        rooms.insert(key.clone(), self.trip.clone());
        Ok(key)
    }

    #[undo]
    async fn let_go(&self, rooms: &Rooms, _: &StepCx, did: Effect<&String>) -> Result<(), Fail> {
        let mut rooms = rooms.lock().map_err(|_| Fail::transient("poisoned"))?;
        rooms.remove(&did.key().to_string());
        Ok(())
    }

    #[command(no_undo)]
    fn sell(&self) -> AggregateCommand {
        AggregateCommand::new::<Trip, _>(&self.trip, Sell)
    }
}

/// Trips are booked, and no one can be sold: no room may be held in the end, also where a request came so late that its worker
/// had lost the lease.
fn late_rooms(sim: &Sim) {
    let rooms = Rooms::default();
    sim.process(|process| {
        let trips = process.repository::<Trip>();
        process.spawn(async move {
            for number in 0..6 {
                let id = AppendId::new("book").expect("an id");
                let _ = trips.execute(number.to_string(), Book).append_id(id).await;
            }
        });
    });
    for _ in 0..2 {
        let rooms = rooms.clone();
        sim.process(move |process| {
            let sagas = process.sagas().from_the_beginning(true);
            process.run_sagas(sagas.with::<HoldRoom>(rooms.clone()));
        });
    }
    sim.run();
    let rooms = rooms.lock().expect("not poisoned");
    assert_eq!(*rooms, BTreeMap::new(), "rooms that nobody lets go");
}

#[test]
fn a_step_that_comes_through_late_is_undone_in_every_history() {
    let late = |seed| {
        // A worker that dies, or does not reach the store, before it says that the call came through, has not said so.
        let faults = Faults::default().step(0.4).most(200);
        let faults = faults.crash(0.0).unavailable(0.0);
        history(seed, faults, late_rooms);
    };
    (0..es_tests::tries(2_000, 60)).for_each(late);
    // The late call comes between the undo and its record.
    late(487);
}
