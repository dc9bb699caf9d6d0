//! Two doctors on call, of whom one must stay: each decision writes what the other one only reads.

use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted};
use es_runtime::{
    Aggregate, AnyStore, Apply, Event, Events, Handle, Repository, SnapshotStore, WorkQueue,
};
use es_tests::faulty::{Fault, Faulty};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

/// So long at most until both have left.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Event, Serialize, Deserialize)]
#[event("doctor.came")]
struct Came {}

#[derive(Event, Serialize, Deserialize)]
#[event("doctor.left")]
struct Left {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("doctor", id = String, error = Infallible, events(Came, Left))]
struct Doctor {
    on_call: bool,
}

impl Apply<Came> for Doctor {
    fn apply(&mut self, _: &Came) {
        self.on_call = true;
    }
}

impl Apply<Left> for Doctor {
    fn apply(&mut self, _: &Left) {
        self.on_call = false;
    }
}

#[derive(Clone)]
struct Come;

impl Handle<Come> for Doctor {
    fn handle(&self, _: Come) -> Result<Events<Self>, Infallible> {
        Ok(Came {}.into())
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nobody else is on call")]
struct NobodyElse;

#[derive(Decision)]
#[decision("leave", error = NobodyElse, reads(who: Doctor(who), other: Doctor(other)))]
struct Leave {
    who: String,
    other: String,
}

impl Decide for Leave {
    fn decide(&self, read: &LeaveReads) -> Result<Emitted<Self>, NobodyElse> {
        if !read.other.on_call {
            return Err(NobodyElse);
        }
        Ok(Emitted::new().on::<Doctor>(&self.who, Left {}.into()))
    }
}

/// Both want to leave at the same time, several pairs. The pairs of whom nobody is left.
async fn abandoned(store: impl WorkQueue + SnapshotStore, rounds: usize) -> usize {
    let doctors: Repository<Doctor> = Repository::new(AnyStore::new(store.clone())).cached(10);
    let decisions = Decisions::new(store);
    let mut abandoned = 0;
    for round in 0..rounds {
        let pair = [format!("{round}-a"), format!("{round}-b")];
        for doctor in &pair {
            doctors.execute(doctor, Come).await.expect("came");
        }
        let tasks = [0, 1].map(|mine| {
            let (decisions, pair) = (decisions.clone(), pair.clone());
            es_tests::spawn(async move {
                let leave = Leave {
                    who: pair[mine].clone(),
                    other: pair[1 - mine].clone(),
                };
                decisions.execute(leave).await
            })
        });
        for task in tasks {
            match task.await.expect("no panic") {
                Ok(_) | Err(DecisionError::Rejected(NobodyElse)) => {}
                Err(wrong) => panic!("{wrong}"),
            }
        }
        let mut left = 0;
        for doctor in &pair {
            let loaded = doctors.load(doctor).await.expect("loaded");
            left += usize::from(loaded.state.on_call);
        }
        abandoned += usize::from(left == 0);
    }
    abandoned
}

async fn somebody_stays_on_call(store: AnyStore) {
    assert_eq!(abandoned(store, 40).await, 0);
}

/// The control: a store that checks only what is written lets both go.
async fn without_guards_both_leave(store: AnyStore) {
    let store = Faulty::store(store, [Fault::IgnoresGuards]);
    let began = Instant::now();
    while abandoned(store.clone(), 20).await == 0 {
        assert!(began.elapsed() < PATIENCE, "the test finds no write skew");
    }
}

on_each!(somebody_stays_on_call, without_guards_both_leave);

on_jetstream!(somebody_stays_on_call, without_guards_both_leave,);
