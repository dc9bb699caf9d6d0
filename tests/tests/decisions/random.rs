//! Tasks move money, subscribe students and change capacities at random. What is stored is checked afterwards from the
//! rows alone: no fold and no tag has a say.

use crate::{
    folds::{Move, WalletId},
    places::{Row, rows, store_in},
};
use es_decisions::{Decide, Decisions};
use es_runtime::{SnapshotStore, WorkQueue};
use es_tests::{
    courses::{Change, Define, MOST, course, student, subscribe},
    faulty::{Fault, Faulty},
    places::Place,
    tries,
};
use std::collections::{BTreeMap, BTreeSet};

const TASKS: u64 = 8;
const WALLETS: u32 = 3;
const COURSES: u32 = 4;
const STUDENTS: u32 = 9;
/// What each wallet has at first.
const AT_FIRST: i64 = 100;

/// Whether it was accepted.
async fn done<D: Decide>(decisions: &Decisions, decision: D) -> bool
where
    D::Error: PartialEq,
{
    match decisions.execute(decision).await {
        Ok(_) => true,
        Err(error) if error.is_conflict() || error.rejection().is_some() => false,
        Err(wrong) => panic!("{wrong}"),
    }
}

async fn one(decisions: &Decisions, random: &mut fastrand::Rng) -> bool {
    let mut any = |of: u32| random.u32(0..of).to_string();
    match any(4).as_str() {
        "0" => {
            let wallet = WalletId;
            let moved = Move {
                from: wallet(any(WALLETS)),
                to: wallet(any(WALLETS)),
                first: student(any(STUDENTS)),
                second: student(any(STUDENTS)),
                cents: random.u64(1..90),
            };
            done::<Move>(decisions, moved).await
        }
        "1" => {
            let change = Change {
                course: course(any(COURSES)),
                capacity: random.u32(1..7),
            };
            done(decisions, change).await
        }
        _ => done(decisions, subscribe(any(STUDENTS), any(COURSES))).await,
    }
}

/// A task for each of some seeds. How many decisions were accepted.
async fn work(store: impl WorkQueue + SnapshotStore, seed: u64, each: u64) -> usize {
    let decisions = Decisions::new(store);
    for id in 0..COURSES {
        let course = course(id.to_string());
        let define = Define {
            course,
            capacity: 2,
        };
        assert!(done(&decisions, define).await);
    }
    let start = |task| {
        let decisions = decisions.clone();
        let mut random = fastrand::Rng::with_seed(seed + task);
        es_tests::spawn(async move {
            let mut accepted = 0;
            for _ in 0..each {
                accepted += usize::from(one(&decisions, &mut random).await);
            }
            accepted
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(start).collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.expect("no panic");
    }
    accepted
}

/// What is wrong with the rows, by arithmetic on them alone.
fn audit(rows: &[Row]) -> Result<(), String> {
    let mut balances: BTreeMap<String, i64> = BTreeMap::new();
    let mut capacities: BTreeMap<String, i64> = BTreeMap::new();
    let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
    for (home, event, payload) in rows {
        let payload: serde_json::Value = serde_json::from_str(payload).expect("JSON");
        let text = |key: &str| payload[key].as_str().expect("a text").to_owned();
        let number = |key: &str| payload[key].as_i64().expect("a number");
        match event.as_str() {
            "money.moved" => {
                for (wallet, cents) in [
                    (text("from"), -number("cents")),
                    (text("to"), number("cents")),
                ] {
                    let balance = balances.entry(wallet).or_insert(AT_FIRST);
                    *balance += cents;
                    if *balance < 0 {
                        return Err(format!("{payload} overdraws"));
                    }
                }
            }
            "student.subscribed" => {
                let (student, course) = (text("student"), text("course"));
                assert_eq!(*home, course);
                if !pairs.insert((student.clone(), course)) {
                    return Err(format!("{payload} is there twice"));
                }
                let courses = pairs.iter().filter(|(of, _)| *of == student).count();
                if courses > MOST as usize {
                    return Err(format!("{payload} is one course too many"));
                }
            }
            "course.defined" | "course.capacity_changed" => {
                capacities.insert(text("course"), number("capacity"));
            }
            other => return Err(format!("nobody stores {other}")),
        }
        for (course, capacity) in &capacities {
            let taken = pairs.iter().filter(|(_, of)| of == course).count();
            if taken as i64 > *capacity {
                return Err(format!(
                    "after {payload} course {course} has {taken} students"
                ));
            }
        }
    }
    Ok(())
}

async fn kept(place: fn() -> Place) {
    for _ in 0..tries(20, 1) {
        let place = place();
        let seed = fastrand::u64(..u64::MAX / 2);
        let accepted = work(store_in(&place).await, seed, tries(200, 40)).await;
        let rows = rows(&place);
        assert_eq!(rows.len(), accepted + COURSES as usize, "seed {seed}");
        audit(&rows).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        assert!(accepted > 20, "seed {seed}: {accepted} were accepted");
    }
}

/// The control: without guards the rows break a rule.
async fn broken(place: fn() -> Place) {
    for _ in 0..20 {
        let place = place();
        let store = Faulty::store(store_in(&place).await, [Fault::IgnoresGuards]);
        work(store, fastrand::u64(..u64::MAX / 2), 40).await;
        if audit(&rows(&place)).is_err() {
            return;
        }
    }
    panic!("the audit finds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_holds_in_the_rows_of_sqlite() {
    kept(Place::sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_guards_one_is_broken_on_sqlite() {
    broken(Place::sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn every_rule_holds_in_the_rows_of_postgres() {
    kept(Place::postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn without_guards_one_is_broken_on_postgres() {
    broken(Place::postgres).await;
}
