//! What a task does: one operation after the other, each under an append id, the same ones in each life of its process.

use super::{
    courses::{Course, Join, JoinAndPay, Leave, Open, Resize},
    credit::{Credit, CreditAsked, MoveCredit},
    waiting::{Seeker, WaitingList, Waits},
};
use crate::{
    courses::{course, student},
    transfers::{self, ACCOUNTS, Transfer},
};
use es_decisions::{Decide, DecisionError, Decisions};
use es_runtime::{
    Aggregate, AnyStore, AppendId, Command, ExecuteError, Repository, RetryPolicy, SnapshotStore,
    WorkQueue, command::HandledBy,
};
use es_sagas::Sagas;
use std::{num::NonZeroU32, time::Duration};

/// So many courses there are.
pub const COURSES: u64 = 3;
/// So many seats each of them has at first.
pub const CAPACITY: u32 = 3;
/// So many courses a student has at most.
pub const MOST: u64 = 2;
/// So many operations a task does.
pub const OPERATIONS: u64 = 4;
/// The account that gets all fees.
pub const SCHOOL: &str = "school";

const STUDENTS: u64 = 6;
const SEEKERS: u64 = 3;

/// The accounts and the courses, as they are at first.
pub async fn open(store: &AnyStore) {
    transfers::open(store).await;
    let courses: Repository<Course> = Repository::new(store.clone());
    for id in 0..COURSES {
        let id = id.to_string();
        let open = Open(course(&id), CAPACITY);
        courses.execute(&id, open).await.expect("opened");
    }
}

/// What moves credit and serves those who wait.
pub fn sagas(store: impl WorkQueue + SnapshotStore) -> Sagas {
    Sagas::new(store)
        .from_the_beginning(true)
        // Short, since the next process waits for it after each kill.
        .lease(Duration::from_millis(150))
        .poll_every(Duration::from_millis(20))
        .with::<MoveCredit>(())
        .with_process_manager::<WaitingList>()
}

/// More often than there are others. A store that forgets append ids may never take what it has: that must end, too.
fn patient() -> RetryPolicy {
    RetryPolicy::default()
        .with_attempts(NonZeroU32::MIN.saturating_add(80))
        .with_longest(Duration::from_millis(20))
}

/// What tasks work with.
#[derive(Clone)]
pub struct Work {
    decisions: Decisions,
    store: AnyStore,
    seed: u64,
}

impl Work {
    /// In this store, as this seed has it.
    pub fn new(store: AnyStore, seed: u64) -> Self {
        let decisions = Decisions::new(store.clone()).with_retry(patient());
        Self {
            decisions,
            store,
            seed,
        }
    }

    /// Does one operation of a task. Its name if it was accepted.
    pub async fn one(&self, task: u64, number: u64) -> Option<String> {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ (task * 1_000 + number));
        let from = dice.u64(..ACCOUNTS);
        let to = (from + dice.u64(1..ACCOUNTS)) % ACCOUNTS;
        let (from, to, cents) = (from.to_string(), to.to_string(), dice.u64(1..=120));
        let student = student(dice.u64(..STUDENTS).to_string());
        let at = dice.u64(..COURSES).to_string();
        let course = course(&*at);
        let named = |kind: &str| format!("{kind}-{task}-{number}");
        let (name, is_accepted) = match dice.u8(..12) {
            0..=2 => {
                let name = named("transfer");
                let transfer = Transfer {
                    from,
                    to,
                    cents,
                    name: name.clone(),
                };
                (name.clone(), self.decide(transfer, &name).await)
            }
            3 | 4 => {
                let name = named("join");
                let join = Join { student, course };
                (name.clone(), self.decide(join, &name).await)
            }
            5 | 6 => {
                let name = named("fee");
                let join = JoinAndPay {
                    student,
                    course,
                    payer: from,
                    school: SCHOOL.to_owned(),
                    cents,
                    name: name.clone(),
                };
                (name.clone(), self.decide(join, &name).await)
            }
            7 | 8 => {
                let leave = Leave(student, course);
                self.command::<Course, _>(at, leave, named("leave")).await
            }
            9 => {
                let resize = Resize(course, dice.u32(1..6));
                self.command::<Course, _>(at, resize, named("resize")).await
            }
            10 => {
                // Each of them waits for one course only, so they never have too many.
                let student = format!("seeker-{}-of-{at}", dice.u64(..SEEKERS));
                let id = student.clone();
                let waits = Waits {
                    student,
                    course: at,
                };
                self.command::<Seeker, _>(id, waits, named("wait")).await
            }
            _ => {
                let asked = CreditAsked { from, to, cents };
                let name = named("credit");
                self.command::<Credit, _>(name.clone(), asked, name).await
            }
        };
        is_accepted.then_some(name)
    }

    async fn decide<D: Decide>(&self, decision: D, name: &str) -> bool
    where
        D::Error: std::fmt::Debug,
    {
        let id = AppendId::new(name).expect("an id");
        match self.decisions.execute(decision).append_id(id).await {
            Ok(_) => true,
            Err(DecisionError::Rejected(_)) => false,
            Err(conflict) if conflict.is_conflict() => false,
            Err(wrong) => panic!("{name}: {wrong}"),
        }
    }

    async fn command<A, C>(&self, at: String, command: C, name: String) -> (String, bool)
    where
        A: Aggregate<Id = String>,
        C: Command + HandledBy<A>,
    {
        let id = AppendId::new(&name).expect("an id");
        let aggregates = Repository::<A>::new(self.store.clone()).with_retry(patient());
        match aggregates.execute(at, command).append_id(id).await {
            Ok(_) => (name, true),
            Err(ExecuteError::Rejected(_) | ExecuteError::Conflict { .. }) => (name, false),
            Err(wrong) => panic!("{name}: {wrong}"),
        }
    }
}
