//! Decisions over tags.

use bench_common::{COURSES, Report, SEATS, School, Tried, decisions};
use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted, Fold};
use es_runtime::{Apply, Event, RetryPolicy, SnapshotStore, Tag, WorkQueue};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("course")]
struct CourseId(String);

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("student")]
struct StudentId(String);

#[derive(Event, Serialize, Deserialize)]
#[event("student.subscribed", home = student)]
struct Subscribed {
    #[tag]
    student: StudentId,
    #[tag]
    course: CourseId,
}

#[derive(Fold, Clone, Default)]
#[fold("seats", by(CourseId), events(Subscribed))]
struct Seats {
    taken: u64,
}

impl Apply<Subscribed> for Seats {
    fn apply(&mut self, _: &Subscribed) {
        self.taken += 1;
    }
}

#[derive(Fold, Clone, Default)]
#[fold("load", by(StudentId), events(Subscribed))]
struct Load {
    courses: u64,
}

impl Apply<Subscribed> for Load {
    fn apply(&mut self, _: &Subscribed) {
        self.courses += 1;
    }
}

#[derive(Debug, thiserror::Error)]
#[error("full")]
struct Full;

#[derive(Decision)]
#[decision("course.subscribe", error = Full, emits(Subscribed),
    reads(seats: Seats(course), load: Load(student)))]
struct Subscribe {
    student: StudentId,
    course: CourseId,
}

impl Decide for Subscribe {
    fn decide(&self, read: &SubscribeReads) -> Result<Emitted<Self>, Full> {
        if read.seats.taken >= SEATS || read.load.courses >= COURSES {
            return Err(Full);
        }
        let (student, course) = (self.student.clone(), self.course.clone());
        Ok(Emitted::new().event(Subscribed { student, course }))
    }
}

#[derive(Clone)]
struct Es(Decisions);

impl School for Es {
    async fn subscribe(&self, student: String, course: String) -> Tried {
        let (student, course) = (StudentId(student), CourseId(course));
        match self.0.execute(Subscribe { student, course }).await {
            Ok(_) => Tried::Subscribed,
            Err(DecisionError::Rejected(Full)) => Tried::Full,
            Err(conflict) if conflict.is_conflict() => Tried::Conflict,
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

/// It tries again by itself, and reads only what is new then.
pub(crate) async fn run(
    report: &mut Report,
    group: &str,
    store: &(impl WorkQueue + SnapshotStore),
) {
    let retry = RetryPolicy::default().with_attempts(NonZeroU32::MAX);
    let school = Es(Decisions::new(store.clone()).with_retry(retry));
    decisions(report, group, &school).await;
}
